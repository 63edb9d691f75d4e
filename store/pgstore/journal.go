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
	return s.execAgain(ctx, `INSERT INTO journal (id, taken, message) SELECT * FROM unnest($1::text[], $2::bool[], $3::bytea[])
		ON CONFLICT (id) DO UPDATE SET message = excluded.message`, ids, taken, messages)
}

// Drop is that of store.Journal.
func (s *Store) Drop(ctx context.Context, id whisk.ActivationID) error {
	return s.execAgain(ctx, "DELETE FROM journal WHERE id = $1", string(id))
}

// Take is that of store.Journal. It waits for a database that is away as long as ctx lasts:
// what was accepted is not given up. An answer that was lost does no harm, for a call knows the
// entry that it took itself.
func (s *Store) Take(ctx context.Context, id whisk.ActivationID) (bool, error) {
	call := whisk.RandomText(16)
	var taken bool
	err := s.link.DoFor(ctx, store.Forever, true, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, "UPDATE journal SET taken = true, taken_by = $2 WHERE id = $1 AND (NOT taken OR taken_by = $2)", string(id), call)
		taken = tag.RowsAffected() == 1
		return err
	})
	return taken, err
}

// Entries is that of store.Journal.
func (s *Store) Entries(ctx context.Context) ([]store.JournalEntry, error) {
	return rows(ctx, s, "SELECT id, message, taken FROM journal ORDER BY sequence", nil, func(row pgx.CollectableRow) (e store.JournalEntry, err error) {
		err = row.Scan(&e.ID, &e.Message, &e.Taken)
		return e, err
	})
}
