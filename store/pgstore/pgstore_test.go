package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"quirl/internal/migration"
	"quirl/internal/realtest"
	"quirl/store"
	"quirl/store/pgstore"
	"quirl/store/pgstore/pgtest"
	"quirl/store/storetest"
)

// crashURL tells a child process of the tests where to write until it is killed.
const crashURL = "QUIRL_TEST_CRASH_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(crashURL); url != "" {
		s, err := pgstore.Open(context.Background(), url)
		if err == nil {
			err = storetest.Write(s, os.Stdout)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	realtest.Main(m)
}

func open(t *testing.T, url string) *pgstore.Store {
	t.Helper()
	s, err := pgstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	server := pgtest.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, server.Database(t)) })
}

func TestReopened(t *testing.T) {
	server := pgtest.Start(t)
	urls := map[string]string{} // a folder stands for a database
	storetest.RunReopened(t, func(t *testing.T, dir string) store.Store {
		if urls[dir] == "" {
			urls[dir] = server.Database(t)
		}
		return open(t, urls[dir])
	})
}

func TestShared(t *testing.T) {
	server := pgtest.Start(t)
	storetest.RunShared(t, func(t *testing.T) []store.Store {
		url := server.Database(t)
		return []store.Store{open(t, url), open(t, url), open(t, url)}
	})
}

// TestKilled kills a process in the middle of its writes, several times over one database.
func TestKilled(t *testing.T) {
	url := pgtest.Start(t).Database(t)
	for round := range 3 {
		confirmed := storetest.WriteAndKill(t, crashURL+"="+url, 500)
		s := open(t, url)
		if lines := storetest.CheckConfirmed(t, s, confirmed); lines < 500 {
			t.Errorf("round %d: the child confirmed %d writes only", round, lines)
		}
		if err := s.Close(); err != nil {
			t.Errorf("round %d: close: %v", round, err)
		}
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// TestServerKilled kills the server in the middle of writes: nothing confirmed is lost, no
// call hangs, and all goes on when it is back.
func TestServerKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL server, which is more than a short test may take")
	}
	server, err := pgtest.New() // one of its own
	realtest.Require(t, err)
	defer server.Remove()
	s := open(t, server.Database(t))
	defer s.Close()
	storetest.KillServer(t, s, server, 300)
}

// TestAway: a server that is away is an error of its own kind, after a time.
func TestAway(t *testing.T) {
	pgtest.Start(t)
	if _, err := pgstore.Open(t.Context(), "postgres://quirl@127.0.0.1:1/postgres"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("open: got %v, want %v", err, store.ErrUnavailable)
	}
	if _, err := pgstore.Open(t.Context(), "postgres://quirl:secret@127.0.0.1:x/postgres"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a URL that is none: got %v, want an error without the password", err)
	}
}

func TestMigrate(t *testing.T) {
	url := pgtest.Start(t).Database(t)
	before, err := pgstore.Status(t.Context(), url)
	if err != nil || len(before) == 0 || !before[0].Applied.IsZero() {
		t.Fatalf("before: %+v, %v", before, err)
	}
	// Several at once: each migration is applied once.
	var all sync.WaitGroup
	var applied atomic.Int64
	for range 4 {
		all.Go(func() {
			done, err := pgstore.Migrate(t.Context(), url)
			if err != nil {
				t.Error(err)
			}
			applied.Add(int64(len(done)))
		})
	}
	all.Wait()
	if int(applied.Load()) != len(before) {
		t.Errorf("%d migrations were applied, want %d", applied.Load(), len(before))
	}
	after, err := pgstore.Status(t.Context(), url)
	if err != nil || after[0].Applied.IsZero() {
		t.Errorf("after: %+v, %v", after, err)
	}
	// One of a later version.
	if _, err := connect(t, url).Exec(t.Context(), "INSERT INTO migrations (number, name) VALUES (1000, 'later')"); err != nil {
		t.Fatal(err)
	}
	if _, err := pgstore.Open(t.Context(), url); !errors.Is(err, migration.ErrNewer) {
		t.Errorf("a newer database: got %v, want %v", err, migration.ErrNewer)
	}
}

// TestMigrationCutOff: a migration that fails in its middle leaves nothing, and can be repeated.
func TestMigrationCutOff(t *testing.T) {
	url := pgtest.Start(t).Database(t)
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), "CREATE TABLE journal (x int)"); err != nil { // the last table of the first migration
		t.Fatal(err)
	}
	if _, err := pgstore.Migrate(t.Context(), url); err == nil {
		t.Fatal("a migration went over a table that was there")
	}
	var left int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_class WHERE relname IN ('entities', 'subjects', 'activations')").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d tables are left, %v", left, err)
	}
	if _, err := conn.Exec(t.Context(), "DROP TABLE journal"); err != nil {
		t.Fatal(err)
	}
	if done, err := pgstore.Migrate(t.Context(), url); err != nil || len(done) == 0 {
		t.Errorf("again: %v, %v", done, err)
	}
}

// benchStore opens stores on databases of a server's.
func benchStore(b *testing.B) func(*testing.B) store.Store {
	server := pgtest.Start(b)
	return func(b *testing.B) store.Store {
		s, err := pgstore.Open(b.Context(), server.Database(b))
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
}

func BenchmarkStore(b *testing.B) { storetest.Bench(b, benchStore(b)) }

func BenchmarkLarge(b *testing.B) { storetest.BenchLarge(b, benchStore(b)) }
