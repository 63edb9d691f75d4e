package dispatch

import (
	"context"
	"time"

	"quirl/balancer"
	"quirl/bus"
	"quirl/bus/message"
	"quirl/store"
	"quirl/whisk"
)

func (d *Dispatcher) receiveAcks(ctx context.Context) error {
	topic := message.CompletedTopic(d.Controller)
	return bus.Each(ctx, d.Bus, topic, topic, func(m bus.Message) {
		ack, err := message.AsAck(m)
		if err != nil {
			d.Log.Error("acknowledgement cannot be read", "error", err)
			return
		}
		d.acknowledge(ack)
	})
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
	if f := d.flying[id]; f != nil {
		f.answer(record)
	}
}

// answer hands the record to who waits for it, if somebody does and has not got one. The
// dispatcher's mu is held.
func (f *flight) answer(record *whisk.Activation) {
	if f.result == nil {
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
	f.answer(record)
}
