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
	"quirl/entitlement"
	"quirl/store"
	"quirl/whisk"
)

// A Call asks for one activation of an action.
type Call struct {
	Caller *whisk.Identity
	TID    string
	// Received is when the request came.
	Received time.Time
	// Action is as stored, of the provider when called through a binding.
	Action *whisk.Action
	// Binding is the bound package through which it was called, or empty.
	Binding whisk.Path
	// Bound are the merged parameters of package, binding and action.
	Bound whisk.Parameters
	// Payload is the request's object of arguments, or empty.
	Payload  json.RawMessage
	Blocking bool
	Cause    whisk.ActivationID
	// Lease is the caller's slot. Invoke takes it over, whatever it returns.
	Lease entitlement.Lease
}

// A Ticket is an accepted activation.
type Ticket struct {
	ID whisk.ActivationID
	// Result receives the record of a blocking call, without logs, once there is
	// one; it is closed without a record when the platform gave up waiting.
	Result <-chan *whisk.Activation
}

// Invoke accepts a call. A non-blocking call is safe when Invoke returns: its
// activation will have a record. The errors are the user's, of kinds
// Unavailable and TooManyRequests, when there is no room.
func (d *Dispatcher) Invoke(ctx context.Context, c Call) (*Ticket, error) {
	arguments, err := c.Bound.Arguments(c.Payload)
	if err != nil {
		c.Lease.Release()
		return nil, err
	}
	now := d.Now()
	m := &message.Activation{
		ID: whisk.NewActivationID(now), TID: c.TID, Received: c.Received,
		Action: c.Action.FullName(), Version: c.Action.Version, Revision: c.Action.Revision, Binding: c.Binding,
		User: c.Caller, Blocking: c.Blocking, Content: arguments, InitNames: c.Bound.InitNames(), Cause: c.Cause,
		Controller: d.Controller, Deadline: now.Add(patience(c.Action)), Journaled: !c.Blocking,
	}
	f := d.takeOff(m, c.Action, c.Lease)
	ticket := &Ticket{m.ID, f.result}
	if err := d.send(ctx, m, f); err != nil {
		d.land(m.ID)
		return nil, err
	}
	return ticket, nil
}

// patience is how long an activation may take in all before the platform gives
// it up: OpenWhisk's time for a forced completion.
func patience(a *whisk.Action) time.Duration {
	limit := time.Duration(a.Limits.Timeout) * time.Millisecond
	return 2*max(limit, time.Minute) + time.Minute
}

func (d *Dispatcher) takeOff(m *message.Activation, a *whisk.Action, lease entitlement.Lease) *flight {
	f := &flight{
		work: balancer.Work{
			Activation: m.ID, Namespace: m.User.Namespace, Action: m.Action,
			MemoryMB: a.Limits.Memory, Blackbox: a.Exec.Kind == whisk.BlackboxKind,
		},
		lease: lease,
		orphan: func() *whisk.Activation {
			return orphan(m, a.Exec.Kind, d.Now(), "the invoker did not report the end of the activation")
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

// send makes the activation safe and hands it to its invoker.
func (d *Dispatcher) send(ctx context.Context, m *message.Activation, f *flight) error {
	invoker, err := d.place(ctx, f)
	if err != nil {
		return err
	}
	if m.Journaled {
		if err := d.Journal.Accept(ctx, store.JournalEntry{ID: m.ID, Message: m.Encode()}); err != nil {
			return fmt.Errorf("journal activation: %w", err)
		}
	}
	err = d.Bus.Send(ctx, message.InvokerTopic(invoker), m)
	if err == nil {
		return nil
	}
	if m.Journaled {
		d.Recorder.Put(store.Record{Activation: f.orphan(), Discard: true})
	}
	if errors.Is(err, bus.ErrFull) {
		return &whisk.Error{
			Kind: whisk.TooManyRequests, Message: "Too many requests are waiting for an invoker. Try again later.",
			RetryAfter: time.Second, Cause: err,
		}
	}
	return &whisk.Error{Kind: whisk.Unavailable, Message: unavailable, Cause: err}
}

const unavailable = "The server is currently unavailable (because it is overloaded or down for maintenance)."
