package couchstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// ExpireActivations is that of store.Activations. CouchDB keeps a short mark of what was removed.
func (s *Store) ExpireActivations(ctx context.Context, namespace string, before time.Time) (more bool, err error) {
	last := before.UnixMilli() - 1
	v := view{cleanupDesign, "byDate", map[string]any{"reduce": false, "limit": bulk, "endkey": last}}
	if namespace != "" {
		v = view{whisksDesign, "activations", map[string]any{
			"reduce": false, "limit": bulk, "startkey": []any{namespace}, "endkey": []any{namespace, last, map[string]any{}},
		}}
	}
	rows, err := s.activations.rows(ctx, v)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	docs := make([]any, len(rows))
	for i, r := range rows {
		var value head
		if err := json.Unmarshal(r.Value, &value); err != nil {
			return false, fmt.Errorf("%w: %w", errDocument, err)
		}
		docs[i] = withMembers([]byte(`{"_deleted":true}`), r.ID, value.Revision)
	}
	return len(rows) == bulk, s.activations.removeAll(ctx, docs)
}
