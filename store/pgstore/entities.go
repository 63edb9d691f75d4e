package pgstore

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"

	"quirl/store"
	"quirl/whisk"
)

// Entity is that of store.Entities.
func (s *Store) Entity(ctx context.Context, id string) (whisk.Entity, error) {
	var document []byte
	var revision int64
	if err := s.row(ctx, "SELECT document, revision FROM entities WHERE id = $1", []any{id}, &document, &revision); err != nil {
		return nil, err
	}
	return whisk.DecodeEntity(document, strconv.FormatInt(revision, 10))
}

// Each write takes the next revision, and tells all who listen for changes.
const (
	insertEntity = `WITH written AS (
		INSERT INTO entities (id, collection, namespace, path, revision, shared, updated, document)
		VALUES ($1, $2, $3, $4, nextval('revisions'), $5, $6, $7) ON CONFLICT DO NOTHING RETURNING revision)
		SELECT revision, pg_notify('` + channel + `', $1) FROM written`
	updateEntity = `WITH written AS (
		UPDATE entities SET revision = nextval('revisions'), shared = $3, updated = $4, document = $5
		WHERE id = $1 AND collection = $2 AND revision = $6 RETURNING revision)
		SELECT revision, pg_notify('` + channel + `', $1) FROM written`
	deleteEntity = `WITH gone AS (DELETE FROM entities WHERE id = $1 AND revision = $2 RETURNING revision)
		SELECT revision, pg_notify('` + channel + `', $1) FROM gone`
)

// PutEntity is that of store.Entities.
func (s *Store) PutEntity(ctx context.Context, e whisk.Entity) (string, error) {
	m := e.Common()
	id, document := m.FullName().ID(), whisk.EncodeEntity(e)
	shared := m.Publish
	if p, ok := e.(*whisk.Package); ok && p.Binding != nil {
		shared = false
	}
	if m.Revision == "" {
		return s.change(ctx, insertEntity, id, string(e.Collection()), m.Namespace.Root(), string(m.Namespace), shared, m.Updated, document)
	}
	old, err := strconv.ParseInt(m.Revision, 10, 64)
	if err != nil {
		return "", store.ErrConflict
	}
	return s.change(ctx, updateEntity, id, string(e.Collection()), shared, m.Updated, document, old)
}

// DeleteEntity is that of store.Entities.
func (s *Store) DeleteEntity(ctx context.Context, id, revision string) error {
	old, err := strconv.ParseInt(revision, 10, 64)
	if err != nil {
		return store.ErrConflict
	}
	_, err = s.change(ctx, deleteEntity, id, old)
	return err
}

// change runs one of the statements above; a change of no row is a conflict.
func (s *Store) change(ctx context.Context, query string, args ...any) (string, error) {
	var revision int64
	err := s.link.Do(ctx, false, func(ctx context.Context) error { return s.pool.QueryRow(ctx, query, args...).Scan(&revision, nil) })
	if errors.Is(err, pgx.ErrNoRows) {
		return "", store.ErrConflict
	}
	return strconv.FormatInt(revision, 10), err
}

func entityCondition(q store.EntityQuery) *condition {
	var c condition
	c.and("collection = ?", string(q.Collection))
	c.and("namespace = ?", q.Path.Root())
	if q.Path.Package() != "" {
		c.and("path = ? AND path <> namespace", string(q.Path)) // the latter says that the index of packages will do
	}
	if q.Shared {
		c.and("shared = ?", true)
	}
	return &c
}

// ListEntities is that of store.Entities.
func (s *Store) ListEntities(ctx context.Context, q store.EntityQuery) ([]whisk.Entity, error) {
	c := entityCondition(q)
	query := "SELECT document, revision FROM entities" + c.String() + " ORDER BY updated DESC, revision DESC" + c.page(q.Limit, q.Skip)
	return rows(ctx, s, query, c.args, decodeEntityRow)
}

// CountEntities is that of store.Entities.
func (s *Store) CountEntities(ctx context.Context, q store.EntityQuery) (n int, err error) {
	c := entityCondition(q)
	err = s.row(ctx, "SELECT count(*) FROM entities"+c.String(), c.args, &n)
	return n, err
}
