package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
)

// Backup writes the state of the database file at one moment to a new file, while others use
// the database. The copy is checked.
func Backup(ctx context.Context, file, to string) error {
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("there is no database: %w", err)
	}
	db, err := openFile(file, "mode=ro&_pragma=busy_timeout(30000)")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return Check(ctx, to)
}

// Check reads the whole database file and says what is damaged in it.
func Check(ctx context.Context, file string) error {
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("there is no database: %w", err)
	}
	db, err := openFile(file, "mode=ro&immutable=1")
	if err != nil {
		return err
	}
	defer db.Close()
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&said); err != nil {
		return fmt.Errorf("check %s: %w", file, err)
	}
	if said != "ok" {
		return fmt.Errorf("the database %s is damaged: %s", file, said)
	}
	return nil
}

func openFile(file, settings string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+settings)
}
