package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
	"quirl/whisk"
)

// The cache is checked in front of every Store, since it leans on what stores promise.
var cachedCases = []testCase{
	{"a cached store is the store", testCachedWrites},
	{"a cached store never answers older than a confirmed write", testCachedRace},
	{"a read that was overtaken by a write is not remembered", testCachedOvertaken},
	{"a cached store reads again what was forgotten, and keeps no more than it may", testCachedBound},
}

func testCachedWrites(t *testing.T, s store.Store) {
	c := store.NewCached(s, 10)
	_, err := c.Entity(t.Context(), "ns/a")
	wantError(t, "read what is not there", err, store.ErrNotFound)
	a := action("ns", "a", noon)
	for range 3 {
		put(t, c, a)
		for range 2 {
			got, err := c.Entity(t.Context(), "ns/a")
			if err != nil || !cmp.Equal(got, whisk.Entity(a), none) {
				t.Fatalf("read after write, error %v (-want +got):\n%s", err, cmp.Diff(whisk.Entity(a), got, none))
			}
		}
	}
	if err := c.DeleteEntity(t.Context(), "ns/a", a.Revision); err != nil {
		t.Fatal(err)
	}
	_, err = c.Entity(t.Context(), "ns/a")
	wantError(t, "read after delete", err, store.ErrNotFound)
}

// testCachedRace has one writer per entity, who counts in Updated, and readers
// who look at what was confirmed before they ask.
func testCachedRace(t *testing.T, s store.Store) {
	const entities, readers, writes = 3, 2, 30
	c := store.NewCached(s, 2) // fewer than are in use, so that some are always read anew
	var confirmed [entities]atomic.Int64
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for e := range entities {
		name := numbered("a", e)
		put(t, c, action("ns", name, 0))
		writing.Go(func() {
			for n := int64(1); n <= writes; n++ {
				present, err := c.Entity(t.Context(), "ns/"+name)
				if err != nil {
					t.Errorf("read %s: %v", name, err)
					return
				}
				next := *present.(*whisk.Action)
				next.Updated = n
				if _, err := c.PutEntity(t.Context(), &next); err != nil {
					t.Errorf("the only writer of %s, write %d: %v", name, n, err)
					return
				}
				confirmed[e].Store(n)
			}
		})
		for range readers {
			reading.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					least := confirmed[e].Load()
					got, err := c.Entity(t.Context(), "ns/"+name)
					if err != nil || got.Common().Updated < least {
						t.Errorf("read %s: got %+v, %v; want state %d or later", name, got, err, least)
						return
					}
				}
			})
		}
	}
	writing.Wait()
	close(done)
	reading.Wait()
}

// A gatedStore holds back what it has read until it is let go.
type gatedStore struct {
	store.Store
	read, letGo chan struct{}
}

func (g *gatedStore) Entity(ctx context.Context, id string) (whisk.Entity, error) {
	e, err := g.Store.Entity(ctx, id)
	g.read <- struct{}{}
	<-g.letGo
	return e, err
}

func testCachedOvertaken(t *testing.T, s store.Store) {
	put(t, s, action("ns", "a", noon))
	gated := &gatedStore{s, make(chan struct{}), make(chan struct{})}
	c := store.NewCached(gated, 10)
	overtaken := make(chan error)
	go func() {
		_, err := c.Entity(t.Context(), "ns/a")
		overtaken <- err
	}()
	<-gated.read
	present, err := s.Entity(t.Context(), "ns/a")
	if err != nil {
		t.Fatal(err)
	}
	next := *present.(*whisk.Action)
	next.Updated = noon + 1
	put(t, c, &next)
	close(gated.letGo)
	if err := <-overtaken; err != nil {
		t.Fatal(err)
	}
	go func() { <-gated.read }() // when the cache holds the old state nothing is read
	if got, err := c.Entity(t.Context(), "ns/a"); err != nil || got.Common().Updated != noon+1 {
		t.Errorf("read after an overtaken read: got %+v, %v; want the later write", got, err)
	}
	close(gated.read)
}

// countingStore counts the reads that reach it, and fails them on demand.
type countingStore struct {
	store.Store
	reads atomic.Int64
}

func (c *countingStore) Entity(ctx context.Context, id string) (whisk.Entity, error) {
	c.reads.Add(1)
	return c.Store.Entity(ctx, id)
}

func testCachedBound(t *testing.T, s store.Store) {
	const all, room = 20, 5
	counting := &countingStore{Store: s}
	c := store.NewCached(counting, room)
	readAll := func() int64 {
		before := counting.reads.Load()
		for i := range all {
			if _, err := c.Entity(t.Context(), numbered("ns/a", i)); err != nil {
				t.Fatal(err)
			}
		}
		return counting.reads.Load() - before
	}
	for i := range all {
		put(t, c, action("ns", numbered("a", i), noon))
	}
	if got := readAll(); got != all {
		t.Errorf("first round: got %d reads of the store, want %d", got, all)
	}
	if got := readAll(); got < all-room {
		t.Errorf("second round: got %d reads of the store; a cache of %d cannot save more than so many of %d", got, room, all)
	}
	before := counting.reads.Load()
	for range 3 {
		if _, err := c.Entity(t.Context(), numbered("ns/a", all-1)); err != nil {
			t.Fatal(err)
		}
	}
	if got := counting.reads.Load() - before; got != 0 {
		t.Errorf("what was read last: got %d reads of the store, want none", got)
	}
	// Another process's write is seen after its notice.
	alien := action("ns", numbered("a", all-1), noon+1)
	present, err := s.Entity(t.Context(), alien.FullName().ID())
	if err != nil {
		t.Fatal(err)
	}
	alien.Revision = present.Common().Revision
	put(t, s, alien)
	c.Forget(alien.FullName().ID())
	if got, err := c.Entity(t.Context(), alien.FullName().ID()); err != nil || got.Common().Updated != noon+1 {
		t.Errorf("after Forget: got %+v, %v; want what the other one wrote", got, err)
	}
	// A refused write leaves the truth, too.
	stale := action("ns", numbered("a", all-1), noon)
	stale.Revision = present.Common().Revision
	if _, err := c.PutEntity(t.Context(), stale); !errors.Is(err, store.ErrConflict) {
		t.Errorf("stale write through the cache: got %v, want %v", err, store.ErrConflict)
	}
}
