package sqlitestore

import (
	"context"
	"strconv"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// Entity is that of store.Entities.
func (s *Store) Entity(ctx context.Context, id string) (whisk.Entity, error) {
	var document []byte
	var revision int64
	err := s.row(ctx, "SELECT document, revision FROM entities WHERE id = ?", []any{id}, &document, &revision)
	if err != nil {
		return nil, err
	}
	return whisk.DecodeEntity(document, strconv.FormatInt(revision, 10))
}

// firstRevision is the revision of a new entity: one that no earlier entity of
// the same name had, the time in nanoseconds, also when the clock stands still.
func (s *Store) firstRevision() int64 {
	for {
		last := s.created.Load()
		next := max(time.Now().UnixNano(), last+1)
		if s.created.CompareAndSwap(last, next) {
			return next
		}
	}
}

// PutEntity is that of store.Entities. Revisions count the writes of an entity
// from its first one on.
func (s *Store) PutEntity(ctx context.Context, e whisk.Entity) (string, error) {
	m := e.Common()
	id, document := m.FullName().ID(), whisk.EncodeEntity(e)
	shared := m.Publish
	if p, ok := e.(*whisk.Package); ok && p.Binding != nil {
		shared = false
	}
	if m.Revision == "" {
		first := s.firstRevision()
		return strconv.FormatInt(first, 10), s.w.write(ctx, func(tx *txn) error {
			return one(tx.exec(`INSERT INTO entities (id, collection, namespace, path, revision, shared, updated, written, document)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
				id, string(e.Collection()), m.Namespace.Root(), string(m.Namespace), first, shared, m.Updated, time.Now().UnixNano(), document))
		})
	}
	old, err := strconv.ParseInt(m.Revision, 10, 64)
	if err != nil {
		return "", store.ErrConflict
	}
	return strconv.FormatInt(old+1, 10), s.w.write(ctx, func(tx *txn) error {
		return one(tx.exec(`UPDATE entities SET revision = ?, shared = ?, updated = ?, written = ?, document = ?
			WHERE id = ? AND revision = ? AND collection = ?`,
			old+1, shared, m.Updated, time.Now().UnixNano(), document, id, old, string(e.Collection())))
	})
}

// DeleteEntity is that of store.Entities.
func (s *Store) DeleteEntity(ctx context.Context, id, revision string) error {
	old, err := strconv.ParseInt(revision, 10, 64)
	if err != nil {
		return store.ErrConflict
	}
	return s.w.write(ctx, func(tx *txn) error {
		return one(tx.exec("DELETE FROM entities WHERE id = ? AND revision = ?", id, old))
	})
}

// one turns a change of no row into a conflict.
func one(changed int64, err error) error {
	if err == nil && changed == 0 {
		return refusal{store.ErrConflict}
	}
	return err
}

func entityCondition(q store.EntityQuery) *condition {
	var c condition
	c.and("collection = ?", string(q.Collection))
	c.and("namespace = ?", q.Path.Root())
	if q.Path.Package() != "" {
		c.and("path = ? AND path <> namespace", string(q.Path)) // the latter says that the index of packages will do
	}
	if q.Shared {
		c.and("shared = 1")
	}
	return &c
}

// ListEntities is that of store.Entities.
func (s *Store) ListEntities(ctx context.Context, q store.EntityQuery) ([]whisk.Entity, error) {
	c := entityCondition(q)
	query := "SELECT document, revision FROM entities" + c.String() + " ORDER BY updated DESC, written DESC" + c.page(q.Limit, q.Skip)
	var list []whisk.Entity
	err := s.rows(ctx, query, c.args, func(scan func(...any) error) error {
		var document []byte
		var revision int64
		if err := scan(&document, &revision); err != nil {
			return err
		}
		e, err := whisk.DecodeEntity(document, strconv.FormatInt(revision, 10))
		list = append(list, e)
		return err
	})
	return list, err
}

// CountEntities is that of store.Entities.
func (s *Store) CountEntities(ctx context.Context, q store.EntityQuery) (n int, err error) {
	c := entityCondition(q)
	err = s.row(ctx, "SELECT count(*) FROM entities"+c.String(), c.args, &n)
	return n, err
}
