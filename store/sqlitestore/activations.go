package sqlitestore

import (
	"context"
	"strings"

	"quirl/store"
	"quirl/whisk"
)

// PutActivations is that of store.Activations.
func (s *Store) PutActivations(ctx context.Context, records []store.Record) (refused int, err error) {
	var rows []activationRow
	var journaled []string
	for _, r := range records {
		if !r.Unjournaled {
			journaled = append(journaled, string(r.ID))
		}
		if !r.Discard {
			rows = append(rows, encodeRow(r))
		}
	}
	err = s.w.write(ctx, func(tx *txn) error {
		written, err := insertRows(tx, rows)
		for _, id := range journaled {
			if err == nil {
				_, err = tx.exec("DELETE FROM journal WHERE id = ?", id)
			}
		}
		refused = len(rows) - written
		return err
	})
	return refused, err
}

// rowsAtOnce is how many rows one statement inserts: most of what a row costs is
// the way of a statement to the database.
const rowsAtOnce = 16

const insertRow = "INSERT INTO activations (id, namespace, name, start, document, result, logs) VALUES (?, ?, ?, ?, ?, ?, ?)"

var (
	insertOne  = insertRow + " ON CONFLICT DO NOTHING"
	insertMany = insertRow + strings.Repeat(", (?, ?, ?, ?, ?, ?, ?)", rowsAtOnce-1) + " ON CONFLICT DO NOTHING"
)

// insertRows returns how many rows were inserted; the others had a record already.
func insertRows(tx *txn, rows []activationRow) (written int, err error) {
	for len(rows) > 0 {
		n, query := 1, insertOne
		if len(rows) >= rowsAtOnce {
			n, query = rowsAtOnce, insertMany
		}
		args := make([]any, 0, 7*n)
		for _, r := range rows[:n] {
			args = append(args, r.id, r.namespace, r.name, r.start, r.Document, r.Result, r.Logs)
		}
		changed, err := tx.exec(query, args...)
		if err != nil {
			return written, err
		}
		written += int(changed)
		rows = rows[n:]
	}
	return written, nil
}

// An activationRow is a record as its columns.
type activationRow struct {
	id, namespace, name string
	start               int64
	store.Parts
}

func encodeRow(r store.Record) activationRow {
	return activationRow{id: string(r.ID), namespace: r.Namespace, name: r.FilterName(), start: r.Start.UnixMilli(), Parts: store.Split(r.Activation)}
}

// Activation is that of store.Activations.
func (s *Store) Activation(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	var p store.Parts
	err := s.row(ctx, "SELECT document, result, logs FROM activations WHERE id = ? AND namespace = ? AND start >= ?", []any{string(id), namespace, s.horizons.Load().of(namespace)}, &p.Document, &p.Result, &p.Logs)
	if err != nil {
		return nil, err
	}
	return p.Join()
}

// scanRecord reads a row of document, result and logs.
func scanRecord(scan func(...any) error) (*whisk.Activation, error) {
	var p store.Parts
	if err := scan(&p.Document, &p.Result, &p.Logs); err != nil {
		return nil, err
	}
	return p.Join()
}

func (s *Store) activationCondition(q store.ActivationQuery) *condition {
	var c condition
	c.and("namespace = ?", q.Namespace)
	if q.Name != "" {
		c.and("name = ?", q.Name)
	}
	if since := max(q.Since, s.horizons.Load().of(q.Namespace)); since != 0 {
		c.and("start >= ?", since)
	}
	if q.Upto != 0 {
		c.and("start <= ?", q.Upto)
	}
	return &c
}

// ListActivations is that of store.Activations.
func (s *Store) ListActivations(ctx context.Context, q store.ActivationQuery) ([]*whisk.Activation, error) {
	c := s.activationCondition(q)
	query := "SELECT document, NULL, NULL FROM activations"
	if q.Full {
		query = "SELECT document, result, logs FROM activations"
	}
	query += c.String() + " ORDER BY start DESC, id DESC" + c.page(q.Limit, q.Skip)
	var list []*whisk.Activation
	err := s.rows(ctx, query, c.args, func(scan func(...any) error) error {
		a, err := scanRecord(scan)
		list = append(list, a)
		return err
	})
	return list, err
}

// CountActivations is that of store.Activations.
func (s *Store) CountActivations(ctx context.Context, q store.ActivationQuery) (n int, err error) {
	c := s.activationCondition(q)
	err = s.row(ctx, "SELECT count(*) FROM activations"+c.String(), c.args, &n)
	return n, err
}
