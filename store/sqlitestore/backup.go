package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
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
		return fmt.Errorf("copy the database: %w", explainDamage(err))
	}
	return Check(ctx, to)
}

// Check reads the whole database file, which nobody writes, and fails when something is damaged in it.
func Check(ctx context.Context, file string) error {
	problems, err := check(ctx, file, "mode=ro&immutable=1", 1)
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("the database %s is damaged: %s", file, problems[0])
	}
	return err
}

// mostProblems bounds what Problems returns.
const mostProblems = 20

// Problems reads the whole database file, while others use it, and says what is damaged.
func Problems(ctx context.Context, file string) ([]string, error) {
	return check(ctx, file, "mode=ro&_pragma=busy_timeout(5000)", mostProblems)
}

func check(ctx context.Context, file, settings string, most int) (problems []string, err error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("there is no database: %w", err)
	}
	db, err := openFile(file, settings)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", most))
	for err == nil && rows.Next() {
		var said string
		if err = rows.Scan(&said); said != "ok" {
			problems = append(problems, strings.Split(said, "\n")...)
		}
	}
	if rows != nil {
		err = errors.Join(err, rows.Err(), rows.Close())
	}
	if err = explainDamage(err); errors.Is(err, ErrDamaged) { // the check itself cannot go on
		return append(problems, err.Error()), nil
	}
	return problems, err
}

func openFile(file, settings string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+settings)
}
