package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"time"

	"quirl/balancer"
	"quirl/composer"
	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// A run is a sequence or a composition at work: it does what the machine of
// package composer wants, and tells it what came of it.
type run struct {
	d   *Dispatcher
	doc runDocument
	// durable says that the journal has the run: it is written there again before
	// each step, and goes on there after a restart.
	durable bool
	lease   entitlement.Lease
	result  chan *whisk.Activation // for blocking calls
	// keep makes a run durable that is at work; the answer comes back on the channel.
	keep  chan chan error
	ended chan struct{}
	// pins are the actions of each frame as they were when it first asked for them.
	pins map[pin]Resolved
}

// A pin is a name within a frame.
type pin struct {
	frame whisk.ActivationID
	ref   whisk.FullName
}

// A runDocument is a run as the journal has it.
type runDocument struct {
	Composition whisk.ActivationID `json:"composition"` // the id
	TID         string             `json:"tid"`
	Received    time.Time          `json:"received"`
	Caller      *whisk.Identity    `json:"caller"`
	Ref         whisk.FullName     `json:"ref"`
	Payload     json.RawMessage    `json:"payload,omitempty"`
	// Blocking and ExtraLogging decide which of its records are kept.
	Blocking     bool `json:"blocking,omitempty"`
	ExtraLogging bool `json:"extraLogging,omitempty"`
	// Machine is nil before the first step.
	Machine *composer.Machine `json:"machine,omitempty"`
}

func (r *run) entry() store.JournalEntry {
	return store.JournalEntry{ID: r.doc.Composition, Message: whisk.Marshal(r.doc), Owner: r.d.name()}
}

func (d *Dispatcher) newRun(doc runDocument, lease entitlement.Lease) *run {
	return &run{d: d, doc: doc, lease: lease, keep: make(chan chan error), ended: make(chan struct{}), pins: make(map[pin]Resolved)}
}

func (d *Dispatcher) prepareRun(c Call) *departure {
	id := whisk.NewActivationID(d.Now())
	r := d.newRun(runDocument{
		Composition: id, TID: c.TID, Received: c.Received, Caller: c.Caller, Ref: c.Ref, Payload: c.Payload,
		Blocking: c.Blocking, ExtraLogging: c.ExtraLogging,
	}, c.Lease)
	r.durable = !c.Blocking
	if c.Blocking {
		r.result = make(chan *whisk.Activation, 1)
	}
	return &departure{
		ticket: &Ticket{ID: id, Result: r.result, keep: r.makeDurable},
		entry:  r.entry,
		launch: func(context.Context) error {
			if !d.begin(r) {
				c.Lease.Release()
				return &whisk.Error{Kind: whisk.Unavailable, Message: balancer.UnavailableText}
			}
			go r.live(func() composer.Event { return r.start(c.Resolved) })
			return nil
		},
		cancel: c.Lease.Release,
	}
}

// begin counts a run in; false when the dispatcher is stopping.
func (d *Dispatcher) begin(r *run) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.halted {
		return false
	}
	d.atWork[r.doc.Composition] = r
	d.runs.Add(1)
	return true
}

func (r *run) start(target Resolved) composer.Event {
	doc := &r.doc
	doc.Machine = composer.New(doc.Caller.Namespace, doc.Caller.Subject, r.d.Limits.SequenceLength)
	r.pins[pin{doc.Composition, doc.Ref}] = target
	event := composer.Started{ID: doc.Composition, Target: targetOf(doc.Ref, target), Input: doc.Payload, Received: doc.Received}
	doc.Payload = nil // the machine has it now
	return event
}

func targetOf(ref whisk.FullName, r Resolved) composer.Target {
	return composer.Target{
		Kind: composer.KindOf(r.Action), Ref: ref, Name: r.FullName(), Binding: r.Binding,
		Version: r.Version, Limits: r.Limits, Components: r.Exec.Components,
	}
}

// live goes on from its first event until the machine is done or the dispatcher stops.
func (r *run) live(first func() composer.Event) {
	defer r.d.runs.Done()
	defer r.leave()
	ctx := context.Background()
	for next := first(); next != nil; {
		now := r.d.Now()
		effects := r.doc.Machine.Step(next, now, func() whisk.ActivationID { return whisk.NewActivationID(r.d.Now()) })
		next = nil
		for _, e := range effects {
			switch e := e.(type) {
			case composer.Prepare:
				r.prepare(ctx, e)
			case composer.Find:
				next = r.find(ctx, e)
			case composer.Run:
				next = r.perform(ctx, e)
			case composer.Record:
				r.record(e.Activation)
			}
		}
	}
}

// leave gives back what the run held. A caller who still waits is told that it
// goes on without him.
func (r *run) leave() {
	r.d.mu.Lock()
	delete(r.d.atWork, r.doc.Composition)
	r.d.mu.Unlock()
	r.lease.Release()
	close(r.ended)
	if r.result != nil {
		close(r.result)
	}
}

// prepare looks the names up that a sequence will ask for, all at once, so that
// the wait for a remote store is one.
func (r *run) prepare(ctx context.Context, e composer.Prepare) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, name := range e.Names {
		wg.Go(func() {
			if found, err := r.d.Resolve(ctx, name); err == nil { // else it is asked for again, and then reported
				mu.Lock()
				defer mu.Unlock()
				r.pins[pin{e.Frame, name}] = found
			}
		})
	}
	wg.Wait()
}

func (r *run) find(ctx context.Context, e composer.Find) composer.Event {
	if e.Entitled {
		if err := r.d.Entitlement.Authorize(ctx, r.doc.Caller, entitlement.Activate, entitlement.EntityResource(whisk.Actions, e.Name)); err != nil {
			return composer.NotAllowed{Name: e.Name}
		}
		delete(r.pins, pin{e.Frame, e.Name}) // a composition takes what is there now
	}
	found, err := r.pinned(ctx, e.Frame, e.Name)
	if err != nil {
		if whisk.KindOf(err) != whisk.NotFound {
			r.d.Log.Error("component cannot be looked up", "activation", r.doc.Composition, "action", e.Name.ID(), "error", err)
		}
		return composer.NotFound{Name: e.Name}
	}
	return composer.Found{Target: targetOf(e.Name, found)}
}

// pinned returns an action as the frame first found it.
func (r *run) pinned(ctx context.Context, frame whisk.ActivationID, ref whisk.FullName) (Resolved, error) {
	key := pin{frame, ref}
	if found, ok := r.pins[key]; ok {
		return found, nil
	}
	found, err := r.d.Resolve(ctx, ref)
	if err == nil {
		r.pins[key] = found
	}
	return found, err
}

// perform runs one activation to its end.
func (r *run) perform(ctx context.Context, e composer.Run) composer.Event {
	d := r.d
	target, err := r.pinned(ctx, e.Cause, e.Target.Ref)
	if err != nil && e.Target.Kind == composer.Composition {
		return composer.Failed{} // the conductor itself is gone: nobody can be told
	}
	if err != nil {
		return composer.NotFound{Name: e.Target.Ref}
	}
	halting := d.isHalted()
	r.durable = r.durable || halting // what is not begun now goes on after the next start
	dep, err := d.prepareOne(one{
		id: e.ID, caller: r.doc.Caller, tid: whisk.NewTransactionID(), received: d.Now(), target: target,
		payload: e.Input, extraLogging: r.doc.ExtraLogging, cause: e.Cause, waited: true, journaled: r.durable, patient: true, lease: noLease{},
	})
	if err != nil {
		d.Log.Error("component cannot be started", "activation", r.doc.Composition, "action", e.Target.Ref.ID(), "error", err)
		return composer.Failed{}
	}
	if r.durable {
		if err := d.Journal.Accept(ctx, r.entry(), dep.entry()); err != nil {
			d.Log.Error("composition cannot be written to the journal", "activation", r.doc.Composition, "error", err)
			dep.cancel()
			return composer.Failed{}
		}
	}
	if halting {
		dep.cancel()
		return nil
	}
	err = dep.launch(ctx)
	if errors.Is(err, errHalted) {
		r.suspend(func() error { return d.Journal.Accept(ctx, r.entry(), dep.entry()) })
		return nil
	}
	if err != nil {
		d.Log.Error("component cannot be started", "activation", r.doc.Composition, "action", e.Target.Ref.ID(), "error", err)
		return composer.Failed{}
	}
	patience := time.Duration(e.Target.Limits.Timeout)*time.Millisecond + time.Minute
	return r.await(ctx, e.ID, patience, dep.ticket)
}

// await waits for the end of a component; after its patience it counts as lost.
func (r *run) await(ctx context.Context, id whisk.ActivationID, patience time.Duration, ticket *Ticket) composer.Event {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case record := <-ticket.Result:
			if record == nil {
				return composer.Lost{ID: id}
			}
			return ended(record)
		case <-timer.C:
			return composer.Lost{ID: id}
		case answer := <-r.keep:
			answer <- r.persist(ctx, ticket)
		case <-r.d.halt:
			r.suspend(func() error { return r.persist(ctx, ticket) })
			return nil
		}
	}
}

// persist makes a run durable that waits for a component: the journal gets both,
// the component as one that may have begun.
func (r *run) persist(ctx context.Context, ticket *Ticket) error {
	if r.durable {
		return nil
	}
	if err := ticket.Keep(ctx); err != nil {
		return err
	}
	err := r.d.Journal.Accept(ctx, r.entry())
	r.durable = err == nil
	return err
}

func ended(record *whisk.Activation) composer.Ended {
	e := composer.Ended{ID: record.ID, Response: record.Response, Duration: record.Duration}
	var limits whisk.ActionLimits
	if json.Unmarshal(record.Annotations.Get("limits"), &limits) == nil {
		e.Memory = limits.Memory
	}
	return e
}

// suspend leaves the run to the next start: it goes on with what becomes of its
// component. What is not durable yet is made so.
func (r *run) suspend(persist func() error) {
	if r.durable {
		return
	}
	if err := persist(); err != nil {
		r.d.Log.Error("composition cannot be written to the journal and is lost", "activation", r.doc.Composition, "error", err)
	}
}

// makeDurable is Ticket.Keep of a run. A run that has ended needs nothing.
func (r *run) makeDurable(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case r.keep <- answer:
		return <-answer
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// record writes the record of a frame, and answers the caller with the outermost.
func (r *run) record(a *whisk.Activation) {
	maps.DeleteFunc(r.pins, func(p pin, _ Resolved) bool { return p.frame == a.ID })
	outermost := a.ID == r.doc.Composition
	kept := r.d.Storing.Keeps(r.doc.Caller, r.doc.Blocking || !outermost, r.doc.ExtraLogging, a.Response.Status)
	r.d.Recorder.Put(store.Record{
		Activation: a, Discard: !kept, Unjournaled: !outermost || !r.durable,
	})
	if outermost && r.result != nil {
		r.result <- a
	}
}

func (d *Dispatcher) isHalted() bool {
	select {
	case <-d.halt:
		return true
	default:
		return false
	}
}

// Conduct recovers what a lost process left, and then hosts sequences and
// compositions until ctx ends; those that are at work then are left to the next start.
func (d *Dispatcher) Conduct(ctx context.Context) error {
	if err := d.Recover(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	d.stopRuns()
	return nil
}

// stopRuns leaves what is at work to the next start, and returns when it is left.
func (d *Dispatcher) stopRuns() {
	d.mu.Lock()
	if !d.halted {
		d.halted = true
		close(d.halt)
	}
	d.mu.Unlock()
	d.runs.Wait()
}
