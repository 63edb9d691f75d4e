package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"quirl/store"
	"quirl/whisk"
)

// PutAudit is that of store.Audit.
func (s *Store) PutAudit(ctx context.Context, e store.AuditEntry) error {
	return s.execAgain(ctx, "INSERT INTO audit (id, namespace, document) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", string(e.ID), e.Namespace, whisk.Marshal(e))
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
	return rows(ctx, s, "SELECT document FROM audit"+c.String()+" ORDER BY id DESC"+c.page(q.Limit, 0), c.args, decodeAuditRow)
}

func decodeAuditRow(row pgx.CollectableRow) (e store.AuditEntry, err error) {
	var document []byte
	if err := row.Scan(&document); err != nil {
		return e, err
	}
	return store.DecodeAudit(document)
}

// ExpireAudit is that of store.Audit.
func (s *Store) ExpireAudit(ctx context.Context, before time.Time) (more bool, err error) {
	removed, err := s.exec(ctx, "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < $1 ORDER BY id LIMIT $2)", store.AuditBound(before), expireAtOnce)
	return removed == expireAtOnce, err
}

// WalkAudit is that of store.Walker.
func (s *Store) WalkAudit(ctx context.Context, after string, each func(store.AuditEntry) error) error {
	return store.WalkPages(after, func(e store.AuditEntry) string { return string(e.ID) }, func(after string) ([]store.AuditEntry, error) {
		return rows(ctx, s, "SELECT document FROM audit WHERE id > $1 ORDER BY id LIMIT $2", []any{after, store.WalkPage}, decodeAuditRow)
	}, each)
}
