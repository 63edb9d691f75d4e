package storetest

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

var entityCases = []testCase{
	{"entities come back as they were written", testEntityFields},
	{"what is written is not kept", testPutDoesNotKeep},
	{"every write needs the present revision", testRevisions},
	{"of concurrent writers of one revision one wins", testOneWriterWins},
	{"of concurrent creators one wins", testOneCreatorWins},
	{"an entity created again has a revision that none had before", testCreatedAgain},
	{"collections share one key space", testOneKeySpace},
}

func testEntityFields(t *testing.T, s store.Store) {
	instances := 3
	full := func(path, name string) whisk.Meta {
		return whisk.Meta{
			Namespace: whisk.Path(path), Name: name, Version: whisk.Version{Major: 1, Minor: 2, Patch: 3}, Publish: true, Updated: noon,
			Annotations: whisk.Parameters{{Key: "description", Value: []byte(`"<ä & 1.0>"`)}},
		}
	}
	parameters := whisk.Parameters{
		{Key: "z", Value: []byte(`{"b":1,"a":1.00}`)},
		{Key: "a", Value: []byte(`null`), Init: true},
		{Key: "secret", Value: []byte(`"x"`), Encryption: "aes-256"},
	}
	other := whisk.FullName{Path: "other/pkg", Name: "a b@c"}
	for _, want := range []whisk.Entity{
		&whisk.Action{
			Meta: full("ns/pkg", "act"), Parameters: parameters,
			Exec: whisk.Exec{
				Kind: whisk.BlackboxKind, Binary: true, Main: "go", Image: "me/image:1", Components: []whisk.FullName{other},
				Attachment: &whisk.Attachment{SHA256: "abc", Size: 12, Decoded: true},
			},
			Limits: whisk.ActionLimits{Timeout: 1, Memory: 2, Logs: 3, Concurrency: 4, Instances: &instances},
		},
		&whisk.Package{Meta: full("ns", "pkg"), Parameters: parameters, Binding: &whisk.Binding{Namespace: "other", Name: "pkg"}},
		&whisk.Trigger{Meta: full("ns", "trig"), Parameters: parameters, Rules: whisk.RuleLinks{{Rule: "ns/z", Action: other}, {Rule: "ns/rule", Action: other, Active: true}}},
		&whisk.Rule{Meta: full("ns", "rule"), Trigger: whisk.FullName{Path: "ns", Name: "trig"}, Action: other},
	} {
		put(t, s, want)
		got, err := s.Entity(t.Context(), want.FullName().ID())
		if err != nil {
			t.Fatalf("read %s: %v", want.FullName(), err)
		}
		if diff := cmp.Diff(want, got, none); diff != "" {
			t.Errorf("%s (-written +read):\n%s", want.FullName(), diff)
		}
	}
	_, err := s.Entity(t.Context(), "ns/nothing")
	wantError(t, "read what is not there", err, store.ErrNotFound)
}

func testPutDoesNotKeep(t *testing.T, s store.Store) {
	a := action("ns", "a", noon)
	a.Parameters = whisk.Parameters{{Key: "k", Value: []byte("1")}}
	put(t, s, a)
	a.Parameters[0].Value[0] = '2'
	a.Exec.Kind = "changed"
	got, err := store.Get[*whisk.Action](t.Context(), s, "ns/a")
	if err != nil {
		t.Fatal(err)
	}
	if value := string(got.Parameters.Get("k")); value != "1" || got.Exec.Kind != "nodejs:20" {
		t.Errorf("after a change of the written value: got k = %s and kind %s, want 1 and nodejs:20", value, got.Exec.Kind)
	}
}

func testRevisions(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := action("ns", "a", noon)
	first := put(t, s, a)
	if first == "" {
		t.Fatal("the first revision is empty")
	}
	_, err := s.PutEntity(ctx, action("ns", "a", noon+1))
	wantError(t, "create what is there", err, store.ErrConflict)
	second := put(t, s, a)
	if second == first {
		t.Errorf("an update left the revision at %s", first)
	}
	for _, wrong := range []string{first, "", "nonsense", second + "0", second + "x"} {
		stale := action("ns", "a", noon+2)
		stale.Revision = wrong
		_, err := s.PutEntity(ctx, stale)
		wantError(t, "update with revision "+wrong, err, store.ErrConflict)
		wantError(t, "delete with revision "+wrong, s.DeleteEntity(ctx, "ns/a", wrong), store.ErrConflict)
	}
	if got, err := s.Entity(ctx, "ns/a"); err != nil || got.Common().Revision != second || got.Common().Updated != noon {
		t.Fatalf("after refused writes: got %+v, %v; want revision %s, updated at %d", got, err, second, noon)
	}
	if err := s.DeleteEntity(ctx, "ns/a", second); err != nil {
		t.Fatalf("delete with the present revision: %v", err)
	}
	_, err = s.Entity(ctx, "ns/a")
	wantError(t, "read after delete", err, store.ErrNotFound)
	_, err = s.PutEntity(ctx, a)
	wantError(t, "update after delete", err, store.ErrConflict)
	wantError(t, "delete after delete", s.DeleteEntity(ctx, "ns/a", second), store.ErrConflict)
}

// race runs n writers at once and returns how many succeeded; the others must get ErrConflict.
func race(t *testing.T, n int, write func(writer int) error) (won int) {
	t.Helper()
	var wg sync.WaitGroup
	var wins atomic.Int64
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			if err := write(i); err == nil {
				wins.Add(1)
			} else {
				wantError(t, "the loser", err, store.ErrConflict)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(wins.Load())
}

func testOneWriterWins(t *testing.T, s store.Store) {
	present := put(t, s, action("ns", "a", noon))
	for round := range 50 {
		winner := make(chan string, 4)
		won := race(t, cap(winner), func(writer int) error {
			a := action("ns", "a", noon+int64(writer))
			a.Revision = present
			revision, err := s.PutEntity(t.Context(), a)
			if err == nil {
				winner <- revision
			}
			return err
		})
		if won != 1 {
			t.Fatalf("round %d: %d of %d writers of revision %s won, want 1", round, won, cap(winner), present)
		}
		present = <-winner
	}
	won := race(t, 4, func(int) error { return s.DeleteEntity(t.Context(), "ns/a", present) })
	if won != 1 {
		t.Errorf("%d of 4 deletes of revision %s won, want 1", won, present)
	}
}

func testOneCreatorWins(t *testing.T, s store.Store) {
	for round := range 30 {
		name := numbered("a", round)
		won := race(t, 4, func(int) error {
			_, err := s.PutEntity(t.Context(), action("ns", name, noon))
			return err
		})
		if won != 1 {
			t.Fatalf("%d of 4 creators of ns/%s won, want 1", won, name)
		}
	}
}

func testCreatedAgain(t *testing.T, s store.Store) {
	had := map[string]bool{}
	for round := range 20 {
		a := action("ns", "a", noon) // all within one millisecond
		for range 3 {
			revision := put(t, s, a)
			if had[revision] {
				t.Fatalf("round %d: revision %s was that of an earlier state", round, revision)
			}
			had[revision] = true
		}
		if err := s.DeleteEntity(t.Context(), "ns/a", a.Revision); err != nil {
			t.Fatalf("round %d: delete: %v", round, err)
		}
	}
}

func testOneKeySpace(t *testing.T, s store.Store) {
	put(t, s, action("ns", "x", noon))
	present := put(t, s, action("ns/x", "x", noon))
	trigger := &whisk.Trigger{Meta: meta("ns/x", "x", noon)}
	_, err := s.PutEntity(t.Context(), trigger)
	wantError(t, "create a trigger in place of an action", err, store.ErrConflict)
	trigger.Revision = present
	_, err = s.PutEntity(t.Context(), trigger)
	wantError(t, "write a trigger over an action", err, store.ErrConflict)
	got, err := s.Entity(t.Context(), "ns/x/x")
	if err != nil || got.Collection() != whisk.Actions {
		t.Errorf("after refused writes: got %+v, %v; want the action", got, err)
	}
	_, err = store.Get[*whisk.Trigger](t.Context(), s, "ns/x/x")
	if whisk.KindOf(err) != whisk.Conflict {
		t.Errorf("get an action as trigger: got %v, want a conflict", err)
	}
	_, err = store.Get[*whisk.Trigger](t.Context(), s, "ns/y")
	if whisk.KindOf(err) != whisk.NotFound {
		t.Errorf("get what is not there: got %v, want not found", err)
	}
}
