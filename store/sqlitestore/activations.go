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
	unjournaled            bool
	document, result, logs []byte
}

func encodeRow(r store.Record) activationRow {
	row := activationRow{id: string(r.ID), unjournaled: r.Unjournaled, namespace: r.Namespace, name: r.FilterName(), start: r.Start.UnixMilli()}
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
	if !r.unjournaled {
		if _, err := tx.exec("DELETE FROM journal WHERE id = ?", r.id); err != nil {
			return false, err
		}
	}
	if r.document == nil {
		return true, nil
	}
	changed, err := tx.exec(`INSERT INTO activations (id, namespace, name, start, document, result, logs) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, r.id, r.namespace, r.name, r.start, r.document, r.result, r.logs)
	return changed == 1, err
}

// Activation is that of store.Activations.
func (s *Store) Activation(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	var document, result, logs []byte
	err := s.row(ctx, "SELECT document, result, logs FROM activations WHERE id = ? AND namespace = ?", []any{string(id), namespace}, &document, &result, &logs)
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
	c.and("namespace = ?", q.Namespace)
	if q.Name != "" {
		c.and("name = ?", q.Name)
	}
	if q.Since != 0 {
		c.and("start >= ?", q.Since)
	}
	if q.Upto != 0 {
		c.and("start <= ?", q.Upto)
	}
	return &c
}

// ListActivations is that of store.Activations.
func (s *Store) ListActivations(ctx context.Context, q store.ActivationQuery) ([]*whisk.Activation, error) {
	c := activationCondition(q)
	query := "SELECT document, NULL, NULL FROM activations"
	if q.Full {
		query = "SELECT document, result, logs FROM activations"
	}
	query += c.String() + " ORDER BY start DESC, id DESC" + c.page(q.Limit, q.Skip)
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
	err = s.row(ctx, "SELECT count(*) FROM activations"+c.String(), c.args, &n)
	return n, err
}
