package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// expireAtOnce is how many records of a namespace one statement removes.
const expireAtOnce = 2000

// ExpireActivations is that of store.Activations: without a namespace it removes whole days.
func (s *Store) ExpireActivations(ctx context.Context, namespace string, before time.Time) (more bool, err error) {
	if namespace == "" {
		return false, s.dropDays(ctx, before)
	}
	removed, err := s.exec(ctx, `DELETE FROM activations WHERE (id, day) IN (
		SELECT id, day FROM activations WHERE namespace = $1 AND start < $2 ORDER BY start LIMIT $3)`, namespace, before.UnixMilli(), expireAtOnce)
	return removed == expireAtOnce, err
}

// dropDays removes the partitions of days that have ended before. Each is detached first, which
// hinders no reader or writer; one whose removal was cut off is removed, too.
func (s *Store) dropDays(ctx context.Context, before time.Time) error {
	type partition struct {
		name     string
		attached bool
		pending  bool // half detached
	}
	last := "activations_" + before.UTC().Truncate(24*time.Hour).Format("20060102")
	old, err := rows(ctx, s, `SELECT c.relname, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false) FROM pg_class c
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
		WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname ~ '^activations_[0-9]{8}$' AND c.relname < $1 ORDER BY 1`,
		[]any{last}, func(row pgx.CollectableRow) (p partition, err error) {
			err = row.Scan(&p.name, &p.attached, &p.pending)
			return p, err
		})
	if err != nil || len(old) == 0 {
		return err
	}
	// One process at a time, and only who gets the lock at once: the others' turn comes again.
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var mine bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(expireLock)).Scan(&mine); err != nil || !mine {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(expireLock))
	for _, p := range old {
		detach := "ALTER TABLE activations DETACH PARTITION " + p.name + " CONCURRENTLY"
		if p.pending {
			detach = "ALTER TABLE activations DETACH PARTITION " + p.name + " FINALIZE"
		}
		if p.attached {
			if _, err := conn.Exec(ctx, detach); err != nil {
				return fmt.Errorf("detach %s: %w", p.name, err)
			}
		}
		if _, err := conn.Exec(ctx, "DROP TABLE "+p.name); err != nil {
			return fmt.Errorf("drop %s: %w", p.name, err)
		}
	}
	s.forgetDays()
	return nil
}

// expireLock is the number of the advisory lock that whoever drops partitions holds.
const expireLock = migrationLock + 1
