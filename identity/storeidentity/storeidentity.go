// Package storeidentity authenticates by the keys of the subjects in the store.
//
// It promises to read the store at most once per key and lifetime of its cache;
// so a revoked or blocked key works for at most that long.
package storeidentity

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"quirl/identity"
	"quirl/store"
	"quirl/whisk"
)

// maxCached bounds the cache; beyond it the cache is emptied, which costs one read per key in use.
const maxCached = 10_000

// A Provider is an identity.Provider over store.Subjects. Make one with New.
type Provider struct {
	subjects store.Subjects
	lifetime time.Duration
	now      func() time.Time

	mu     sync.RWMutex
	cached map[string]entry // by UUID
}

type entry struct {
	identity *whisk.Identity
	until    time.Time
}

var _ identity.Provider = (*Provider)(nil)

// New returns a Provider that keeps what it read for lifetime.
func New(subjects store.Subjects, lifetime time.Duration) *Provider {
	return &Provider{subjects: subjects, lifetime: lifetime, now: time.Now, cached: make(map[string]entry)}
}

// Authenticate is that of identity.Provider.
func (p *Provider) Authenticate(ctx context.Context, c identity.Credentials) (*whisk.Identity, error) {
	if len(c.User) != 36 || len(c.Password) != whisk.SecretLength {
		return nil, identity.ErrUnknown
	}
	id, err := p.identity(ctx, c.User)
	if errors.Is(err, store.ErrNotFound) {
		return nil, identity.ErrUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Key.Secret), []byte(c.Password)) != 1 {
		return nil, identity.ErrUnknown
	}
	return id, nil
}

func (p *Provider) identity(ctx context.Context, uuid string) (*whisk.Identity, error) {
	p.mu.RLock()
	e, ok := p.cached[uuid]
	p.mu.RUnlock()
	if ok && p.now().Before(e.until) {
		return e.identity, nil
	}
	id, err := p.subjects.Identity(ctx, uuid)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.cached) >= maxCached {
		clear(p.cached)
	}
	p.cached[uuid] = entry{id, p.now().Add(p.lifetime)}
	return id, nil
}
