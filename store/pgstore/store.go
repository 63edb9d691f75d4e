// Package pgstore is the store on PostgreSQL: for several controllers and invokers at once.
//
// It promises what package store promises, for every process that shares the database;
// activations are partitioned by day. A call that the server provably did not execute is
// repeated while its context lasts, for at most store.Patience; then it is store.ErrUnavailable.
// Read migrations/ for the schema, then this file.
package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"quirl/store"
)

// A Store is a PostgreSQL database. Make one with Open.
type Store struct {
	pool *pgxpool.Pool
	link *store.Link

	mu   sync.Mutex
	days map[string]bool // the partitions that are known to exist
}

var _ store.Store = (*Store)(nil)

// Open connects to the database of a URL, postgres://user:password@host/database?settings,
// with pgx's settings of the pool (pool_max_conns and others), and brings its schema up to date.
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err // which has no password in it
	}
	if _, err := Migrate(ctx, url); err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &Store{pool: pool, link: newLink(), days: map[string]bool{}}, nil
}

// Close is that of store.Store.
func (s *Store) Close() error {
	if s.link.Close() {
		s.pool.Close() // waits for calls
	}
	return nil
}

func newLink() *store.Link {
	return store.NewLink(isAway, func(err error) bool { return pgconn.SafeToRetry(err) || neverRan(err) })
}

// isAway says whether an error is about the connection, not about the statement: the server
// is not there, it starts or stops, or has no connection left.
func isAway(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		// PostgreSQL's error codes (appendix A): 08 connection exceptions, 57P01 to 57P03 shutting
		// down or starting up, 53300 too many connections, 25006 a standby that takes no writes.
		return strings.HasPrefix(refused.Code, "08") || strings.HasPrefix(refused.Code, "57P0") || refused.Code == "53300" || refused.Code == "25006"
	}
	return !errors.Is(err, pgx.ErrNoRows) && !errors.Is(err, errRefused) && !errors.Is(err, context.Canceled)
}

// neverRan says whether a refusal of the server means that the statement was not executed.
func neverRan(err error) bool {
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	return errors.As(err, &refused) && (refused.Code == "53300" || refused.Code == "57P03" || refused.Code == "25006") || errors.As(err, &connect)
}

// errRefused marks what this package itself says about a call; no repetition helps.
var errRefused = errors.New("refused")

// row reads one row; no row is store.ErrNotFound.
func (s *Store) row(ctx context.Context, query string, args []any, into ...any) error {
	err := s.link.Do(ctx, true, func(ctx context.Context) error { return s.pool.QueryRow(ctx, query, args...).Scan(into...) })
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// rows reads all rows; decode makes a value of each.
func rows[T any](ctx context.Context, s *Store, query string, args []any, decode func(row pgx.CollectableRow) (T, error)) (list []T, err error) {
	err = s.link.Do(ctx, true, func(ctx context.Context) error {
		found, err := s.pool.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(found, func(row pgx.CollectableRow) (T, error) {
			v, err := decode(row)
			if err != nil {
				err = fmt.Errorf("%w: %w", errRefused, err)
			}
			return v, err
		})
		return err
	})
	return list, err
}

// exec runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	err = s.link.Do(ctx, false, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, query, args...)
		changed = tag.RowsAffected()
		return err
	})
	return changed, err
}

// execAgain runs a statement that may be executed twice without harm, and is repeated.
func (s *Store) execAgain(ctx context.Context, query string, args ...any) error {
	return s.link.Do(ctx, true, func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, query, args...)
		return err
	})
}

// A condition is the WHERE part of a query under construction.
type condition struct {
	parts []string
	args  []any
}

// and adds a part; a ? in it stands for arg.
func (c *condition) and(part string, arg any) {
	c.args = append(c.args, arg)
	c.parts = append(c.parts, strings.ReplaceAll(part, "?", fmt.Sprintf("$%d", len(c.args))))
}

func (c *condition) String() string { return " WHERE " + strings.Join(c.parts, " AND ") }

// page appends LIMIT and OFFSET; limit 0 is no limit.
func (c *condition) page(limit, skip int) string {
	var most any
	if limit > 0 {
		most = limit
	}
	c.args = append(c.args, most, skip)
	return fmt.Sprintf(" LIMIT $%d OFFSET $%d", len(c.args)-1, len(c.args))
}
