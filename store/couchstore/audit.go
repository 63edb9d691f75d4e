package couchstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// auditDesign is the design document of the database of audit entries, whose ids are theirs.
const auditDesign = "audit"

// PutAudit is that of store.Audit.
func (s *Store) PutAudit(ctx context.Context, e store.AuditEntry) error {
	_, err := s.audit.put(ctx, true, string(e.ID), withMembers(whisk.Marshal(e), string(e.ID), ""))
	if errors.Is(err, store.ErrConflict) { // it is there
		err = nil
	}
	return err
}

// ListAudit is that of store.Audit.
func (s *Store) ListAudit(ctx context.Context, q store.AuditQuery) ([]store.AuditEntry, error) {
	from, to := q.Bounds()
	if to == "" {
		to = ":" // behind the digits that ids begin with for some thousand years, before the views
	}
	if from >= to {
		return nil, nil
	}
	v := view{params: map[string]any{"startkey": to, "endkey": from}}
	if q.Namespace != "" {
		v = view{auditDesign, "byNamespace", map[string]any{"startkey": []any{q.Namespace, to}, "endkey": []any{q.Namespace, from}, "reduce": false}}
	}
	v.params["descending"], v.params["include_docs"] = true, true
	if q.Limit > 0 {
		v.params["limit"] = q.Limit
	}
	return decodeRows(ctx, s.audit, v, document.audit)
}

func (d document) audit() (store.AuditEntry, error) { return store.DecodeAudit(d.raw) }

// ExpireAudit is that of store.Audit.
func (s *Store) ExpireAudit(ctx context.Context, before time.Time) (more bool, err error) {
	docs, err := decodeRows(ctx, s.audit, view{params: map[string]any{"endkey": store.AuditBound(before), "limit": bulk, "include_docs": true}},
		func(d document) (document, error) { return d, nil })
	if err != nil || len(docs) == 0 {
		return false, err
	}
	gone := make([]any, len(docs))
	for i, d := range docs {
		gone[i] = withMembers([]byte(`{"_deleted":true}`), d.ID, d.Revision)
	}
	return len(docs) == bulk, s.audit.removeAll(ctx, gone)
}

// removeAll writes marks of deleted documents; those that were changed meanwhile stay.
func (db database) removeAll(ctx context.Context, gone []any) error {
	return db.link.Do(ctx, true, func(ctx context.Context) error {
		results, err := db.BulkDocs(ctx, gone)
		for _, r := range results {
			if r.Error != nil && !isStatus(r.Error, http.StatusConflict) {
				err = errors.Join(err, fmt.Errorf("remove %s: %w", r.ID, r.Error))
			}
		}
		return err
	})
}

// WalkAudit is that of store.Walker.
func (s *Store) WalkAudit(ctx context.Context, after string, each func(store.AuditEntry) error) error {
	return s.audit.walk(ctx, after, func(d document) error {
		e, err := d.audit()
		if err != nil {
			return err
		}
		return each(e)
	})
}
