package couchstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"quirl/store"
	"quirl/whisk"
)

// limitsSuffix follows a namespace in the id of the document with its limits.
const limitsSuffix = "/limits"

// An owner is a row of the view of identities: a subject with one of its namespaces.
type owner struct {
	Subject   string            `json:"subject"`
	Namespace string            `json:"namespace"`
	Keys      []whisk.AccessKey `json:"keys"`
	whisk.Key
	limits json.RawMessage
}

// first asks the view of identities, and returns the first identity that find has in one of its
// rows, in the order of the subjects, with the limits of its namespace.
func (s *Store) first(ctx context.Context, from, to []any, find func(*whisk.Subject) *whisk.Identity) (*whisk.Identity, error) {
	rows, err := s.subjects.rows(ctx, view{subjectsDesign, "identities", map[string]any{
		"reduce": false, "include_docs": true, "startkey": from, "endkey": to,
	}})
	if err != nil {
		return nil, err
	}
	owners := make([]owner, len(rows))
	for i, r := range rows {
		owners[i].limits = r.Doc
		if err := json.Unmarshal(r.Value, &owners[i]); err != nil {
			return nil, fmt.Errorf("%w: %w", errDocument, err)
		}
	}
	slices.SortFunc(owners, func(a, b owner) int { return cmp.Compare(a.Subject, b.Subject) })
	for _, o := range owners {
		id := find(&whisk.Subject{Name: o.Subject, Namespaces: []whisk.SubjectNamespace{{Name: o.Namespace, Key: o.Key, Keys: o.Keys}}})
		if id == nil {
			continue
		}
		if !whisk.IsNull(o.limits) {
			err = json.Unmarshal(o.limits, &id.Limits)
		}
		return id, err
	}
	return nil, store.ErrNotFound
}

// Identity is that of store.Subjects.
func (s *Store) Identity(ctx context.Context, uuid string) (*whisk.Identity, error) {
	return s.first(ctx, []any{uuid, nil}, []any{uuid, map[string]any{}}, func(s *whisk.Subject) *whisk.Identity { return s.ByKey(uuid) })
}

// NamespaceIdentity is that of store.Subjects.
func (s *Store) NamespaceIdentity(ctx context.Context, namespace string) (*whisk.Identity, error) {
	return s.first(ctx, []any{namespace}, []any{namespace}, func(s *whisk.Subject) *whisk.Identity { return s.Owner(namespace) })
}

// Subject is that of store.Subjects.
func (s *Store) Subject(ctx context.Context, name string) (*whisk.Subject, error) {
	doc, err := s.subjects.get(ctx, name)
	if err != nil {
		return nil, err
	}
	subject, err := doc.subject()
	return &subject, err
}

func (d document) subject() (subject whisk.Subject, err error) {
	return subject, json.Unmarshal(d.raw, &subject)
}

func (d document) namespaceLimits() (l whisk.NamespaceLimits, err error) {
	return l, json.Unmarshal(d.raw, &l)
}

// PutSubject is that of store.Subjects.
func (s *Store) PutSubject(ctx context.Context, subject whisk.Subject) error {
	if err := checkID(subject.Name); err != nil {
		return err
	}
	if strings.HasSuffix(subject.Name, limitsSuffix) {
		return whisk.Errorf(whisk.BadRequest, "CouchDB keeps no subject whose name ends with %s: %s", limitsSuffix, subject.Name)
	}
	return s.subjects.replace(ctx, subject.Name, subject)
}

// DeleteSubject is that of store.Subjects.
func (s *Store) DeleteSubject(ctx context.Context, name string) error {
	return s.subjects.remove(ctx, name)
}

// all reads the documents of subjects, or of limits.
func (s *Store) all(ctx context.Context, limits bool) ([]document, error) {
	docs, err := decodeRows(ctx, s.subjects, view{params: map[string]any{"include_docs": true}}, func(d document) (document, error) { return d, nil })
	return slices.DeleteFunc(docs, func(d document) bool {
		return strings.HasPrefix(d.ID, "_design/") || strings.HasSuffix(d.ID, limitsSuffix) != limits
	}), err
}

// Subjects is that of store.Subjects.
func (s *Store) Subjects(ctx context.Context) ([]whisk.Subject, error) {
	docs, err := s.all(ctx, false)
	if err != nil {
		return nil, err
	}
	subjects := make([]whisk.Subject, len(docs))
	for i, d := range docs {
		if subjects[i], err = d.subject(); err != nil {
			return nil, fmt.Errorf("subject %s: %w", d.ID, err)
		}
	}
	slices.SortFunc(subjects, func(a, b whisk.Subject) int { return cmp.Compare(a.Name, b.Name) })
	return subjects, nil
}

// NamespaceLimits is that of store.Subjects.
func (s *Store) NamespaceLimits(ctx context.Context, namespace string) (*whisk.NamespaceLimits, error) {
	doc, err := s.subjects.get(ctx, namespace+limitsSuffix)
	if err != nil {
		return nil, err
	}
	l, err := doc.namespaceLimits()
	return &l, err
}

// PutNamespaceLimits is that of store.Subjects.
func (s *Store) PutNamespaceLimits(ctx context.Context, namespace string, l whisk.NamespaceLimits) error {
	if err := checkID(namespace); err != nil {
		return err
	}
	return s.subjects.replace(ctx, namespace+limitsSuffix, l)
}

// DeleteNamespaceLimits is that of store.Subjects.
func (s *Store) DeleteNamespaceLimits(ctx context.Context, namespace string) error {
	return s.subjects.remove(ctx, namespace+limitsSuffix)
}
