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
			_, err := tx.exec("INSERT INTO journal (id, message, taken) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET message = excluded.message",
				string(e.ID), e.Message, e.Taken)
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
func (s *Store) Take(ctx context.Context, id whisk.ActivationID) (bool, error) {
	var taken bool
	err := s.w.write(ctx, func(tx *txn) error {
		changed, err := tx.exec("UPDATE journal SET taken = 1 WHERE id = ? AND taken = 0", string(id))
		taken = changed == 1
		return err
	})
	return taken, err
}

// Entries is that of store.Journal.
func (s *Store) Entries(ctx context.Context) ([]store.JournalEntry, error) {
	var entries []store.JournalEntry
	err := s.rows(ctx, "SELECT id, message, taken FROM journal ORDER BY sequence", nil, func(scan func(...any) error) error {
		var e store.JournalEntry
		err := scan(&e.ID, &e.Message, &e.Taken)
		entries = append(entries, e)
		return err
	})
	return entries, err
}
