package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"quirl/store"
	"quirl/whisk"
)

// Accept is that of store.Journal. Writing an entry twice does no harm, so it is repeated.
func (s *Store) Accept(ctx context.Context, entries ...store.JournalEntry) error {
	ids, taken, messages := make([]string, 0, len(entries)), make([]bool, 0, len(entries)), make([][]byte, 0, len(entries))
	at := map[whisk.ActivationID]int{}
	for _, e := range entries {
		if i, twice := at[e.ID]; twice { // a statement changes a row once
			messages[i] = e.Message
			continue
		}
		at[e.ID] = len(ids)
		ids, taken, messages = append(ids, string(e.ID)), append(taken, e.Taken), append(messages, e.Message)
	}
	return s.do(ctx, true, func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, `INSERT INTO journal (id, taken, message) SELECT * FROM unnest($1::text[], $2::bool[], $3::bytea[])
			ON CONFLICT (id) DO UPDATE SET message = excluded.message`, ids, taken, messages)
		return err
	})
}

// Drop is that of store.Journal.
func (s *Store) Drop(ctx context.Context, id whisk.ActivationID) error {
	return s.do(ctx, true, func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, "DELETE FROM journal WHERE id = $1", string(id))
		return err
	})
}

// Take is that of store.Journal. An answer that was lost is an error: the entry may be taken.
func (s *Store) Take(ctx context.Context, id whisk.ActivationID) (bool, error) {
	changed, err := s.exec(ctx, "UPDATE journal SET taken = true WHERE id = $1 AND NOT taken", string(id))
	return changed == 1, err
}

// Entries is that of store.Journal.
func (s *Store) Entries(ctx context.Context) ([]store.JournalEntry, error) {
	return rows(ctx, s, "SELECT id, message, taken FROM journal ORDER BY sequence", nil, func(row pgx.CollectableRow) (e store.JournalEntry, err error) {
		err = row.Scan(&e.ID, &e.Message, &e.Taken)
		return e, err
	})
}
