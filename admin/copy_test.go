package admin_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"quirl/admin"
	"quirl/internal/realtest"
	"quirl/store"
	"quirl/store/couchstore"
	"quirl/store/couchstore/couchtest"
	"quirl/store/pgstore"
	"quirl/store/pgstore/pgtest"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

func TestMain(m *testing.M) { realtest.Main(m) }

func sqlite(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "quirl.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// fill puts something of each sort into a store.
func fill(t *testing.T, s store.Store, actions, records int) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"alice", "bobby"} {
		check(s.PutSubject(ctx, whisk.Subject{Name: name, Blocked: name == "bobby", Namespaces: []whisk.SubjectNamespace{{Name: name, Key: whisk.NewKey()}}}))
	}
	seven := 7
	check(s.PutNamespaceLimits(ctx, "alice", whisk.NamespaceLimits{InvocationsPerMinute: &seven}))
	for i := range actions {
		a := &whisk.Action{
			Meta: whisk.Meta{Namespace: "alice", Name: fmt.Sprintf("a%d", i), Version: whisk.FirstVersion(), Updated: int64(i)},
			Exec: whisk.Exec{Kind: "nodejs:20", Attachment: &whisk.Attachment{SHA256: "00", Size: 3}},
		}
		a.Annotations = whisk.Parameters{}.WithValue("z<&>", 1.5).WithValue("a", []any{nil, "ä\u2028"})
		_, err := s.PutEntity(ctx, a)
		check(err)
	}
	batch := make([]store.Record, records)
	for i := range batch {
		at := time.UnixMilli(1_700_000_000_000 + int64(i)*3_600_000)
		id := whisk.NewActivationID(at)
		if i%10 == 0 { // of another platform
			id = whisk.ActivationID(fmt.Sprintf("%032x", i*7919))
		}
		batch[i] = store.Record{Unjournaled: true, Activation: &whisk.Activation{
			Namespace: "alice", Name: "a0", Version: whisk.FirstVersion(), Subject: "alice", ID: id, Start: at, End: at.Add(time.Second), Duration: 1000,
			Response: whisk.Response{Result: []byte(`{"n": 1.50, "big": 123456789012345678901234567890}`)}, Logs: []string{"line"},
			Annotations: whisk.Parameters{}.WithValue("path", "alice/a0"),
		}}
	}
	refused, err := s.PutActivations(ctx, batch)
	if err != nil || refused > 0 {
		t.Fatalf("%d records refused, %v", refused, err)
	}
	audit := store.NewAuditEntry(time.Now())
	audit.Actor, audit.Action = "alice", "PUT"
	check(s.PutAudit(ctx, audit))
	check(s.Accept(ctx, store.JournalEntry{ID: whisk.NewActivationID(time.Now()), Message: []byte{0, 255, 1}}))
}

func same(t *testing.T, what string, one, other store.Store) {
	t.Helper()
	if different, err := admin.Differences(t.Context(), one, other); err != nil || len(different) > 0 {
		t.Errorf("%s: %v, different are %q", what, err, different)
	}
}

// TestCopy goes from one kind of store to another and back: each has every byte.
func TestCopy(t *testing.T) {
	first, last := sqlite(t), sqlite(t)
	fill(t, first, 30, 1100)
	middle, err := pgstore.Open(t.Context(), pgtest.Start(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer middle.Close()
	couch, err := couchstore.Open(t.Context(), couchtest.Start(t).Prefix(t))
	if err != nil {
		t.Fatal(err)
	}
	defer couch.Close()
	for _, step := range []struct {
		what     string
		from, to store.Store
	}{{"to PostgreSQL", first, middle}, {"to CouchDB", middle, couch}, {"and back", couch, last}} {
		counts, err := admin.Copy(t.Context(), step.from, step.to, func(admin.Counts) {})
		if want := (admin.Counts{Subjects: 2, Limits: 1, Entities: 30, Activations: 1100, Entries: 1, Audit: 1}); err != nil || counts != want {
			t.Errorf("%s: got %v, %v; want %v", step.what, counts, err, want)
		}
		same(t, step.what, first, step.to)
	}
	again, err := admin.Copy(t.Context(), first, middle, func(admin.Counts) {})
	if err != nil || again.Present != 2+30+1100 {
		t.Errorf("once more: %v, %v", again, err)
	}
}

// TestCopyAgain: a copy that was cut off anywhere is repeated, and what was changed meanwhile replaces what it was.
func TestCopyAgain(t *testing.T) {
	from, to := sqlite(t), sqlite(t)
	fill(t, from, 20, 600)
	cut := errors.New("cut off")
	for _, writes := range []int{1, 3, 8, 9} {
		if _, err := admin.Copy(t.Context(), from, &failing{Store: to, after: writes, err: cut}, func(admin.Counts) {}); !errors.Is(err, cut) {
			t.Fatalf("after %d writes: got %v, want %v", writes, err, cut)
		}
	}
	e, err := from.Entity(t.Context(), "alice/a0")
	if err != nil {
		t.Fatal(err)
	}
	changed := *e.(*whisk.Action)
	changed.Version = changed.Version.Next()
	if _, err := from.PutEntity(t.Context(), &changed); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Copy(t.Context(), from, to, func(admin.Counts) {}); err != nil {
		t.Fatal(err)
	}
	same(t, "after all", from, to)
}

// failing is a store that takes so many writes.
type failing struct {
	store.Store
	after int
	err   error
}

func (f *failing) write() error {
	if f.after--; f.after < 0 {
		return f.err
	}
	return nil
}

func (f *failing) PutSubject(ctx context.Context, s whisk.Subject) error {
	if err := f.write(); err != nil {
		return err
	}
	return f.Store.PutSubject(ctx, s)
}

func (f *failing) PutEntity(ctx context.Context, e whisk.Entity) (string, error) {
	if err := f.write(); err != nil {
		return "", err
	}
	return f.Store.PutEntity(ctx, e)
}

func (f *failing) PutActivations(ctx context.Context, records []store.Record) (int, error) {
	if err := f.write(); err != nil {
		return 0, err
	}
	return f.Store.PutActivations(ctx, records)
}
