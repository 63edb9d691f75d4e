// Package sqlitestore is the embedded store: one SQLite database in WAL mode,
// all changes through one connection with group commit, reads beside them.
//
// It promises what package store promises, for one process on one machine.
// Read migrations/ for the schema, then writer.go.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"modernc.org/sqlite" // the driver "sqlite", pure Go

	"quirl/internal/migration"
	"quirl/store"
)

// readers is the number of connections that read beside the writer.
const readers = 4

// A Store is a SQLite database. Make one with Open.
type Store struct {
	w  *writer
	db *sql.DB
	// created is the latest first revision.
	created atomic.Int64
	// horizons hide records that are being removed.
	horizons atomic.Pointer[horizons]
}

var _ store.Store = (*Store)(nil)

// Open opens the database file, making it and its folder when missing.
func Open(ctx context.Context, file string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+pragmas)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	db.SetMaxOpenConns(readers + 1)
	db.SetMaxIdleConns(readers + 1)
	conn, err := db.Conn(ctx)
	if err == nil {
		err = bringUp(ctx, conn)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open database %s: %w", file, explainDamage(err))
	}
	s := &Store{w: newWriter(conn), db: db}
	if err := s.readHorizons(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", file, err), s.Close())
	}
	return s, nil
}

// bringUp brings the schema up to date.
func bringUp(ctx context.Context, conn *sql.Conn) error {
	steps, err := migration.Read(migrations)
	if err != nil {
		return err
	}
	return migrate(ctx, conn, steps)
}

// Close is that of store.Store.
func (s *Store) Close() error {
	return errors.Join(s.w.close(), s.db.Close())
}

// row reads one row; no row is store.ErrNotFound.
func (s *Store) row(ctx context.Context, query string, args []any, into ...any) error {
	err := s.db.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return s.explain(err)
}

// explain turns what a read says after Close into store.ErrClosed, and says when the file is damaged.
func (s *Store) explain(err error) error {
	if err != nil && s.w.isClosed() {
		return store.ErrClosed
	}
	return explainDamage(err)
}

// ErrDamaged says that the database file is not what was written to it. What does not touch
// the damaged part goes on working.
var ErrDamaged = errors.New("the database file is damaged; keep a copy of it, look at it with 'quirl admin db check', and bring back a backup with 'quirl admin restore'")

// Result codes of SQLite (sqlite.org/rescode.html); the lower byte of an extended one is its class.
const (
	codeCorrupt = 11
	codeNotADB  = 26
)

// explainDamage adds ErrDamaged to what SQLite says about a damaged file.
func explainDamage(err error) error {
	var said *sqlite.Error
	if errors.As(err, &said) && (said.Code()&0xff == codeCorrupt || said.Code()&0xff == codeNotADB) {
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return err
}

// rows calls each for every row.
func (s *Store) rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return s.explain(rows.Err())
}

// A condition is the WHERE part of a query under construction.
type condition struct {
	parts []string
	args  []any
}

func (c *condition) and(part string, args ...any) {
	c.parts = append(c.parts, part)
	c.args = append(c.args, args...)
}

func (c *condition) String() string { return " WHERE " + strings.Join(c.parts, " AND ") }

// page appends LIMIT and OFFSET; limit 0 is no limit.
func (c *condition) page(limit, skip int) string {
	if limit == 0 {
		limit = -1
	}
	c.args = append(c.args, limit, skip)
	return " LIMIT ? OFFSET ?"
}
