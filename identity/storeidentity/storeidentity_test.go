package storeidentity_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quirl/identity"
	"quirl/identity/identitytest"
	"quirl/identity/storeidentity"
	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

func TestProvider(t *testing.T) {
	identitytest.Run(t, func(t *testing.T) identitytest.Office {
		s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "quirl.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		const lifetime = time.Millisecond
		return identitytest.Office{
			Provider: storeidentity.New(s, lifetime),
			Put: func(t *testing.T, subject whisk.Subject) {
				t.Helper()
				if err := s.PutSubject(t.Context(), subject); err != nil {
					t.Fatal(err)
				}
			},
			Settle: func() { time.Sleep(2 * lifetime) },
		}
	})
}

// subjects are a store.Subjects with one identity, or an error.
type subjects struct {
	store.Subjects
	identity *whisk.Identity
	err      error
	reads    atomic.Int64

	ownerReads atomic.Int64
}

func (s *subjects) Identity(context.Context, string) (*whisk.Identity, error) {
	s.reads.Add(1)
	return s.identity, s.err
}

func (s *subjects) NamespaceIdentity(context.Context, string) (*whisk.Identity, error) {
	s.ownerReads.Add(1)
	return s.identity, s.err
}

func TestReadsOncePerLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := &whisk.Identity{Subject: "ann", Namespace: "ann", Key: whisk.NewKey()}
		s := &subjects{identity: id}
		p := storeidentity.New(s, time.Minute)
		right := identity.Credentials{User: id.Key.UUID, Password: id.Key.Secret}
		wrong := identity.Credentials{User: id.Key.UUID, Password: whisk.RandomText(whisk.SecretLength)}
		for _, step := range []struct {
			wait  time.Duration
			reads int64
		}{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}, {time.Hour, 3}} {
			time.Sleep(step.wait)
			for range 3 {
				if _, err := p.Authenticate(t.Context(), right); err != nil {
					t.Fatal(err)
				}
				if _, err := p.Authenticate(t.Context(), wrong); !errors.Is(err, identity.ErrUnknown) {
					t.Fatalf("a wrong secret: got %v, want %v", err, identity.ErrUnknown)
				}
				if _, err := p.Owner(t.Context(), "ann"); err != nil {
					t.Fatal(err)
				}
			}
			if keys, owners := s.reads.Load(), s.ownerReads.Load(); keys != step.reads || owners != step.reads {
				t.Errorf("after another %v: got %d reads of keys and %d of owners, want %d", step.wait, keys, owners, step.reads)
			}
		}
	})
}

// TestStoreFails: that it cannot be told is not the same as unknown.
func TestStoreFails(t *testing.T) {
	down := errors.New("store is down")
	s := &subjects{err: down}
	p := storeidentity.New(s, time.Minute)
	k := whisk.NewKey()
	_, err := p.Authenticate(t.Context(), identity.Credentials{User: k.UUID, Password: k.Secret})
	if !errors.Is(err, down) || errors.Is(err, identity.ErrUnknown) {
		t.Errorf("got %v, want %v", err, down)
	}
	if _, err := p.Owner(t.Context(), "ann"); !errors.Is(err, down) || errors.Is(err, identity.ErrUnknown) {
		t.Errorf("owner: got %v, want %v", err, down)
	}
	s.err, s.identity = nil, &whisk.Identity{Key: k}
	if _, err := p.Authenticate(t.Context(), identity.Credentials{User: k.UUID, Password: k.Secret}); err != nil {
		t.Errorf("when the store works again: %v", err)
	}
}
