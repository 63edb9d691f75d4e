package couchstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	err = s.link.Do(ctx, true, func(ctx context.Context) error {
		results, err := s.activations.BulkDocs(ctx, docs)
		for _, r := range results {
			if r.Error != nil && !isStatus(r.Error, http.StatusConflict) { // another one removed it
				err = errors.Join(err, fmt.Errorf("remove %s: %w", r.ID, r.Error))
			}
		}
		return err
	})
	return len(rows) == bulk, err
}
