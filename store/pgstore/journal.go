package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"quirl/store"
	"quirl/whisk"
)

// Accept is that of store.Journal. Writing an entry twice does no harm, so it is repeated.
func (s *Store) Accept(ctx context.Context, entries ...store.JournalEntry) error {
	ids, owners, takers, messages := make([]string, 0, len(entries)), make([]string, 0, len(entries)), make([]string, 0, len(entries)), make([][]byte, 0, len(entries))
	at := map[whisk.ActivationID]int{}
	for _, e := range entries {
		if i, twice := at[e.ID]; twice { // a statement changes a row once
			messages[i] = e.Message
			continue
		}
		at[e.ID] = len(ids)
		ids, owners, takers, messages = append(ids, string(e.ID)), append(owners, e.Owner), append(takers, e.Taker), append(messages, e.Message)
	}
	return s.execAgain(ctx, `INSERT INTO journal (id, owner, taker, message) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
		ON CONFLICT (id) DO UPDATE SET message = excluded.message`, ids, owners, takers, messages)
}

// Drop is that of store.Journal.
func (s *Store) Drop(ctx context.Context, id whisk.ActivationID) error {
	return s.execAgain(ctx, "DELETE FROM journal WHERE id = $1", string(id))
}

// Take is that of store.Journal. It waits for a database that is away as long as ctx lasts:
// what was accepted is not given up. An answer that was lost does no harm, for a call knows the
// entry that it took itself.
func (s *Store) Take(ctx context.Context, id whisk.ActivationID, taker string) (bool, error) {
	call := whisk.RandomText(16)
	var taken bool
	err := s.link.DoFor(ctx, store.Forever, true, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, "UPDATE journal SET taker = $3, taken_by = $2 WHERE id = $1 AND (taker = '' OR taken_by = $2)", string(id), call, taker)
		taken = tag.RowsAffected() == 1
		return err
	})
	return taken, err
}

// Entries is that of store.Journal.
func (s *Store) Entries(ctx context.Context, q store.JournalQuery) ([]store.JournalEntry, error) {
	return rows(ctx, s, "SELECT id, message, owner, taker FROM journal WHERE $1 IN ('', owner) AND $2 IN ('', taker) ORDER BY sequence", []any{q.Owner, q.Taker}, func(row pgx.CollectableRow) (e store.JournalEntry, err error) {
		err = row.Scan(&e.ID, &e.Message, &e.Owner, &e.Taker)
		return e, err
	})
}
