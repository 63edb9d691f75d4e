package sqlitestore

import (
	"context"
	"errors"
	"time"

	"quirl/store"
)

// expireAtOnce is how many records one transaction removes: others wait for it some milliseconds.
const expireAtOnce = 500

// ExpireActivations is that of store.Activations.
func (s *Store) ExpireActivations(ctx context.Context, namespace string, before time.Time) (more bool, err error) {
	limit := before.UnixMilli()
	if namespace != "" {
		return s.expire(ctx, namespace, limit)
	}
	for namespace = ""; ; {
		// The next namespace that has records, by the index.
		err := s.row(ctx, "SELECT namespace FROM activations WHERE namespace > ? ORDER BY namespace LIMIT 1", []any{namespace}, &namespace)
		if errors.Is(err, store.ErrNotFound) {
			return more, nil
		}
		if err != nil {
			return more, err
		}
		rest, err := s.expire(ctx, namespace, limit)
		if err != nil {
			return more, err
		}
		more = more || rest
	}
}

func (s *Store) expire(ctx context.Context, namespace string, limit int64) (more bool, err error) {
	// Most calls find nothing, and need not wait for the writer.
	var oldest int64
	err = s.row(ctx, "SELECT start FROM activations WHERE namespace = ? ORDER BY start LIMIT 1", []any{namespace}, &oldest)
	if errors.Is(err, store.ErrNotFound) || err == nil && oldest >= limit {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = s.w.write(ctx, func(tx *txn) error {
		removed, err := tx.exec("DELETE FROM activations WHERE rowid IN (SELECT rowid FROM activations WHERE namespace = ? AND start < ? ORDER BY start LIMIT ?)", namespace, limit, expireAtOnce)
		more = removed == expireAtOnce
		return err
	})
	return more, err
}
