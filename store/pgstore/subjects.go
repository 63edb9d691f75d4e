package pgstore

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"quirl/store"
	"quirl/whisk"
)

// Identity is that of store.Subjects.
func (s *Store) Identity(ctx context.Context, uuid string) (*whisk.Identity, error) {
	return s.identity(ctx, "k.uuid = $1", uuid)
}

// NamespaceIdentity is that of store.Subjects.
func (s *Store) NamespaceIdentity(ctx context.Context, namespace string) (*whisk.Identity, error) {
	return s.identity(ctx, `k.namespace = $1 ORDER BY k.subject LIMIT 1`, namespace)
}

func (s *Store) identity(ctx context.Context, condition, arg string) (*whisk.Identity, error) {
	var id whisk.Identity
	var limits []byte
	err := s.row(ctx, `SELECT k.uuid, k.subject, k.namespace, k.secret, l.document
		FROM subject_keys k LEFT JOIN namespace_limits l ON l.namespace = k.namespace WHERE NOT k.blocked AND `+condition,
		[]any{arg}, &id.Key.UUID, &id.Subject, &id.Namespace, &id.Key.Secret, &limits)
	if err != nil {
		return nil, err
	}
	if limits != nil {
		err = json.Unmarshal(limits, &id.Limits)
	}
	return &id, err
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
			for _, n := range subject.Namespaces {
				batch.Queue(`INSERT INTO subject_keys (uuid, subject, namespace, secret, blocked) VALUES ($1, $2, $3, $4, $5)
					ON CONFLICT (uuid) DO UPDATE SET subject = excluded.subject, namespace = excluded.namespace, secret = excluded.secret, blocked = excluded.blocked`,
					n.UUID, subject.Name, n.Name, n.Secret, subject.Blocked)
			}
			return tx.SendBatch(ctx, &batch).Close()
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
