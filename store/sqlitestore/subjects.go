package sqlitestore

import (
	"context"
	"encoding/json"
	"errors"

	"quirl/store"
	"quirl/whisk"
)

// Identity is that of store.Subjects.
func (s *Store) Identity(ctx context.Context, uuid string) (*whisk.Identity, error) {
	return s.identity(ctx, "uuid = ?", uuid)
}

// NamespaceIdentity is that of store.Subjects.
func (s *Store) NamespaceIdentity(ctx context.Context, namespace string) (*whisk.Identity, error) {
	return s.identity(ctx, "namespace = ? ORDER BY subject LIMIT 1", namespace)
}

func (s *Store) identity(ctx context.Context, condition string, arg string) (*whisk.Identity, error) {
	var id whisk.Identity
	err := s.row(ctx, "SELECT uuid, subject, namespace, secret FROM subject_keys WHERE blocked = 0 AND "+condition,
		[]any{arg}, &id.Key.UUID, &id.Subject, &id.Namespace, &id.Key.Secret)
	if err != nil {
		return nil, err
	}
	var document []byte
	err = s.row(ctx, "SELECT document FROM namespace_limits WHERE namespace = ?", []any{id.Namespace}, &document)
	if errors.Is(err, store.ErrNotFound) {
		return &id, nil
	}
	if err == nil {
		err = json.Unmarshal(document, &id.Limits)
	}
	return &id, err
}

// Subject is that of store.Subjects.
func (s *Store) Subject(ctx context.Context, name string) (*whisk.Subject, error) {
	var document []byte
	if err := s.row(ctx, "SELECT document FROM subjects WHERE subject = ?", []any{name}, &document); err != nil {
		return nil, err
	}
	subject := new(whisk.Subject)
	return subject, json.Unmarshal(document, subject)
}

// PutSubject is that of store.Subjects.
func (s *Store) PutSubject(ctx context.Context, subject whisk.Subject) error {
	return s.w.write(ctx, func(tx *txn) error {
		if _, err := tx.exec("INSERT OR REPLACE INTO subjects (subject, document) VALUES (?, ?)", subject.Name, whisk.Marshal(subject)); err != nil {
			return err
		}
		if _, err := tx.exec("DELETE FROM subject_keys WHERE subject = ?", subject.Name); err != nil {
			return err
		}
		for _, n := range subject.Namespaces {
			_, err := tx.exec("INSERT OR REPLACE INTO subject_keys (uuid, subject, namespace, secret, blocked) VALUES (?, ?, ?, ?, ?)",
				n.UUID, subject.Name, n.Name, n.Secret, subject.Blocked)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// PutNamespaceLimits is that of store.Subjects.
func (s *Store) PutNamespaceLimits(ctx context.Context, namespace string, l whisk.NamespaceLimits) error {
	return s.w.write(ctx, func(tx *txn) error {
		_, err := tx.exec("INSERT OR REPLACE INTO namespace_limits (namespace, document) VALUES (?, ?)", namespace, whisk.Marshal(l))
		return err
	})
}
