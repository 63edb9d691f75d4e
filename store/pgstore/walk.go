package pgstore

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"quirl/store"
	"quirl/whisk"
)

// WalkEntities is that of store.Walker.
func (s *Store) WalkEntities(ctx context.Context, after string, each func(whisk.Entity) error) error {
	return store.WalkPages(after, func(e whisk.Entity) string { return e.FullName().ID() }, func(after string) ([]whisk.Entity, error) {
		return rows(ctx, s, "SELECT document, revision FROM entities WHERE id > $1 ORDER BY id LIMIT $2", []any{after, store.WalkPage}, decodeEntityRow)
	}, each)
}

func decodeEntityRow(row pgx.CollectableRow) (whisk.Entity, error) {
	var document []byte
	var revision int64
	if err := row.Scan(&document, &revision); err != nil {
		return nil, err
	}
	return whisk.DecodeEntity(document, strconv.FormatInt(revision, 10))
}

// WalkLimits is that of store.Walker.
func (s *Store) WalkLimits(ctx context.Context, after string, each func(string, whisk.NamespaceLimits) error) error {
	return store.WalkLimitPages(after, func(after string) ([]store.Limits, error) {
		return rows(ctx, s, "SELECT namespace, document FROM namespace_limits WHERE namespace > $1 ORDER BY namespace LIMIT $2", []any{after, store.WalkPage},
			func(row pgx.CollectableRow) (l store.Limits, err error) {
				err = row.Scan(&l.Namespace, &l.Document)
				return l, err
			})
	}, each)
}

// WalkActivations is that of store.Walker.
func (s *Store) WalkActivations(ctx context.Context, after whisk.ActivationID, each func(*whisk.Activation) error) error {
	return store.WalkPages(string(after), func(a *whisk.Activation) string { return string(a.ID) }, func(after string) ([]*whisk.Activation, error) {
		return rows(ctx, s, "SELECT document, result, logs FROM activations WHERE id > $1 ORDER BY id LIMIT $2", []any{after, store.WalkPage}, decodeActivationRow)
	}, each)
}

func decodeActivationRow(row pgx.CollectableRow) (*whisk.Activation, error) {
	var p store.Parts
	if err := row.Scan(&p.Document, &p.Result, &p.Logs); err != nil {
		return nil, err
	}
	return p.Join()
}
