package store

import (
	"context"
	"sync"
	"sync/atomic"

	"quirl/whisk"
)

// Cached keeps the most recently used entities of a Store in memory. It sees all
// writes that go through it; another process's writes need a change notice
// (Forget), which a store for clusters sends.
type Cached struct {
	Store
	max int

	mu       sync.RWMutex
	entities map[string]whisk.Entity
	counts   CacheCounts
	// epoch counts invalidations, so that a read that began before a write does
	// not put back what the write replaced.
	epoch uint64
}

// CacheCounts count what a cache was asked for.
type CacheCounts struct{ hits, misses atomic.Uint64 }

// Count counts one that was there, or one that was not.
func (c *CacheCounts) Count(hit bool) {
	if hit {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
}

// Hits and Misses are how many were there, and were not, so far.
func (c *CacheCounts) Hits() uint64 { return c.hits.Load() }

// Misses is described at Hits.
func (c *CacheCounts) Misses() uint64 { return c.misses.Load() }

// NewCached returns s with a cache of at most max entities in front.
func NewCached(s Store, max int) *Cached {
	return &Cached{Store: s, max: max, entities: make(map[string]whisk.Entity)}
}

// Counts are those of the entities that were asked for.
func (c *Cached) Counts() *CacheCounts { return &c.counts }

// Entity is that of Entities.
func (c *Cached) Entity(ctx context.Context, id string) (whisk.Entity, error) {
	c.mu.RLock()
	e, ok := c.entities[id]
	epoch := c.epoch
	c.mu.RUnlock()
	c.counts.Count(ok)
	if ok {
		return e, nil
	}
	e, err := c.Store.Entity(ctx, id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch == epoch {
		c.makeRoom()
		c.entities[id] = e
	}
	return e, nil
}

// makeRoom drops some entity when the cache is full. The order of a map is
// random enough here: what is in use comes back with one read.
func (c *Cached) makeRoom() {
	for id := range c.entities {
		if len(c.entities) < c.max {
			return
		}
		delete(c.entities, id)
	}
}

// PutEntity is that of Entities.
func (c *Cached) PutEntity(ctx context.Context, e whisk.Entity) (string, error) {
	defer c.Forget(e.FullName().ID())
	return c.Store.PutEntity(ctx, e)
}

// DeleteEntity is that of Entities.
func (c *Cached) DeleteEntity(ctx context.Context, id, revision string) error {
	defer c.Forget(id)
	return c.Store.DeleteEntity(ctx, id, revision)
}

// Forget drops what is cached under id; without an id, all.
func (c *Cached) Forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == "" {
		clear(c.entities)
	}
	delete(c.entities, id)
	c.epoch++
}

// Run forgets what other processes write, until ctx ends.
func (c *Cached) Run(ctx context.Context) error {
	n, shared := NotifierOf(c.Store)
	if !shared {
		<-ctx.Done()
		return nil
	}
	return n.Changes(ctx, c.Forget)
}
