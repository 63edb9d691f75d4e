package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"quirl/internal/migration"
)

// The schema is what the migrations make of an empty database, each once and in the order
// of their numbers.
//
//go:embed migrations/*.sql
var migrations embed.FS

// pragmas are set on every connection. With WAL and synchronous=NORMAL a commit
// is one write to the log and survives the loss of the process; the loss of
// the machine may cost the last moments, never the database.
const pragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-8000)&_txlock=immediate"

// migrate brings the schema up to date by steps, each in a transaction of its own: one that was
// cut off leaves nothing. The connection is in no transaction.
func migrate(ctx context.Context, conn *sql.Conn, steps []migration.Step) error {
	_, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied INTEGER NOT NULL)")
	if err == nil {
		err = noteApplied(ctx, conn, steps)
	}
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	for i := range steps {
		if !steps[i].Applied.IsZero() {
			continue
		}
		if err := inTransaction(ctx, conn, func() error { return apply(ctx, conn, steps, i) }); err != nil {
			return fmt.Errorf("migration %d (%s): %w", steps[i].Number, steps[i].Name, err)
		}
	}
	return nil
}

// apply does a step unless it was done, maybe by another process just now.
func apply(ctx context.Context, conn *sql.Conn, steps []migration.Step, i int) error {
	if err := noteApplied(ctx, conn, steps); err != nil || !steps[i].Applied.IsZero() {
		return err
	}
	if _, err := conn.ExecContext(ctx, steps[i].SQL); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "INSERT INTO migrations (number, name, applied) VALUES (?, ?, ?)", steps[i].Number, steps[i].Name, time.Now().UnixMilli())
	return err
}

// A querier is a connection, or a database.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// noteApplied marks the steps that the database has.
func noteApplied(ctx context.Context, q querier, steps []migration.Step) error {
	rows, err := q.QueryContext(ctx, "SELECT number, applied FROM migrations")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var number int
		var applied int64
		if err := rows.Scan(&number, &applied); err != nil {
			return err
		}
		if err := migration.Note(steps, number, time.UnixMilli(applied)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// inTransaction runs do between BEGIN and COMMIT, or ROLLBACK when it fails.
func inTransaction(ctx context.Context, conn *sql.Conn, do func() error) error {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := do()
	if err == nil {
		if _, err = conn.ExecContext(ctx, "COMMIT"); err == nil {
			return nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	_, rollback := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	if rollback != nil && !strings.Contains(rollback.Error(), rolledBack) {
		err = errors.Join(err, rollback)
	}
	return err
}

// rolledBack is what SQLite says to ROLLBACK when it did that by itself, as after a full disk.
const rolledBack = "no transaction is active"

// Migrate brings the schema of a database file up to date, as Open does, too, and returns what
// it applied.
func Migrate(ctx context.Context, file string) (applied []migration.Step, err error) {
	before, err := Status(ctx, file)
	if err != nil {
		return nil, err
	}
	s, err := Open(ctx, file)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	after, err := Status(ctx, file)
	for i, step := range after {
		if before[i].Applied.IsZero() && !step.Applied.IsZero() {
			applied = append(applied, step)
		}
	}
	return applied, err
}

// Status tells the migrations, and when each was applied to a database file. It changes nothing.
func Status(ctx context.Context, file string) ([]migration.Step, error) {
	steps, err := migration.Read(migrations)
	if err != nil {
		return nil, err
	}
	db, err := openFile(file, "mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var there int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'migrations'").Scan(&there)
	if err == nil && there > 0 {
		err = noteApplied(ctx, db, steps)
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", file, explainDamage(err))
	}
	return steps, nil
}
