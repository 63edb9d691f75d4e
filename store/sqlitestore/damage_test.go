package sqlitestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

// TestDamagedPage writes over pages in the middle of a database: what lies there is said to be
// damaged, and all else goes on being read and written.
func TestDamagedPage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "quirl.db")
	s, err := sqlitestore.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	var records []store.Record
	for range 400 {
		now := time.Now()
		records = append(records, store.Record{Unjournaled: true, Activation: &whisk.Activation{
			Namespace: "ns", Name: "a", Version: whisk.FirstVersion(), ID: whisk.NewActivationID(now), Start: now, End: now,
			Response: whisk.Response{Result: whisk.Marshal("marked " + whisk.RandomText(3000))},
		}})
	}
	if _, err := s.PutActivations(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if problems, err := sqlitestore.Problems(t.Context(), file); err != nil || len(problems) > 0 {
		t.Fatalf("before: %q, %v", problems, err)
	}

	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	damaged := 0
	for at := len(data) / 2 / page * page; damaged < 4 && at < len(data); at += page {
		if strings.Contains(string(data[at:at+page]), `"marked `) {
			for i := range page {
				data[at+i] = 0xa5
			}
			damaged++
		}
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}

	if s, err = sqlitestore.Open(t.Context(), file); err != nil {
		t.Fatalf("open: %v", err)
	}
	defer s.Close()
	read, lost := 0, 0
	for _, r := range records {
		got, err := s.Activation(t.Context(), "ns", r.ID)
		switch {
		case err == nil && string(got.Response.Result) == string(r.Response.Result):
			read++
		case errors.Is(err, sqlitestore.ErrDamaged):
			lost++
		default:
			t.Fatalf("record %s: %v", r.ID, err)
		}
	}
	t.Logf("%d records are read, %d are said to be damaged", read, lost)
	if lost == 0 || read < len(records)-10*damaged {
		t.Errorf("of %d records %d are read and %d damaged, by %d pages", len(records), read, lost, damaged)
	}
	fresh := *records[0].Activation
	fresh.ID = whisk.NewActivationID(time.Now())
	if _, err := s.PutActivations(t.Context(), []store.Record{{Activation: &fresh, Unjournaled: true}}); err != nil {
		t.Errorf("a new record: %v", err)
	}
	if _, err := s.Activation(t.Context(), "ns", fresh.ID); err != nil {
		t.Errorf("the new record: %v", err)
	}
	if problems, err := sqlitestore.Problems(t.Context(), file); err != nil || len(problems) == 0 {
		t.Errorf("the check finds %q, %v", problems, err)
	}
	if err := sqlitestore.Backup(t.Context(), file, file+".copy"); !errors.Is(err, sqlitestore.ErrDamaged) {
		t.Errorf("a backup of it: got %v, want %v", err, sqlitestore.ErrDamaged)
	}
}
