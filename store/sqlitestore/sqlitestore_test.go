package sqlitestore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/store/storetest"
)

// crashDir tells a child process of the tests where to write until it is killed.
const crashDir = "QUIRL_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		s, err := sqlitestore.Open(context.Background(), filepath.Join(dir, "quirl.db"))
		if err == nil {
			err = storetest.Write(s, os.Stdout)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, dir string) store.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "made", "quirl?%20.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
}

func TestReopened(t *testing.T) { storetest.RunReopened(t, open) }

func TestOpenSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "quirl.db")
	if err := os.WriteFile(file, bytes.Repeat([]byte("this is no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlitestore.Open(t.Context(), file)
	if err == nil {
		s.Close()
		t.Error("a file that is no database was opened")
	}
}

// TestKilled kills a process in the middle of its writes, several times over the same file.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		confirmed := storetest.WriteAndKill(t, crashDir+"="+dir, 500)
		s, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "quirl.db"))
		if err != nil {
			t.Fatalf("round %d: open after the kill: %v", round, err)
		}
		if lines := storetest.CheckConfirmed(t, s, confirmed); lines < 500 {
			t.Errorf("round %d: the child confirmed %d writes only", round, lines)
		}
		if err := s.Close(); err != nil {
			t.Errorf("round %d: close: %v", round, err)
		}
		if err := os.Remove(filepath.Join(dir, "quirl.db")); round%2 == 1 && err != nil {
			t.Fatal(err)
		}
	}
}

func benchStore(b *testing.B) store.Store {
	s, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "quirl.db"))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkStore(b *testing.B) { storetest.Bench(b, benchStore) }

func BenchmarkLarge(b *testing.B) { storetest.BenchLarge(b, benchStore) }
