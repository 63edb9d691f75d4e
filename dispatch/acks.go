package dispatch

import (
	"context"
	"errors"
	"time"

	"quirl/balancer"
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
	if a.HandedBack {
		d.handedBack(a.ID)
		return
	}
	if a.Activation != nil {
		if !d.Alone {
			d.Recorder.Expect(a.ID)
		}
		d.deliver(a.ID, a.Activation)
	}
	if a.Stored {
		go d.deliverStored(a)
		return
	}
	if a.Done {
		d.land(a.ID, outcomeOf(a))
	}
}

// outcomeOf is what an acknowledgement says of the invoker.
func outcomeOf(a *message.Ack) balancer.Outcome {
	if a.SystemError {
		return balancer.SystemError
	}
	return balancer.Completed
}

// lookTime and lookEvery are for a record that is about to be written by another process.
const (
	lookTime  = 10 * time.Second
	lookEvery = 20 * time.Millisecond
)

// deliverStored delivers a result that was too large for the bus, from the store.
func (d *Dispatcher) deliverStored(a *message.Ack) {
	if a.Done {
		defer d.land(a.ID, outcomeOf(a))
	}
	d.mu.Lock()
	f := d.flying[a.ID]
	d.mu.Unlock()
	if f == nil {
		return
	}
	for end := d.Now().Add(lookTime); ; time.Sleep(lookEvery) {
		record, err := d.Recorder.Find(context.Background(), f.work.Namespace, a.ID)
		if err == nil {
			d.deliver(a.ID, record)
			return
		}
		if d.Now().After(end) {
			d.Log.Error("the record of a large result cannot be read", "activation", a.ID, "error", err)
			d.deliver(a.ID, f.orphan())
			return
		}
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
	f := d.land(id, balancer.TimedOut)
	if f == nil {
		return
	}
	d.Log.Error("activation given up", "activation", id, "invoker", f.invoker)
	d.endBadly(f, f.orphan())
}

// endBadly writes the record of a flight that was taken down, and tells who waits for it.
func (d *Dispatcher) endBadly(f *flight, record *whisk.Activation) {
	d.Recorder.Put(store.Record{Activation: record})
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.result != nil {
		f.result <- record
		close(f.result)
		f.result = nil
	}
}
