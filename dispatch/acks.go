package dispatch

import (
	"context"
	"errors"
	"time"

	"quirl/bus"
	"quirl/bus/message"
	"quirl/store"
	"quirl/whisk"
)

func (d *Dispatcher) receiveAcks(ctx context.Context) error {
	topic := message.CompletedTopic(d.Controller)
	for {
		delivery, err := d.Bus.Receive(ctx, topic, topic)
		if ctx.Err() != nil || errors.Is(err, bus.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		ack, err := message.AsAck(delivery.Message())
		if err != nil {
			d.Log.Error("acknowledgement cannot be read", "error", err)
		} else {
			d.acknowledge(ack)
		}
		delivery.Ack()
	}
}

func (d *Dispatcher) acknowledge(a *message.Ack) {
	if a.Activation != nil {
		d.deliver(a.ID, a.Activation)
	}
	if a.Done {
		d.land(a.ID)
	}
}

// deliver hands the record to the request that waits for it, once.
func (d *Dispatcher) deliver(id whisk.ActivationID, record *whisk.Activation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.flying[id]
	if f == nil || f.result == nil {
		return
	}
	f.result <- record
	close(f.result)
	f.result = nil
}

// giveUp ends an activation of which the invoker has not reported the end in
// time: the caller is told, a record is written (unless the invoker wrote one),
// the slot is free.
func (d *Dispatcher) giveUp(id whisk.ActivationID) {
	f := d.land(id)
	if f == nil {
		return
	}
	d.Log.Error("activation given up", "activation", id, "invoker", f.invoker)
	record := f.orphan()
	d.Recorder.Put(store.Record{Activation: record})
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.result != nil {
		f.result <- record
		close(f.result)
		f.result = nil
	}
}

// orphan is the record of an activation that ended without one.
func orphan(m *message.Activation, kind string, now time.Time, why string) *whisk.Activation {
	var notes whisk.Parameters
	notes = notes.WithValue("path", m.Action.ID()).
		WithValue("waitTime", now.Sub(m.Received).Milliseconds()).
		WithValue("kind", kind).
		WithValue("timeout", false)
	if m.Cause != "" {
		notes = notes.WithValue("causedBy", "sequence")
	}
	if m.Binding != "" {
		notes = notes.WithValue("binding", string(m.Binding))
	}
	response := whisk.ErrorResponse(whisk.InternalError, "The activation did not end properly: "+why+".")
	return &whisk.Activation{
		Namespace: m.User.Namespace, Name: m.Action.Name, Version: m.Version, Subject: m.User.Subject,
		ID: m.ID, Cause: m.Cause, Start: now, End: now, Response: response, Annotations: notes,
	}
}
