// Package pgstore is the store on PostgreSQL: for several controllers and invokers at once.
//
// It promises what package store promises, for every process that shares the database;
// activations are partitioned by day. A call that the server provably did not execute is
// repeated while its context lasts, for at most patience; then it is store.ErrUnavailable.
// Read migrations/ for the schema, then this file.
package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"quirl/store"
)

const (
	// patience is how long most calls wait for a database that is away.
	patience = 10 * time.Second
	// forever is for those that have nobody who could be told to try again.
	forever = 100 * 365 * 24 * time.Hour
)

// A Store is a PostgreSQL database. Make one with Open.
type Store struct {
	pool *pgxpool.Pool
	// closing is closed by Close: it ends calls that wait for the database.
	closing chan struct{}
	once    sync.Once

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
	return &Store{pool: pool, closing: make(chan struct{}), days: map[string]bool{}}, nil
}

// Close is that of store.Store.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closing)
		s.pool.Close() // waits for calls
	})
	return nil
}

// do makes a call, and repeats it while the database is away, as long as that is safe:
// where nothing was executed or, when again says that a second time does no harm, always.
func (s *Store) do(ctx context.Context, again bool, call func(ctx context.Context) error) error {
	return s.repeat(ctx, again, patience, call)
}

// repeat is do with another patience.
func (s *Store) repeat(ctx context.Context, again bool, patience time.Duration, call func(ctx context.Context) error) error {
	var deadline <-chan time.Time
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		select {
		case <-s.closing:
			return store.ErrClosed
		default:
		}
		err := call(ctx)
		switch {
		case err == nil, errors.Is(err, pgx.ErrNoRows):
			return err
		case s.isClosed():
			return store.ErrClosed
		case !isAway(err), ctx.Err() != nil:
			return err
		}
		if !again && !pgconn.SafeToRetry(err) && !neverRan(err) {
			return unavailable(err)
		}
		if deadline == nil {
			deadline = time.After(patience)
		}
		select {
		case <-time.After(pause):
		case <-deadline:
			return unavailable(err)
		case <-s.closing:
			return store.ErrClosed
		case <-ctx.Done():
			return unavailable(err)
		}
	}
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
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

// unavailable marks an error as one of a database that is away.
func unavailable(err error) error {
	if err == nil || !isAway(err) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// errRefused marks what this package itself says about a call; no repetition helps.
var errRefused = errors.New("refused")

// row reads one row; no row is store.ErrNotFound.
func (s *Store) row(ctx context.Context, query string, args []any, into ...any) error {
	err := s.do(ctx, true, func(ctx context.Context) error { return s.pool.QueryRow(ctx, query, args...).Scan(into...) })
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// rows reads all rows; decode makes a value of each.
func rows[T any](ctx context.Context, s *Store, query string, args []any, decode func(row pgx.CollectableRow) (T, error)) (list []T, err error) {
	err = s.do(ctx, true, func(ctx context.Context) error {
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
	err = s.do(ctx, false, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, query, args...)
		changed = tag.RowsAffected()
		return err
	})
	return changed, err
}

// execAgain runs a statement that may be executed twice without harm, and is repeated.
func (s *Store) execAgain(ctx context.Context, query string, args ...any) error {
	return s.do(ctx, true, func(ctx context.Context) error {
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
