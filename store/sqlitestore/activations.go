package sqlitestore

import (
	"context"
	"encoding/json"

	"quirl/store"
	"quirl/whisk"
)

// PutActivations is that of store.Activations.
func (s *Store) PutActivations(ctx context.Context, records []store.Record) (refused int, err error) {
	rows := make([]activationRow, len(records))
	for i, r := range records {
		rows[i] = encodeRow(r)
	}
	err = s.w.write(ctx, func(tx *txn) error {
		refused = 0
		for _, row := range rows {
			written, err := row.put(tx)
			if err != nil {
				return err
			}
			if !written {
				refused++
			}
		}
		return nil
	})
	return refused, err
}

// An activationRow is a record as its columns; document is nil for one that is only to be forgotten.
type activationRow struct {
	id, namespace, name    string
	start                  int64
	document, result, logs []byte
}

func encodeRow(r store.Record) activationRow {
	row := activationRow{id: string(r.ID), namespace: r.Namespace, name: r.FilterName(), start: r.Start.UnixMilli()}
	if r.Discard {
		return row
	}
	brief := *r.Activation
	row.result, brief.Response.Result = brief.Response.Result, nil
	if len(brief.Logs) > 0 {
		row.logs, brief.Logs = whisk.Marshal(brief.Logs), nil
	}
	row.document = whisk.EncodeActivation(&brief)
	return row
}

// put writes the row and ends its journal entry; false when the id had a record already.
func (r activationRow) put(tx *txn) (bool, error) {
	if _, err := tx.exec("DELETE FROM journal WHERE id = ?", r.id); err != nil || r.document == nil {
		return true, err
	}
	changed, err := tx.exec(`INSERT INTO activations (id, namespace, name, start, document) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, r.id, r.namespace, r.name, r.start, r.document)
	if err != nil || changed == 0 {
		return false, err
	}
	_, err = tx.exec("INSERT OR REPLACE INTO activation_bodies (id, result, logs) VALUES (?, ?, ?)", r.id, r.result, r.logs)
	return true, err
}

// Activation is that of store.Activations.
func (s *Store) Activation(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	var document, result, logs []byte
	err := s.row(ctx, `SELECT a.document, b.result, b.logs FROM activations a LEFT JOIN activation_bodies b ON b.id = a.id
		WHERE a.id = ? AND a.namespace = ?`, []any{string(id), namespace}, &document, &result, &logs)
	if err != nil {
		return nil, err
	}
	return decodeRow(document, result, logs)
}

func decodeRow(document, result, logs []byte) (*whisk.Activation, error) {
	a, err := whisk.DecodeActivation(document)
	if err != nil {
		return nil, err
	}
	a.Response.Result = result
	if logs != nil {
		err = json.Unmarshal(logs, &a.Logs)
	}
	return a, err
}

func activationCondition(q store.ActivationQuery) *condition {
	var c condition
	c.and("a.namespace = ?", q.Namespace)
	if q.Name != "" {
		c.and("a.name = ?", q.Name)
	}
	if q.Since != 0 {
		c.and("a.start >= ?", q.Since)
	}
	if q.Upto != 0 {
		c.and("a.start <= ?", q.Upto)
	}
	return &c
}

// ListActivations is that of store.Activations.
func (s *Store) ListActivations(ctx context.Context, q store.ActivationQuery) ([]*whisk.Activation, error) {
	c := activationCondition(q)
	query := "SELECT a.document, NULL, NULL FROM activations a"
	if q.Full {
		query = "SELECT a.document, b.result, b.logs FROM activations a LEFT JOIN activation_bodies b ON b.id = a.id"
	}
	query += c.String() + " ORDER BY a.start DESC, a.id DESC" + c.page(q.Limit, q.Skip)
	var list []*whisk.Activation
	err := s.rows(ctx, query, c.args, func(scan func(...any) error) error {
		var document, result, logs []byte
		if err := scan(&document, &result, &logs); err != nil {
			return err
		}
		a, err := decodeRow(document, result, logs)
		list = append(list, a)
		return err
	})
	return list, err
}

// CountActivations is that of store.Activations.
func (s *Store) CountActivations(ctx context.Context, q store.ActivationQuery) (n int, err error) {
	c := activationCondition(q)
	err = s.row(ctx, "SELECT count(*) FROM activations a"+c.String(), c.args, &n)
	return n, err
}
