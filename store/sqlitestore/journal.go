package sqlitestore

import (
	"context"

	"quirl/store"
	"quirl/whisk"
)

// Accept is that of store.Journal.
func (s *Store) Accept(ctx context.Context, e store.JournalEntry) error {
	return s.w.write(ctx, func(tx *txn) error {
		return one(tx.exec("INSERT INTO journal (id, message) VALUES (?, ?) ON CONFLICT DO NOTHING", string(e.ID), e.Message))
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
