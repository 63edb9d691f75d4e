package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"quirl/balancer"
	"quirl/bus"
	"quirl/bus/message"
	"quirl/composer"
	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// A Call asks for one activation of an action, a sequence or a composition.
type Call struct {
	Caller *whisk.Identity
	TID    string
	// Received is when the request came.
	Received time.Time
	// Resolved is the action, as Resolve found it under Ref.
	Resolved
	Ref whisk.FullName
	// Payload is the request's object of arguments, or empty.
	Payload  json.RawMessage
	Blocking bool
	// ExtraLogging has the records kept whatever the store level.
	ExtraLogging bool
	// Lease is the caller's slot. Invoke takes it over, whatever it returns.
	Lease entitlement.Lease
}

// A Ticket is an accepted activation.
type Ticket struct {
	ID whisk.ActivationID
	// Result receives the record of a blocking call, without logs, once there is
	// one; it is closed without a record when the platform gave up waiting.
	Result <-chan *whisk.Activation
	// keep makes a blocking call as safe as a non-blocking one.
	keep func(ctx context.Context) error
}

// Keep makes the activation of a blocking call as safe as one of a non-blocking
// call, for a caller who is told that it goes on without him.
func (t *Ticket) Keep(ctx context.Context) error {
	if t.keep == nil {
		return nil
	}
	return t.keep(ctx)
}

// Invoke accepts a call. A non-blocking call is safe when Invoke returns: its
// activation will have a record. The errors are the user's: of kind BadRequest
// when the call can never work, Forbidden when a component of a sequence may not
// be used, Unavailable and TooManyRequests when there is no room.
func (d *Dispatcher) Invoke(ctx context.Context, c Call) (*Ticket, error) {
	dep, err := d.prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	if !c.Blocking {
		if err := d.journal(ctx, dep); err != nil {
			return nil, err
		}
	}
	if err := dep.launch(ctx); err != nil {
		return nil, err
	}
	return dep.ticket, nil
}

// A departure is a checked call that is about to go.
type departure struct {
	ticket *Ticket
	// entry is for the journal.
	entry func() store.JournalEntry
	// launch sends it on its way. When that fails everything is given back and
	// nothing will run.
	launch func(ctx context.Context) error
	// cancel gives back what it holds.
	cancel func()
}

// prepare checks a call and makes it ready to go.
func (d *Dispatcher) prepare(ctx context.Context, c Call) (*departure, error) {
	err := d.check(ctx, &c)
	if d.disabled.Load() {
		err = whisk.Errorf(whisk.Unavailable, "%s", balancer.UnavailableText)
	}
	if err != nil {
		c.Lease.Release()
		return nil, err
	}
	if composer.KindOf(c.Action) != composer.Primitive {
		return d.prepareRun(c), nil
	}
	return d.prepareOne(one{
		id: whisk.NewActivationID(d.Now()), caller: c.Caller, tid: c.TID, received: c.Received, target: c.Resolved,
		payload: c.Payload, extraLogging: c.ExtraLogging, waited: c.Blocking, journaled: !c.Blocking, lease: c.Lease,
	})
}

// journal writes departures to the journal, all or none.
func (d *Dispatcher) journal(ctx context.Context, departures ...*departure) error {
	entries := make([]store.JournalEntry, len(departures))
	for i, dep := range departures {
		entries[i] = dep.entry()
	}
	err := d.Journal.Accept(ctx, entries...)
	if err == nil {
		return nil
	}
	for _, dep := range departures {
		dep.cancel()
	}
	return fmt.Errorf("journal activation: %w", err)
}

// one is one activation of a primitive action, or of a conductor as such.
type one struct {
	id           whisk.ActivationID
	caller       *whisk.Identity
	tid          string
	received     time.Time
	target       Resolved
	payload      json.RawMessage // an object, an array, or empty
	cause        whisk.ActivationID
	extraLogging bool
	waited       bool // somebody waits for the result
	journaled    bool
	patient      bool // a full bus is a reason to wait, not to fail
	lease        entitlement.Lease
}

func (d *Dispatcher) prepareOne(o one) (*departure, error) {
	content := o.payload
	var err error
	if o.cause == "" || len(content) == 0 || content[0] != '[' { // a component gets an array as it is
		content, err = o.target.Bound.Arguments(o.payload)
	}
	if err != nil {
		o.lease.Release()
		return nil, err
	}
	action := o.target.Action
	m := &message.Activation{
		ID: o.id, TID: o.tid, Received: o.received,
		Action: action.FullName(), Version: action.Version, Revision: action.Revision, Binding: o.target.Binding,
		User: o.caller, Blocking: o.waited, Content: content, InitNames: o.target.Bound.InitNames(), Cause: o.cause,
		Controller: d.Controller, Deadline: d.Now().Add(patience(action)), Journaled: o.journaled,
		ExtraLogging: o.extraLogging,
	}
	f := d.takeOff(m, action, o.lease)
	return &departure{
		ticket: &Ticket{ID: m.ID, Result: f.result, keep: func(ctx context.Context) error { return d.keep(ctx, m, f) }},
		entry:  func() store.JournalEntry { return store.JournalEntry{ID: m.ID, Message: m.Encode(), Owner: d.name()} },
		launch: func(ctx context.Context) error {
			return d.send(ctx, m, f, o.patient)
		},
		cancel: func() { d.land(m.ID, balancer.Unknown) },
	}, nil
}

// patience is how long an activation may take in all before the platform gives
// it up: OpenWhisk's time for a forced completion.
func patience(a *whisk.Action) time.Duration {
	limit := time.Duration(a.Limits.Timeout) * time.Millisecond
	return 2*max(limit, time.Minute) + time.Minute
}

func (d *Dispatcher) takeOff(m *message.Activation, a *whisk.Action, lease entitlement.Lease) *flight {
	f := &flight{
		msg: m,
		work: balancer.Work{
			Activation: m.ID, Namespace: m.User.Namespace, Action: m.Action,
			MemoryMB: a.Limits.Memory, Concurrency: a.Limits.Concurrency, Blackbox: a.Exec.Kind == whisk.BlackboxKind,
		},
		version: m.Version,
		lease:   lease,
		orphan: func() *whisk.Activation {
			return message.Orphan(m, a.Exec.Kind, d.Now(), "the invoker did not report the end of the activation")
		},
	}
	if m.Blocking {
		f.result = make(chan *whisk.Activation, 1)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f.timer = time.AfterFunc(m.Deadline.Sub(d.Now())+graceAfterDeadline, func() { d.giveUp(m.ID) })
	d.flying[m.ID] = f
	return f
}

// roomTime bounds how long a new activation waits for room on the bus when it is patient.
const roomTime = time.Minute

// errHalted says that the dispatcher stopped before there was room on the bus.
var errHalted = errors.New("the dispatcher stops")

// send hands the activation to its invoker. When that fails it is taken down,
// and out of the journal; unless the dispatcher stops, for then the next start
// goes on with it.
func (d *Dispatcher) send(ctx context.Context, m *message.Activation, f *flight, patient bool) error {
	var room time.Duration
	if patient {
		room = roomTime
	}
	err := d.post(ctx, m, f, room)
	if err == nil {
		return nil
	}
	d.land(m.ID, balancer.Unknown)
	if errors.Is(err, errHalted) {
		return err
	}
	if m.Journaled {
		d.Recorder.Put(store.Record{Activation: f.orphan(), Discard: true})
	}
	var refusal *whisk.Error
	switch {
	case errors.As(err, &refusal):
		return err
	case isFull(err):
		return &whisk.Error{
			Kind: whisk.TooManyRequests, Message: "Too many requests are waiting for an invoker. Try again later.",
			RetryAfter: time.Second, Cause: err,
		}
	case errors.Is(err, bus.ErrTooLarge):
		return &whisk.Error{Kind: whisk.TooLarge, Message: "The arguments are too large for the message bus.", Cause: err}
	}
	return balancer.Unavailable(err)
}

// post places the activation and puts it on the bus, waiting so long at most for room there, or for
// an invoker.
func (d *Dispatcher) post(ctx context.Context, m *message.Activation, f *flight, room time.Duration) error {
	err := d.tryToPost(ctx, m, f)
	if room == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, room)
	defer cancel()
	for mayPassLater(m, err) {
		select { // the invokers are at work and make room
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		case <-d.halt:
			return errHalted
		}
		err = d.tryToPost(ctx, m, f)
	}
	return err
}

func (d *Dispatcher) tryToPost(ctx context.Context, m *message.Activation, f *flight) error {
	if !f.placed { // nobody else changes that before it flies
		if err := d.place(ctx, f); err != nil {
			return err
		}
	}
	return d.Bus.Send(ctx, message.InvokerTopic(f.invoker), m)
}

// mayPassLater says whether what could not be posted may be tried again. What a bus that is away may
// have sent nevertheless is sent again only where the journal sees to it that it runs once.
func mayPassLater(m *message.Activation, err error) bool {
	switch {
	case err == nil:
		return false
	case isFull(err), whisk.KindOf(err) == whisk.Unavailable:
		return true
	}
	return errors.Is(err, bus.ErrAway) && m.Journaled
}

// isFull says whether there is too much work already.
func isFull(err error) bool { return errors.Is(err, bus.ErrFull) || errors.Is(err, balancer.ErrFull) }

// keep writes a blocking call that is on its way to the journal, as one that may
// have begun: if this process is lost it is ended, not run again.
func (d *Dispatcher) keep(ctx context.Context, m *message.Activation, f *flight) error {
	err := d.Journal.Accept(ctx, store.JournalEntry{ID: m.ID, Message: m.Encode(), Owner: d.name(), Taker: message.InvokerName(f.invoker)})
	if err != nil {
		return fmt.Errorf("journal activation: %w", err)
	}
	d.mu.Lock()
	flying := d.flying[m.ID] == f
	f.kept = flying
	d.mu.Unlock()
	if !flying { // it ended meanwhile
		d.forget(m.ID)
	}
	return nil
}

// forget takes the id of an activation that was kept out of the journal: whoever
// wrote its record did not know that it is there.
func (d *Dispatcher) forget(id whisk.ActivationID) {
	if err := d.Journal.Drop(context.Background(), id); err != nil {
		d.Log.Error("journal entry cannot be removed", "activation", id, "error", err)
	}
}
