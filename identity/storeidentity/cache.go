package storeidentity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"quirl/identity"
	"quirl/store"
	"quirl/whisk"
)

// maxCached bounds a cache; beyond it the cache is emptied, which costs one read per entry in use.
const maxCached = 10_000

// A cache keeps identities that were read from the store for a time.
type cache struct {
	read     func(ctx context.Context, key string) (*whisk.Identity, error)
	lifetime time.Duration
	counts   *store.CacheCounts

	mu      sync.RWMutex
	entries map[string]entry
}

type entry struct {
	identity *whisk.Identity
	until    time.Time
}

func newCache(read func(context.Context, string) (*whisk.Identity, error), lifetime time.Duration, counts *store.CacheCounts) *cache {
	return &cache{read: read, lifetime: lifetime, counts: counts, entries: make(map[string]entry)}
}

// get returns the identity under key, or identity.ErrUnknown.
func (c *cache) get(ctx context.Context, key string) (*whisk.Identity, error) {
	c.mu.RLock()
	e, ok := c.entries[key]
	c.mu.RUnlock()
	ok = ok && time.Now().Before(e.until)
	c.counts.Count(ok)
	if ok {
		return e.identity, nil
	}
	id, err := c.read(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, identity.ErrUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxCached {
		clear(c.entries)
	}
	c.entries[key] = entry{id, time.Now().Add(c.lifetime)}
	return id, nil
}
