package pgstore

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"quirl/store"
	"quirl/whisk"
)

// Identity is that of store.Subjects.
func (s *Store) Identity(ctx context.Context, uuid string) (*whisk.Identity, error) {
	return s.identity(ctx, "k.uuid = $1", uuid, store.IdentityByKey)
}

// NamespaceIdentity is that of store.Subjects.
func (s *Store) NamespaceIdentity(ctx context.Context, namespace string) (*whisk.Identity, error) {
	return s.identity(ctx, "k.namespace = $1 ORDER BY k.subject LIMIT 1", namespace, store.IdentityOfOwner)
}

// identity finds a subject by the table of keys, and the identity in its document.
func (s *Store) identity(ctx context.Context, condition, arg string, find func(document []byte, arg string) (*whisk.Identity, error)) (*whisk.Identity, error) {
	var document []byte
	err := s.row(ctx, "SELECT s.document FROM subject_keys k JOIN subjects s USING (subject) WHERE NOT k.blocked AND "+condition, []any{arg}, &document)
	if err != nil {
		return nil, err
	}
	id, err := find(document, arg)
	if err != nil {
		return nil, err
	}
	limits, err := s.NamespaceLimits(ctx, id.Namespace)
	if errors.Is(err, store.ErrNotFound) {
		return id, nil
	}
	if err == nil {
		id.Limits = *limits
	}
	return id, err
}

// Subject is that of store.Subjects.
func (s *Store) Subject(ctx context.Context, name string) (*whisk.Subject, error) {
	var document []byte
	if err := s.row(ctx, "SELECT document FROM subjects WHERE subject = $1", []any{name}, &document); err != nil {
		return nil, err
	}
	subject := new(whisk.Subject)
	return subject, json.Unmarshal(document, subject)
}

// PutSubject is that of store.Subjects. Writing it twice does no harm, so it is repeated.
func (s *Store) PutSubject(ctx context.Context, subject whisk.Subject) error {
	return s.link.Do(ctx, true, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			var batch pgx.Batch
			batch.Queue("INSERT INTO subjects (subject, document) VALUES ($1, $2) ON CONFLICT (subject) DO UPDATE SET document = excluded.document", subject.Name, whisk.Marshal(subject))
			batch.Queue("DELETE FROM subject_keys WHERE subject = $1", subject.Name)
			err := store.EachKey(subject, func(uuid, namespace string) error {
				batch.Queue(`INSERT INTO subject_keys (uuid, subject, namespace, blocked) VALUES ($1, $2, $3, $4)
					ON CONFLICT (uuid) DO UPDATE SET subject = excluded.subject, namespace = excluded.namespace, blocked = excluded.blocked`,
					uuid, subject.Name, namespace, subject.Blocked)
				return nil
			})
			return errors.Join(err, tx.SendBatch(ctx, &batch).Close())
		})
	})
}

// Subjects is that of store.Subjects.
func (s *Store) Subjects(ctx context.Context) ([]whisk.Subject, error) {
	return rows(ctx, s, `SELECT document FROM subjects ORDER BY subject`, nil, func(row pgx.CollectableRow) (subject whisk.Subject, err error) {
		var document []byte
		if err := row.Scan(&document); err != nil {
			return subject, err
		}
		return subject, json.Unmarshal(document, &subject)
	})
}

// DeleteSubject is that of store.Subjects.
func (s *Store) DeleteSubject(ctx context.Context, name string) error {
	return found(s.exec(ctx, "WITH keys AS (DELETE FROM subject_keys WHERE subject = $1) DELETE FROM subjects WHERE subject = $1", name))
}

// found turns a change of no row into store.ErrNotFound.
func found(changed int64, err error) error {
	if err == nil && changed == 0 {
		return store.ErrNotFound
	}
	return err
}

// NamespaceLimits is that of store.Subjects.
func (s *Store) NamespaceLimits(ctx context.Context, namespace string) (*whisk.NamespaceLimits, error) {
	var document []byte
	if err := s.row(ctx, "SELECT document FROM namespace_limits WHERE namespace = $1", []any{namespace}, &document); err != nil {
		return nil, err
	}
	l := new(whisk.NamespaceLimits)
	return l, json.Unmarshal(document, l)
}

// DeleteNamespaceLimits is that of store.Subjects.
func (s *Store) DeleteNamespaceLimits(ctx context.Context, namespace string) error {
	return found(s.exec(ctx, "DELETE FROM namespace_limits WHERE namespace = $1", namespace))
}

// PutNamespaceLimits is that of store.Subjects.
func (s *Store) PutNamespaceLimits(ctx context.Context, namespace string, l whisk.NamespaceLimits) error {
	return s.execAgain(ctx, "INSERT INTO namespace_limits (namespace, document) VALUES ($1, $2) ON CONFLICT (namespace) DO UPDATE SET document = excluded.document",
		namespace, whisk.Marshal(l))
}
