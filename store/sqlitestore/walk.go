package sqlitestore

import (
	"context"
	"strconv"

	"quirl/store"
	"quirl/whisk"
)

// WalkEntities is that of store.Walker.
func (s *Store) WalkEntities(ctx context.Context, after string, each func(whisk.Entity) error) error {
	return store.WalkPages(after, func(e whisk.Entity) string { return e.FullName().ID() }, func(after string) (page []whisk.Entity, err error) {
		err = s.rows(ctx, "SELECT document, revision FROM entities WHERE id > ? ORDER BY id LIMIT ?", []any{after, store.WalkPage}, func(scan func(...any) error) error {
			var document []byte
			var revision int64
			if err := scan(&document, &revision); err != nil {
				return err
			}
			e, err := whisk.DecodeEntity(document, strconv.FormatInt(revision, 10))
			page = append(page, e)
			return err
		})
		return page, err
	}, each)
}

// WalkLimits is that of store.Walker.
func (s *Store) WalkLimits(ctx context.Context, after string, each func(string, whisk.NamespaceLimits) error) error {
	return store.WalkLimitPages(after, func(after string) (page []store.Limits, err error) {
		err = s.rows(ctx, "SELECT namespace, document FROM namespace_limits WHERE namespace > ? ORDER BY namespace LIMIT ?", []any{after, store.WalkPage}, func(scan func(...any) error) error {
			var l store.Limits
			err := scan(&l.Namespace, &l.Document)
			page = append(page, l)
			return err
		})
		return page, err
	}, each)
}

// WalkActivations is that of store.Walker.
func (s *Store) WalkActivations(ctx context.Context, after whisk.ActivationID, each func(*whisk.Activation) error) error {
	return store.WalkPages(string(after), func(a *whisk.Activation) string { return string(a.ID) }, func(after string) (page []*whisk.Activation, err error) {
		err = s.rows(ctx, `SELECT document, result, logs FROM activations a WHERE id > ?
			AND start >= coalesce((SELECT max(before) FROM horizons WHERE namespace IN ('', a.namespace)), 0) ORDER BY id LIMIT ?`, []any{after, store.WalkPage}, func(scan func(...any) error) error {
			a, err := scanRecord(scan)
			page = append(page, a)
			return err
		})
		return page, err
	}, each)
}
