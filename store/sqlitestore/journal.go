package sqlitestore

import (
	"context"

	"quirl/store"
	"quirl/whisk"
)

// Accept is that of store.Journal.
func (s *Store) Accept(ctx context.Context, entries ...store.JournalEntry) error {
	return s.w.write(ctx, func(tx *txn) error {
		for _, e := range entries {
			_, err := tx.exec("INSERT INTO journal (id, message, owner, taker) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET message = excluded.message",
				string(e.ID), e.Message, e.Owner, e.Taker)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Drop is that of store.Journal.
func (s *Store) Drop(ctx context.Context, id whisk.ActivationID) error {
	return s.w.write(ctx, func(tx *txn) error {
		_, err := tx.exec("DELETE FROM journal WHERE id = ?", string(id))
		return err
	})
}

// Take is that of store.Journal.
func (s *Store) Take(ctx context.Context, id whisk.ActivationID, taker string) (bool, error) {
	var taken bool
	err := s.w.write(ctx, func(tx *txn) error {
		changed, err := tx.exec("UPDATE journal SET taker = ? WHERE id = ? AND taker = ''", taker, string(id))
		taken = changed == 1
		return err
	})
	return taken, err
}

// Entries is that of store.Journal.
func (s *Store) Entries(ctx context.Context, q store.JournalQuery) ([]store.JournalEntry, error) {
	var entries []store.JournalEntry
	err := s.rows(ctx, "SELECT id, message, owner, taker FROM journal WHERE ?1 IN ('', owner) AND ?2 IN ('', taker) ORDER BY sequence", []any{q.Owner, q.Taker}, func(scan func(...any) error) error {
		var e store.JournalEntry
		err := scan(&e.ID, &e.Message, &e.Owner, &e.Taker)
		entries = append(entries, e)
		return err
	})
	return entries, err
}
