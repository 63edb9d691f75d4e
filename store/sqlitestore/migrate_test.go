package sqlitestore

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"quirl/internal/migration"
)

// migrateFile tells a child process of TestKilledInAMigration which database to migrate.
const migrateFile = "QUIRL_TEST_MIGRATE"

// longStep takes a while on a large table and would not bear being done in part or twice.
var longStep = migration.Step{Name: "long", SQL: `
	UPDATE activations SET name = name || '+';
	ALTER TABLE activations ADD COLUMN further TEXT NOT NULL DEFAULT 'x';
	CREATE INDEX activations_further ON activations (further, name, id);`}

func stepsAndLong(t *testing.T) []migration.Step {
	t.Helper()
	steps, err := migration.Read(migrations)
	if err != nil {
		t.Fatal(err)
	}
	long := longStep
	long.Number = len(steps) + 1
	return append(steps, long)
}

func connectTo(t *testing.T, file string) *sql.Conn {
	t.Helper()
	db, err := openFile(file, pragmas)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestMigrateInAChild is what the child process does.
func TestMigrateInAChild(t *testing.T) {
	file := os.Getenv(migrateFile)
	if file == "" {
		t.Skip("run by TestKilledInAMigration")
	}
	conn := connectTo(t, file)
	fmt.Println("begins")
	if err := migrate(t.Context(), conn, stepsAndLong(t)); err != nil {
		t.Fatal(err)
	}
}

// TestKilledInAMigration kills a process in the middle of a migration, several times over the
// same database, and migrates it then: the step was done once or not at all.
func TestKilledInAMigration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "quirl.db")
	s, err := Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 20_000
	err = s.w.write(t.Context(), func(tx *txn) error {
		for i := range rows {
			if _, err := tx.exec("INSERT INTO activations (id, namespace, name, start, document) VALUES (?, 'ns', 'a', ?, '{}')", fmt.Sprintf("%032d", i), i); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := migrate(t.Context(), connectTo(t, copyOf(t, file)), stepsAndLong(t)); err != nil {
		t.Fatal(err)
	}
	takes := time.Since(began)
	killed := 0
	for round := range 6 {
		file := copyOf(t, file)
		child := exec.Command(os.Args[0], "-test.run=^TestMigrateInAChild$")
		child.Env = append(os.Environ(), migrateFile+"="+file)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if !bufio.NewScanner(out).Scan() {
			t.Fatal("the child does not begin")
		}
		time.Sleep(takes / 10 * time.Duration(1+round))
		child.Process.Kill()
		if child.Wait() != nil {
			killed++
		}
		conn := connectTo(t, file)
		plain, renamed := count(t, conn, "name = 'a'"), count(t, conn, "name = 'a+'")
		if plain+renamed != rows || plain*renamed != 0 {
			t.Fatalf("round %d: after the kill %d rows are as before, %d as after, of %d", round, plain, renamed, rows)
		}
		steps := stepsAndLong(t)
		for range 2 {
			if err := migrate(t.Context(), conn, steps); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, conn, "name = 'a+' AND further = 'x'"); n != rows {
			t.Errorf("round %d: %d of %d rows were migrated once", round, n, rows)
		}
		conn.Close()
		if s, err := Open(t.Context(), file); !errors.Is(err, migration.ErrNewer) {
			t.Errorf("a newer database: got %v, %v", s, err)
		}
	}
	if killed == 0 {
		t.Errorf("nobody was killed within %v", takes)
	}
}

// copyOf copies a database that nobody has open.
func copyOf(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	to := filepath.Join(t.TempDir(), "quirl.db")
	if err = errors.Join(err, os.WriteFile(to, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	return to
}

func count(t *testing.T, conn *sql.Conn, where string) (n int) {
	t.Helper()
	if err := conn.QueryRowContext(t.Context(), "SELECT count(*) FROM activations WHERE "+where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMigrateBefore takes over a database from before there were migrations.
func TestMigrateBefore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "quirl.db")
	conn := connectTo(t, file)
	steps, err := migration.Read(migrations)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps[:3] { // what there was then
		if _, err := conn.ExecContext(t.Context(), step.SQL); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := Status(t.Context(), file); err != nil || !all[0].Applied.IsZero() {
		t.Errorf("before: %+v, %v", all, err)
	}
	applied, err := Migrate(context.Background(), file)
	if err != nil || len(applied) != len(steps) {
		t.Errorf("applied %+v, %v", applied, err)
	}
	if applied, err := Migrate(t.Context(), file); err != nil || len(applied) != 0 {
		t.Errorf("a second time: applied %+v, %v", applied, err)
	}
}
