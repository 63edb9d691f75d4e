package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"quirl/internal/migration"
)

// The schema is what the migrations make of an empty database, each once and in the order
// of their numbers. One that was released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is the number of the advisory lock that whoever migrates holds.
const migrationLock = 0x717569726c // "quirl"

// Migrate brings the schema of the database up to date, each migration in a transaction
// of its own: one that was cut off leaves nothing. It returns those that it applied.
func Migrate(ctx context.Context, url string) (applied []migration.Step, err error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	// Others who migrate wait here; the lock ends with the connection.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return nil, err
	}
	all, err := status(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if !m.Applied.IsZero() {
			continue
		}
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, m.SQL); err != nil {
				return err
			}
			return tx.QueryRow(ctx, "INSERT INTO migrations (number, name) VALUES ($1, $2) RETURNING applied", m.Number, m.Name).Scan(&m.Applied)
		})
		if err != nil {
			return applied, fmt.Errorf("migration %d (%s): %w", m.Number, m.Name, err)
		}
		applied = append(applied, m)
	}
	return applied, nil
}

// Status tells the migrations, and when each was applied.
func Status(ctx context.Context, url string) (all []migration.Step, err error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return status(ctx, conn)
}

// connect makes a connection; the settings of a pool do not matter to it.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err // which has no password in it
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	return conn, newLink().Unavailable(err)
}

func status(ctx context.Context, conn *pgx.Conn) ([]migration.Step, error) {
	all, err := migration.Read(migrations)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS migrations (number int PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now())`)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, "SELECT number, applied FROM migrations ORDER BY number")
	if err != nil {
		return nil, err
	}
	var number int
	var applied time.Time
	_, err = pgx.ForEachRow(rows, []any{&number, &applied}, func() error { return migration.Note(all, number, applied) })
	return all, err
}
