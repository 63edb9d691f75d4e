// Package dispatch turns a call into an activation, sends it on its way and
// waits for what comes of it.
//
// It promises that a non-blocking call that it accepted ends in one record,
// even if this process is lost right after, that no call waits longer than its
// deadline, and that the caller's slot is given back exactly once.
//
// Read invoke.go for the way out, acks.go for the way back, recover.go for what
// a lost process left.
package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"quirl/balancer"
	"quirl/bus"
	"quirl/entitlement"
	"quirl/result"
	"quirl/store"
	"quirl/whisk"
)

// graceAfterDeadline is how long after an activation's deadline the invoker may
// still report; after it the activation is ended by the dispatcher.
const graceAfterDeadline = 5 * time.Second

// Config are a Dispatcher's parts.
type Config struct {
	Controller int // this controller's number
	Bus        bus.Bus
	Balancer   balancer.Balancer
	Journal    store.Journal
	Recorder   *result.Recorder
	Log        *slog.Logger
	Now        func() time.Time
}

// A Dispatcher sends activations to invokers. Make one with New and let it Run.
type Dispatcher struct {
	Config

	mu     sync.Mutex
	flying map[whisk.ActivationID]*flight
}

// A flight is an activation that an invoker has, or is on the way there.
type flight struct {
	work    balancer.Work
	invoker int
	placed  bool // the balancer chose the invoker
	lease   entitlement.Lease
	timer   *time.Timer
	// result receives the record once, for blocking calls.
	result chan *whisk.Activation
	// orphan makes the record when nobody else will.
	orphan func() *whisk.Activation
}

// New returns a Dispatcher.
func New(cfg Config) *Dispatcher {
	return &Dispatcher{Config: cfg, flying: make(map[whisk.ActivationID]*flight)}
}

// InFlight returns how many activations have not ended.
func (d *Dispatcher) InFlight() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.flying)
}

// place has the balancer choose the invoker of a flight, which may be given up meanwhile.
func (d *Dispatcher) place(ctx context.Context, f *flight) (invoker int, err error) {
	invoker, err = d.Balancer.Place(ctx, f.work)
	d.mu.Lock()
	defer d.mu.Unlock()
	f.invoker, f.placed = invoker, err == nil
	return invoker, err
}

// land takes a flight down: its slot is free.
func (d *Dispatcher) land(id whisk.ActivationID) *flight {
	d.mu.Lock()
	f := d.flying[id]
	delete(d.flying, id)
	placed := f != nil && f.placed
	d.mu.Unlock()
	if f != nil {
		f.timer.Stop()
		if placed {
			d.Balancer.Ended(f.work, f.invoker)
		}
		f.lease.Release()
	}
	return f
}

// Run handles acknowledgements until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) error {
	return d.receiveAcks(ctx)
}
