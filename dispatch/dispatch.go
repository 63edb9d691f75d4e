// Package dispatch turns a call into an activation, sends it on its way and
// waits for what comes of it.
//
// It promises that a non-blocking call that it accepted ends in one record,
// even if this process is lost right after, that no call waits longer than its
// deadline, and that the caller's slot is given back exactly once.
//
// Read resolve.go for what is called and who may call it, invoke.go for the way
// out, acks.go for the way back, run.go for sequences and compositions, fire.go
// for triggers, recover.go for what a lost process left.
package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"quirl/balancer"
	"quirl/bus"
	"quirl/bus/message"
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
	Controller  int // this controller's number
	Bus         bus.Bus
	Balancer    balancer.Balancer
	Entities    store.Entities
	Entitlement entitlement.Entitlement
	Journal     store.Journal
	Recorder    *result.Recorder
	// Alone says that the invokers are in this process: what they had taken has ended with it.
	Alone bool
	// Deprecated says that actions of a kind can be read and deleted only.
	Deprecated func(kind string) bool
	Limits     whisk.SystemLimits
	// Storing says which records are kept.
	Storing whisk.StoreLevels
	Log     *slog.Logger
	Now     func() time.Time
}

// A Dispatcher sends activations to invokers. Make one with New and let it Run.
type Dispatcher struct {
	Config

	halt chan struct{} // closed when sequences and compositions are to stop
	runs sync.WaitGroup
	left *legacy // what Inherit found, until Recover has dealt with it

	mu     sync.Mutex
	flying map[whisk.ActivationID]*flight
	atWork map[whisk.ActivationID]*run
	halted bool // halt is closed

	disabled atomic.Bool
}

// A flight is an activation that an invoker has, or is on the way there.
type flight struct {
	msg     *message.Activation
	work    balancer.Work
	invoker int
	placed  bool // the balancer chose the invoker
	kept    bool // the journal has it although whoever writes its record does not know
	version whisk.Version
	lease   entitlement.Lease
	timer   *time.Timer
	// result receives the record once, for blocking calls.
	result chan *whisk.Activation
	// orphan makes the record when nobody else will.
	orphan func() *whisk.Activation
}

// New returns a Dispatcher.
func New(cfg Config) *Dispatcher {
	return &Dispatcher{
		Config: cfg, halt: make(chan struct{}),
		flying: make(map[whisk.ActivationID]*flight), atWork: make(map[whisk.ActivationID]*run),
	}
}

// InFlight returns how many activations have not ended.
func (d *Dispatcher) InFlight() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.flying)
}

// Disable has all calls refused from now on.
func (d *Dispatcher) Disable() { d.disabled.Store(true) }

// A Progress is how far an activation is, as the dispatcher knows it.
type Progress int

// The kinds of progress.
const (
	Unknown   Progress = iota // it has ended, or never was
	Flying                    // an invoker has it, or will
	Composing                 // it is a sequence or a composition at work
)

// Progress tells of an activation of a namespace.
func (d *Dispatcher) Progress(namespace string, id whisk.ActivationID) Progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.flying[id]; f != nil && f.work.Namespace == namespace {
		return Flying
	}
	if r := d.atWork[id]; r != nil && r.doc.Caller.Namespace == namespace {
		return Composing
	}
	return Unknown
}

// A Running activation is one that has not ended.
type Running struct {
	ID      whisk.ActivationID
	Action  whisk.FullName
	Version whisk.Version
}

// Running returns what has not ended, in no order: sequences and compositions
// are not among it, but what they run is.
func (d *Dispatcher) Running() []Running {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Running, 0, len(d.flying))
	for id, f := range d.flying {
		all = append(all, Running{id, f.work.Action, f.version})
	}
	return all
}

// place has the balancer choose the invoker of a flight, which may be given up meanwhile.
func (d *Dispatcher) place(ctx context.Context, f *flight) error {
	invoker, err := d.Balancer.Place(ctx, f.work)
	d.mu.Lock()
	defer d.mu.Unlock()
	f.invoker, f.placed = invoker, err == nil
	return err
}

// land takes a flight down: its slot is free.
func (d *Dispatcher) land(id whisk.ActivationID, o balancer.Outcome) *flight {
	d.mu.Lock()
	f := d.flying[id]
	delete(d.flying, id)
	placed, kept := f != nil && f.placed, f != nil && f.kept
	d.mu.Unlock()
	if kept {
		go d.forget(id)
	}
	if f != nil {
		f.timer.Stop()
		if placed {
			d.Balancer.Ended(f.work, f.invoker, o)
		}
		f.lease.Release()
	}
	return f
}

// name is this controller's in the journal.
func (d *Dispatcher) name() string { return message.ControllerName(d.Controller) }

// Run handles acknowledgements until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) error {
	defer d.stopRuns()
	return d.receiveAcks(ctx)
}
