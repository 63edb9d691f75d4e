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
	return s.identity(ctx, "k.uuid = ?", uuid, store.IdentityByKey)
}

// NamespaceIdentity is that of store.Subjects.
func (s *Store) NamespaceIdentity(ctx context.Context, namespace string) (*whisk.Identity, error) {
	return s.identity(ctx, "k.namespace = ? ORDER BY k.subject LIMIT 1", namespace, store.IdentityOfOwner)
}

// identity finds a subject by the table of keys, and the identity in its document.
func (s *Store) identity(ctx context.Context, condition, arg string, find func(document []byte, arg string) (*whisk.Identity, error)) (*whisk.Identity, error) {
	var document []byte
	err := s.row(ctx, "SELECT s.document FROM subject_keys k JOIN subjects s ON s.subject = k.subject WHERE k.blocked = 0 AND "+condition, []any{arg}, &document)
	if err != nil {
		return nil, err
	}
	id, err := find(document, arg)
	if err != nil {
		return nil, err
	}
	limits, err := s.NamespaceLimits(ctx, id.Namespace)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return id, nil
	case err != nil:
		return nil, err
	}
	id.Limits = *limits
	return id, nil
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
		return store.EachKey(subject, func(uuid, namespace string) error {
			_, err := tx.exec("INSERT OR REPLACE INTO subject_keys (uuid, subject, namespace, secret, blocked) VALUES (?, ?, ?, '', ?)",
				uuid, subject.Name, namespace, subject.Blocked)
			return err
		})
	})
}

// Subjects is that of store.Subjects.
func (s *Store) Subjects(ctx context.Context) ([]whisk.Subject, error) {
	var all []whisk.Subject
	err := s.rows(ctx, "SELECT document FROM subjects ORDER BY subject", nil, func(scan func(...any) error) error {
		var document []byte
		if err := scan(&document); err != nil {
			return err
		}
		var subject whisk.Subject
		err := json.Unmarshal(document, &subject)
		all = append(all, subject)
		return err
	})
	return all, err
}

// DeleteSubject is that of store.Subjects.
func (s *Store) DeleteSubject(ctx context.Context, name string) error {
	return s.w.write(ctx, func(tx *txn) error {
		if err := found(tx.exec("DELETE FROM subjects WHERE subject = ?", name)); err != nil {
			return err
		}
		_, err := tx.exec("DELETE FROM subject_keys WHERE subject = ?", name)
		return err
	})
}

// found turns a change of no row into store.ErrNotFound.
func found(changed int64, err error) error {
	if err == nil && changed == 0 {
		return refusal{store.ErrNotFound}
	}
	return err
}

// NamespaceLimits is that of store.Subjects.
func (s *Store) NamespaceLimits(ctx context.Context, namespace string) (*whisk.NamespaceLimits, error) {
	var document []byte
	if err := s.row(ctx, "SELECT document FROM namespace_limits WHERE namespace = ?", []any{namespace}, &document); err != nil {
		return nil, err
	}
	l := new(whisk.NamespaceLimits)
	return l, json.Unmarshal(document, l)
}

// DeleteNamespaceLimits is that of store.Subjects.
func (s *Store) DeleteNamespaceLimits(ctx context.Context, namespace string) error {
	return s.w.write(ctx, func(tx *txn) error {
		return found(tx.exec("DELETE FROM namespace_limits WHERE namespace = ?", namespace))
	})
}

// PutNamespaceLimits is that of store.Subjects.
func (s *Store) PutNamespaceLimits(ctx context.Context, namespace string, l whisk.NamespaceLimits) error {
	return s.w.write(ctx, func(tx *txn) error {
		_, err := tx.exec("INSERT OR REPLACE INTO namespace_limits (namespace, document) VALUES (?, ?)", namespace, whisk.Marshal(l))
		return err
	})
}
