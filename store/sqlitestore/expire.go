package sqlitestore

import (
	"context"
	"errors"
	"time"

	"quirl/store"
)

// expireAtOnce is how many records one transaction removes: others wait for it some milliseconds.
const expireAtOnce = 500

// ExpireActivations is that of store.Activations. At once nobody sees the records any more, however
// many they are; their room is given back in parts.
func (s *Store) ExpireActivations(ctx context.Context, namespace string, before time.Time) (more bool, err error) {
	limit := before.UnixMilli()
	if err := s.hide(ctx, namespace, limit); err != nil {
		return false, err
	}
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

// horizons are the moments, as epoch milliseconds, before which the records of a namespace are
// gone, by namespace; those of the empty one are for all. The map is never changed.
type horizons map[string]int64

// of is the horizon of a namespace.
func (h horizons) of(namespace string) int64 { return max(h[""], h[namespace]) }

// hide moves a horizon forward.
func (s *Store) hide(ctx context.Context, namespace string, limit int64) error {
	if (*s.horizons.Load())[namespace] >= limit {
		return nil
	}
	err := s.w.write(ctx, func(tx *txn) error {
		_, err := tx.exec("INSERT INTO horizons (namespace, before) VALUES (?, ?) ON CONFLICT (namespace) DO UPDATE SET before = max(before, excluded.before)", namespace, limit)
		return err
	})
	if err != nil {
		return err
	}
	return s.readHorizons(ctx)
}

func (s *Store) readHorizons(ctx context.Context) error {
	read := horizons{}
	err := s.rows(ctx, "SELECT namespace, before FROM horizons", nil, func(scan func(...any) error) error {
		var namespace string
		var before int64
		err := scan(&namespace, &before)
		read[namespace] = before
		return err
	})
	if err == nil {
		s.horizons.Store(&read)
	}
	return err
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
