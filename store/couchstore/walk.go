package couchstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"quirl/store"
	"quirl/whisk"
)

// walk calls each for the documents of a database past an id, in the order of their ids, but
// for those of views.
func (db database) walk(ctx context.Context, after string, each func(document) error) error {
	for {
		params := map[string]any{"include_docs": true, "limit": store.WalkPage + 1}
		if after != "" {
			params["startkey"] = after
		}
		docs, err := decodeRows(ctx, db, view{params: params}, func(d document) (document, error) { return d, nil })
		if err != nil {
			return err
		}
		last := ""
		for _, d := range docs {
			last = d.ID
			if d.ID == after || strings.HasPrefix(d.ID, "_design/") {
				continue
			}
			if err := each(d); err != nil {
				return err
			}
		}
		if len(docs) <= store.WalkPage || last == after {
			return nil
		}
		after = last
	}
}

// WalkEntities is that of store.Walker.
func (s *Store) WalkEntities(ctx context.Context, after string, each func(whisk.Entity) error) error {
	return s.whisks.walk(ctx, after, func(d document) error {
		e, err := d.entity()
		if err != nil {
			return fmt.Errorf("%s: %w", d.ID, err)
		}
		return each(e)
	})
}

// WalkLimits is that of store.Walker.
func (s *Store) WalkLimits(ctx context.Context, after string, each func(string, whisk.NamespaceLimits) error) error {
	docs, err := s.all(ctx, true)
	if err != nil {
		return err
	}
	namespace := func(d document) string { return strings.TrimSuffix(d.ID, limitsSuffix) }
	slices.SortFunc(docs, func(a, b document) int { return cmp.Compare(namespace(a), namespace(b)) })
	for _, d := range docs {
		if namespace(d) <= after {
			continue
		}
		l, err := d.namespaceLimits()
		if err != nil {
			return fmt.Errorf("limits of %s: %w", namespace(d), err)
		}
		if err := each(namespace(d), l); err != nil {
			return err
		}
	}
	return nil
}

// WalkActivations is that of store.Walker.
func (s *Store) WalkActivations(ctx context.Context, after whisk.ActivationID, each func(*whisk.Activation) error) error {
	return s.activations.walk(ctx, string(after), func(d document) error {
		if d.Type != recordType {
			return nil
		}
		a, err := s.wholeRecord(ctx, d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.ID, err)
		}
		return each(a)
	})
}
