package couchstore

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"quirl/store"
	"quirl/whisk"
)

// Entity is that of store.Entities.
func (s *Store) Entity(ctx context.Context, id string) (whisk.Entity, error) {
	doc, err := s.whisks.get(ctx, id)
	if err != nil {
		return nil, err
	}
	return doc.entity()
}

// entity reads an entity's document.
func (d document) entity() (whisk.Entity, error) {
	original, err := d.original()
	if err != nil {
		return nil, err
	}
	return whisk.DecodeEntity(original, d.Revision)
}

// original is the text that a document was made of, or one that means the same: the clean form
// with the members of its place.
func (d document) original() ([]byte, error) {
	if len(d.Exact) == 0 {
		form, _ := clean(d.raw)
		return form, nil
	}
	var exact text
	err := json.Unmarshal(d.Exact, &exact)
	return exact, err
}

// PutEntity is that of store.Entities.
func (s *Store) PutEntity(ctx context.Context, e whisk.Entity) (string, error) {
	id := e.FullName().ID()
	if err := checkID(id); err != nil {
		return "", err
	}
	if e.Common().Revision != "" {
		old, err := s.Entity(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && old.Collection() != e.Collection() {
			return "", store.ErrConflict
		}
		if err != nil {
			return "", err
		}
	}
	original := whisk.EncodeEntity(e)
	form, same := clean(original)
	more := []string{`"written":` + string(whisk.Marshal(s.stamps.next()))}
	if !same {
		more = append(more, `"exact":`+string(whisk.Marshal(text(original))))
	}
	return s.whisks.put(ctx, false, id, withMembers(form, id, e.Common().Revision, more...))
}

// checkID refuses ids that CouchDB keeps for itself.
func checkID(id string) error {
	if strings.HasPrefix(id, "_") {
		return whisk.Errorf(whisk.BadRequest, "CouchDB keeps nothing under names that begin with an underscore: %s", id)
	}
	return nil
}

// DeleteEntity is that of store.Entities.
func (s *Store) DeleteEntity(ctx context.Context, id, revision string) error {
	return s.whisks.delete(ctx, false, id, revision)
}

func entityView(q store.EntityQuery) view {
	name := string(q.Collection)
	if q.Shared {
		name = "packages-public"
	}
	if q.Collection != whisk.Actions && q.Path.Package() != "" { // only actions are in packages
		q.Path = ""
	}
	return view{whisksDesign, name, map[string]any{
		"descending": true, "startkey": []any{q.Path, map[string]any{}}, "endkey": []any{q.Path},
	}}
}

// page adds what cuts a list; limit 0 is no limit.
func (v view) page(limit, skip int) view {
	v.params["reduce"] = false
	v.params["skip"] = skip
	if limit > 0 {
		v.params["limit"] = limit
	}
	return v
}

// ListEntities is that of store.Entities.
func (s *Store) ListEntities(ctx context.Context, q store.EntityQuery) ([]whisk.Entity, error) {
	v := entityView(q).page(q.Limit, q.Skip)
	v.params["include_docs"] = true
	return decodeRows(ctx, s.whisks, v, document.entity)
}

// decodeRows reads the documents of a view; those that are gone by now are left out.
func decodeRows[T any](ctx context.Context, db database, v view, decode func(document) (T, error)) ([]T, error) {
	rows, err := db.rows(ctx, v)
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(rows))
	for _, r := range rows {
		if whisk.IsNull(r.Doc) {
			continue
		}
		doc, err := readDocument(r.Doc)
		if err != nil {
			return nil, err
		}
		value, err := decode(doc)
		if err != nil {
			return nil, errors.Join(err, errors.New(r.ID))
		}
		all = append(all, value)
	}
	return all, nil
}

// CountEntities is that of store.Entities.
func (s *Store) CountEntities(ctx context.Context, q store.EntityQuery) (int, error) {
	return s.whisks.count(ctx, entityView(q))
}
