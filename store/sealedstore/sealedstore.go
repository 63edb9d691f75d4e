// Package sealedstore keeps the secrets of subjects' keys encrypted in any other store, and the
// journal, whose messages have the keys of callers.
//
// It promises that no secret that was written through it with a Ring of keys can be read in the
// database, or moved to another key there. Everything else goes to the store behind it.
package sealedstore

import (
	"context"
	"fmt"
	"slices"

	"quirl/store"
	"quirl/whisk"
)

// A Store is a store.Store whose secrets are sealed. Make one with New.
type Store struct {
	store.Store
	ring *Ring
}

// New seals what goes to s.
func New(s store.Store, ring *Ring) *Store { return &Store{s, ring} }

// Unwrap is the store behind it.
func (s *Store) Unwrap() store.Store { return s.Store }

// each calls do for the keys of a subject, whose lists it has copied.
func each(subject *whisk.Subject, do func(*whisk.Key) error) error {
	subject.Namespaces = slices.Clone(subject.Namespaces)
	for i := range subject.Namespaces {
		n := &subject.Namespaces[i]
		if err := do(&n.Key); err != nil {
			return fmt.Errorf("the key of %s in %s: %w", subject.Name, n.Name, err)
		}
		n.Keys = slices.Clone(n.Keys)
		for j := range n.Keys {
			if err := do(&n.Keys[j].Key); err != nil {
				return fmt.Errorf("the key %s of %s in %s: %w", n.Keys[j].Name, subject.Name, n.Name, err)
			}
		}
	}
	return nil
}

func (s *Store) open(k *whisk.Key) (err error) {
	k.Secret, err = s.ring.Open(k.Secret, k.UUID)
	return err
}

func (s *Store) identity(id *whisk.Identity, err error) (*whisk.Identity, error) {
	if err == nil {
		err = s.open(&id.Key)
	}
	if err != nil {
		return nil, err
	}
	return id, nil
}

// Identity is that of store.Subjects.
func (s *Store) Identity(ctx context.Context, uuid string) (*whisk.Identity, error) {
	return s.identity(s.Store.Identity(ctx, uuid))
}

// NamespaceIdentity is that of store.Subjects.
func (s *Store) NamespaceIdentity(ctx context.Context, namespace string) (*whisk.Identity, error) {
	return s.identity(s.Store.NamespaceIdentity(ctx, namespace))
}

// Subject is that of store.Subjects.
func (s *Store) Subject(ctx context.Context, name string) (*whisk.Subject, error) {
	subject, err := s.Store.Subject(ctx, name)
	if err == nil {
		err = each(subject, s.open)
	}
	return subject, err
}

// Subjects is that of store.Subjects.
func (s *Store) Subjects(ctx context.Context) ([]whisk.Subject, error) {
	all, err := s.Store.Subjects(ctx)
	for i := range all {
		if err == nil {
			err = each(&all[i], s.open)
		}
	}
	return all, err
}

// PutSubject is that of store.Subjects.
func (s *Store) PutSubject(ctx context.Context, subject whisk.Subject) error {
	err := each(&subject, func(k *whisk.Key) error {
		k.Secret = s.ring.Seal(k.Secret, k.UUID)
		return nil
	})
	if err != nil {
		return err
	}
	return s.Store.PutSubject(ctx, subject)
}

// Accept is that of store.Journal.
func (s *Store) Accept(ctx context.Context, entries ...store.JournalEntry) error {
	sealed := slices.Clone(entries)
	for i, e := range sealed {
		sealed[i].Message = []byte(s.ring.Seal(string(e.Message), string(e.ID)))
	}
	return s.Store.Accept(ctx, sealed...)
}

// Entries is that of store.Journal.
func (s *Store) Entries(ctx context.Context, q store.JournalQuery) ([]store.JournalEntry, error) {
	all, err := s.Store.Entries(ctx, q)
	if err != nil {
		return nil, err
	}
	for i, e := range all {
		message, err := s.ring.Open(string(e.Message), string(e.ID))
		if err != nil {
			return nil, fmt.Errorf("journal entry %s: %w", e.ID, err)
		}
		all[i].Message = []byte(message)
	}
	return all, nil
}

// Secrets counts the secrets that are sealed with each key of a ring; those under no name are not sealed.
func (s *Store) Secrets(ctx context.Context) (map[string]int, error) {
	all, err := s.Store.Subjects(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, subject := range all {
		_ = each(&subject, func(k *whisk.Key) error {
			counts[keyOf(k.Secret)]++
			return nil
		})
	}
	return counts, nil
}

// Reseal writes the subjects that have secrets which are not sealed with the present key, and
// returns how many they were. It can be repeated.
func (s *Store) Reseal(ctx context.Context) (changed int, err error) {
	all, err := s.Store.Subjects(ctx)
	if err != nil {
		return 0, err
	}
	for _, subject := range all {
		old := false
		_ = each(&subject, func(k *whisk.Key) error {
			old = old || keyOf(k.Secret) != s.ring.current
			return nil
		})
		if !old {
			continue
		}
		if err := each(&subject, s.open); err != nil {
			return changed, err
		}
		if err := s.PutSubject(ctx, subject); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}
