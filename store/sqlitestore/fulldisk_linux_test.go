package sqlitestore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

// smallDisk mounts a file system of so many bytes and returns its folder.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a small disk can be mounted by root alone")
	}
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size))
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("mount a small disk: %v", err)
	}
	if err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, 6<<20)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "quirl.db"))
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			s.Close()
		}
	}()
	batch := func() []store.Record {
		var records []store.Record
		for range 5 {
			now := time.Now()
			records = append(records, store.Record{Activation: &whisk.Activation{
				Namespace: "ns", Name: "a", Version: whisk.FirstVersion(), ID: whisk.NewActivationID(now), Start: now, End: now,
				Response: whisk.Response{Result: whisk.Marshal(whisk.RandomText(50_000))},
			}})
		}
		return records
	}
	var confirmed []store.Record
	var refused []store.Record
	for refused == nil {
		b := batch()
		if _, err := s.PutActivations(t.Context(), b); err != nil {
			t.Logf("after %d records: %v", len(confirmed), err)
			refused = b
			continue
		}
		if confirmed = append(confirmed, b...); len(confirmed) > 1000 {
			t.Fatal("the disk does not become full")
		}
	}
	if len(confirmed) == 0 {
		t.Fatal("no batch fitted the disk")
	}
	check := func(when string, there, gone []store.Record) {
		t.Helper()
		for _, r := range there {
			if _, err := s.Activation(t.Context(), "ns", r.ID); err != nil {
				t.Fatalf("%s: confirmed record %s: %v", when, r.ID, err)
			}
		}
		for _, r := range gone {
			if _, err := s.Activation(t.Context(), "ns", r.ID); !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("%s: a record of a batch that failed: got %v, want %v", when, err, store.ErrNotFound)
			}
		}
	}
	check("on the full disk", confirmed, refused)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if n, err := s.PutActivations(t.Context(), refused); err != nil || n != 0 {
		t.Fatalf("the same batch when there is room again: got %d refused, %v", n, err)
	}
	check("when there is room again", append(confirmed, refused...), nil)
	closed = true
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = sqlitestore.Open(t.Context(), filepath.Join(dir, "quirl.db")); err != nil {
		t.Fatal(err)
	}
	closed = false
	check("after opening it again", append(confirmed, refused...), nil)
}
