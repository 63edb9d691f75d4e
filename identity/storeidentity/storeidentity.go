// Package storeidentity authenticates by the keys of the subjects in the store.
//
// It promises to read the store at most once per key, or namespace, and lifetime
// of its cache; so a revoked or blocked key works for at most that long. What is
// not in the store is asked for each time, so that a new key works at once.
package storeidentity

import (
	"context"
	"crypto/subtle"
	"time"

	"quirl/identity"
	"quirl/store"
	"quirl/whisk"
)

// A Provider is an identity.Provider over store.Subjects. Make one with New.
type Provider struct {
	keys, owners *cache // by UUID, by namespace
	counts       store.CacheCounts
}

var _ identity.Provider = (*Provider)(nil)

// subjects are what it reads of a store.Subjects.
type subjects interface {
	Identity(ctx context.Context, uuid string) (*whisk.Identity, error)
	NamespaceIdentity(ctx context.Context, namespace string) (*whisk.Identity, error)
}

// New returns a Provider that keeps what it read for lifetime.
func New(s subjects, lifetime time.Duration) *Provider {
	p := new(Provider)
	p.keys, p.owners = newCache(s.Identity, lifetime, &p.counts), newCache(s.NamespaceIdentity, lifetime, &p.counts)
	return p
}

// Counts are those of the identities that were asked for.
func (p *Provider) Counts() *store.CacheCounts { return &p.counts }

// Authenticate is that of identity.Provider.
func (p *Provider) Authenticate(ctx context.Context, c identity.Credentials) (*whisk.Identity, error) {
	if len(c.User) != 36 || len(c.Password) < whisk.SecretLength {
		return nil, identity.ErrUnknown
	}
	id, err := p.keys.get(ctx, c.User)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Key.Secret), []byte(c.Password)) != 1 {
		return nil, identity.ErrUnknown
	}
	if !id.Expires.IsZero() && !time.Now().Before(id.Expires) {
		return nil, identity.ErrUnknown
	}
	return id, nil
}

// Owner is that of identity.Provider: the namespace's first owner by name.
func (p *Provider) Owner(ctx context.Context, namespace string) (*whisk.Identity, error) {
	return p.owners.get(ctx, namespace)
}
