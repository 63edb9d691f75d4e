// Package localentitlement decides with what this one process knows: rights
// from the stored entities, rates and concurrency from its own counters.
//
// It promises exact limits as long as all calls of a namespace pass through
// this process. One of several controllers has a share of them (NewShare).
package localentitlement

import (
	"time"

	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// An Entitlement is an entitlement.Entitlement for one process. Make one with New.
type Entitlement struct {
	entities  store.Entities
	limits    whisk.SystemLimits
	now       func() time.Time
	throttles throttles
	share     int // of how many controllers this is one
}

var _ entitlement.Entitlement = (*Entitlement)(nil)

// New returns an Entitlement under the system's limits, which a namespace's own
// limits replace. now is the clock, usually time.Now.
func New(entities store.Entities, limits whisk.SystemLimits, now func() time.Time) *Entitlement {
	return NewShare(entities, limits, 1, now)
}

// NewShare returns an Entitlement for one of several controllers: it has its part of each limit, and a
// fifth more, for calls are not spread evenly.
//
// Source: OpenWhisk, the contract of its throttles.
func NewShare(entities store.Entities, limits whisk.SystemLimits, controllers int, now func() time.Time) *Entitlement {
	return &Entitlement{entities: entities, limits: limits, now: now, share: controllers, throttles: throttles{counters: make(map[string]*counter)}}
}

// part is that of one of so many controllers of a limit; nothing stays nothing.
func part(limit, controllers int) int {
	if controllers <= 1 || limit <= 0 {
		return limit
	}
	return max(1, (limit*12+9)/10/controllers)
}
