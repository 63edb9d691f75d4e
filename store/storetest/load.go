package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"quirl/store"
	"quirl/whisk"
)

var loadCases = []testCase{
	{"refusals among many writers hinder nobody", testMixedWriters},
	{"an ended context ends calls, and says the truth", testContext},
	{"close while writing", testCloseWhileWriting},
	{"a closed store says so", testClosed},
}

func testMixedWriters(t *testing.T, s store.Store) {
	const writers, each = 50, 12
	var wg sync.WaitGroup
	var created, took, refused atomic.Int64
	ids := make([]whisk.ActivationID, each)
	records := make([]*whisk.Activation, each)
	for i := range each {
		ids[i], records[i] = newID(), record("ns", "r", noon)
	}
	accept(t, s, ids...)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if _, err := s.PutEntity(t.Context(), action(numbered("ns", w), numbered("own", i), noon)); err != nil {
					t.Errorf("writer %d creates its entity %d: %v", w, i, err)
				}
				_, err := s.PutEntity(t.Context(), action("ns", numbered("shared", i), noon))
				if err == nil {
					created.Add(1)
				} else if !errors.Is(err, store.ErrConflict) {
					t.Errorf("writer %d creates shared entity %d: %v", w, i, err)
				}
				taken, err := s.Take(t.Context(), ids[i], "invoker3")
				if err != nil {
					t.Errorf("writer %d takes entry %d: %v", w, i, err)
				}
				if taken {
					took.Add(1)
				}
				n, err := s.PutActivations(t.Context(), []store.Record{{Activation: records[i]}, {Activation: record("own", numbered("r", w), noon)}})
				if err != nil {
					t.Errorf("writer %d puts records: %v", w, err)
				}
				refused.Add(int64(n))
			}
		})
	}
	wg.Wait()
	for _, tt := range []struct {
		what string
		got  int64
		want int64
	}{
		{"shared entities created", created.Load(), each},
		{"entries taken", took.Load(), each},
		{"records refused", refused.Load(), (writers - 1) * each},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.what, tt.got, tt.want)
		}
	}
	for w := range writers {
		q := store.EntityQuery{Collection: whisk.Actions, Path: whisk.Path(numbered("ns", w))}
		if n, err := s.CountEntities(t.Context(), q); err != nil || n != each {
			t.Errorf("entities of writer %d: got %d, %v; want %d", w, n, err, each)
		}
	}
	if n, err := s.CountActivations(t.Context(), store.ActivationQuery{Namespace: "own"}); err != nil || n != writers*each {
		t.Errorf("records of all writers: got %d, %v; want %d", n, err, writers*each)
	}
}

func testContext(t *testing.T, s store.Store) {
	put(t, s, action("ns", "there", noon))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 20 {
		name := numbered("a", i)
		_, err := s.PutEntity(ended, action("ns", name, noon))
		_, found := s.Entity(t.Context(), "ns/"+name)
		switch {
		case err == nil && found != nil:
			t.Errorf("a confirmed write with an ended context is lost: %v", found)
		case err != nil && !errors.Is(err, context.Canceled):
			t.Errorf("write with an ended context: got %v, want %v", err, context.Canceled)
		case err != nil && !errors.Is(found, store.ErrNotFound):
			t.Errorf("a write that was said to have ended is there: %v", found)
		}
	}
	_, err := s.Entity(ended, "ns/there")
	wantError(t, "read with an ended context", err, context.Canceled)
	_, err = s.ListEntities(ended, store.EntityQuery{Collection: whisk.Actions, Path: "ns"})
	wantError(t, "list with an ended context", err, context.Canceled)
	_, err = s.ListActivations(ended, store.ActivationQuery{Namespace: "ns"})
	wantError(t, "list records with an ended context", err, context.Canceled)
}

// writeUntilClosed writes from several goroutines until the store is closed and
// returns the names of the confirmed actions of namespace "ns". When enough
// were confirmed it calls then, once.
func writeUntilClosed(t *testing.T, s store.Store, enough int, then func()) (confirmed []string) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := numbered(numbered("w", w)+"-", i)
				_, err := s.PutEntity(context.Background(), action("ns", name, noon))
				if err != nil {
					wantError(t, "write to a store that was closed", err, store.ErrClosed)
					return
				}
				mu.Lock()
				confirmed = append(confirmed, "ns/"+name)
				if len(confirmed) == enough {
					wg.Go(then)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return confirmed
}

func testCloseWhileWriting(t *testing.T, s store.Store) {
	writeUntilClosed(t, s, 100, func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func testClosed(t *testing.T, s store.Store) {
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	q := store.EntityQuery{Collection: whisk.Actions, Path: "ns"}
	for what, call := range map[string]func() error{
		"Entity":            func() error { _, err := s.Entity(ctx, "ns/a"); return err },
		"PutEntity":         func() error { _, err := s.PutEntity(ctx, action("ns", "a", noon)); return err },
		"DeleteEntity":      func() error { return s.DeleteEntity(ctx, "ns/a", "1") },
		"ListEntities":      func() error { _, err := s.ListEntities(ctx, q); return err },
		"CountEntities":     func() error { _, err := s.CountEntities(ctx, q); return err },
		"Identity":          func() error { _, err := s.Identity(ctx, "u"); return err },
		"NamespaceIdentity": func() error { _, err := s.NamespaceIdentity(ctx, "ns"); return err },
		"Subject":           func() error { _, err := s.Subject(ctx, "ann"); return err },
		"PutSubject":        func() error { return s.PutSubject(ctx, subject("ann")) },
		"PutNamespaceLimits": func() error {
			return s.PutNamespaceLimits(ctx, "ns", whisk.NamespaceLimits{})
		},
		"PutActivations": func() error {
			_, err := s.PutActivations(ctx, []store.Record{{Activation: record("ns", "a", noon)}})
			return err
		},
		"Activation":       func() error { _, err := s.Activation(ctx, "ns", newID()); return err },
		"ListActivations":  func() error { _, err := s.ListActivations(ctx, store.ActivationQuery{Namespace: "ns"}); return err },
		"CountActivations": func() error { _, err := s.CountActivations(ctx, store.ActivationQuery{Namespace: "ns"}); return err },
		"Accept":           func() error { return s.Accept(ctx, store.JournalEntry{ID: newID()}) },
		"Take":             func() error { _, err := s.Take(ctx, newID(), "invoker3"); return err },
		"Entries":          func() error { _, err := s.Entries(ctx, store.JournalQuery{}); return err },
	} {
		wantError(t, what+" on a closed store", call(), store.ErrClosed)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close twice: %v", err)
	}
}
