// Package localentitlement decides with what this one process knows: rights
// from the stored entities, rates and concurrency from its own counters.
//
// It promises exact limits as long as all calls of a namespace pass through
// this process.
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
}

var _ entitlement.Entitlement = (*Entitlement)(nil)

// New returns an Entitlement under the system's limits, which a namespace's own
// limits replace. now is the clock, usually time.Now.
func New(entities store.Entities, limits whisk.SystemLimits, now func() time.Time) *Entitlement {
	return &Entitlement{entities: entities, limits: limits, now: now, throttles: throttles{counters: make(map[string]*counter)}}
}
