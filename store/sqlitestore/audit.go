package sqlitestore

import (
	"context"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// PutAudit is that of store.Audit.
func (s *Store) PutAudit(ctx context.Context, e store.AuditEntry) error {
	return s.w.write(ctx, func(tx *txn) error {
		_, err := tx.exec("INSERT OR IGNORE INTO audit (id, namespace, document) VALUES (?, ?, ?)", string(e.ID), e.Namespace, whisk.Marshal(e))
		return err
	})
}

// ListAudit is that of store.Audit.
func (s *Store) ListAudit(ctx context.Context, q store.AuditQuery) ([]store.AuditEntry, error) {
	var c condition
	from, to := q.Bounds()
	c.and("id >= ?", from)
	if to != "" {
		c.and("id < ?", to)
	}
	if q.Namespace != "" {
		c.and("namespace = ?", q.Namespace)
	}
	return s.audit(ctx, "SELECT document FROM audit"+c.String()+" ORDER BY id DESC"+c.page(q.Limit, 0), c.args)
}

func (s *Store) audit(ctx context.Context, query string, args []any) (all []store.AuditEntry, err error) {
	err = s.rows(ctx, query, args, func(scan func(...any) error) error {
		var document []byte
		if err := scan(&document); err != nil {
			return err
		}
		e, err := store.DecodeAudit(document)
		all = append(all, e)
		return err
	})
	return all, err
}

// ExpireAudit is that of store.Audit.
func (s *Store) ExpireAudit(ctx context.Context, before time.Time) (more bool, err error) {
	err = s.w.write(ctx, func(tx *txn) error {
		removed, err := tx.exec("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < ? ORDER BY id LIMIT ?)", store.AuditBound(before), expireAtOnce)
		more = removed == expireAtOnce
		return err
	})
	return more, err
}

// WalkAudit is that of store.Walker.
func (s *Store) WalkAudit(ctx context.Context, after string, each func(store.AuditEntry) error) error {
	return store.WalkPages(after, func(e store.AuditEntry) string { return string(e.ID) }, func(after string) ([]store.AuditEntry, error) {
		return s.audit(ctx, "SELECT document FROM audit WHERE id > ? ORDER BY id LIMIT ?", []any{after, store.WalkPage})
	}, each)
}
