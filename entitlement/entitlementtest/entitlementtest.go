// Package entitlementtest checks that an Entitlement keeps the promises of
// package entitlement: the rights matrix, the rates and the concurrency.
package entitlementtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// A Clock is a clock that stands until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the time of the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move moves the clock by d.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Open makes an Entitlement over entities that lives by the clock.
type Open func(t *testing.T, entities store.Entities, limits whisk.SystemLimits, clock *Clock) entitlement.Entitlement

// Run checks an Entitlement; open must return a fresh one on each call.
func Run(t *testing.T, open Open) {
	t.Run("rights", func(t *testing.T) { testRights(t, open) })
	t.Run("rights when the store fails", func(t *testing.T) { testStoreFails(t, open) })
	for _, c := range []struct {
		name string
		fn   func(*testing.T, entitlement.Entitlement, *Clock)
	}{
		{"rates are per namespace and minute", testRates},
		{"calls and fires are counted apart", testLoads},
		{"refused calls count", testRefusedCount},
		{"a limit of 0 refuses everything", testZero},
		{"own limits replace the system's", testOwnLimits},
		{"so many may be in flight", testConcurrency},
		{"a lease is given back once", testLeaseOnce},
		{"limits are exact under load", testLoad},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := &Clock{now: time.Date(2023, 11, 14, 22, 13, 20, 500_000_000, time.UTC)}
			limits := whisk.DefaultLimits()
			limits.InvocationsPerMinute, limits.FiresPerMinute, limits.ConcurrentInvocations = 5, 3, 4
			c.fn(t, open(t, entities{}, limits, clock), clock)
		})
	}
}

// entities are the stored ones, by their id.
type entities map[string]whisk.Entity

var _ store.Entities = entities{}

func (e entities) Entity(_ context.Context, id string) (whisk.Entity, error) {
	if found, ok := e[id]; ok {
		return found, nil
	}
	return nil, store.ErrNotFound
}

func (entities) PutEntity(context.Context, whisk.Entity) (string, error) {
	panic("rights do not write")
}
func (entities) DeleteEntity(context.Context, string, string) error { panic("rights do not write") }

func (entities) ListEntities(context.Context, store.EntityQuery) ([]whisk.Entity, error) {
	return nil, nil
}

func (entities) CountEntities(context.Context, store.EntityQuery) (int, error) { return 0, nil }
