package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"quirl/balancer"
	"quirl/bus"
	"quirl/bus/message"
	"quirl/composer"
	"quirl/store"
	"quirl/whisk"
)

// Inherit notes what the journal holds from a process that was lost or stopped.
// It must return before the first call is accepted: what is in the journal then
// is this process's own, and at work.
func (d *Dispatcher) Inherit(ctx context.Context) error {
	left, err := d.readJournal(ctx)
	d.left = left
	return err
}

// Recover deals with what was inherited. What an invoker had taken is ended, for
// its function may have run; the rest is sent again, as fast as the invokers take
// it. Sequences and compositions go on with what became of the component that
// they waited for. When ctx ends meanwhile the next start does the rest.
func (d *Dispatcher) Recover(ctx context.Context) error {
	left := d.left
	if left == nil {
		return nil
	}
	d.left = nil
	for _, r := range left.runs {
		if err := d.continueRun(ctx, r, left); err != nil {
			return fmt.Errorf("continue composition %s: %w", r.doc.Composition, err)
		}
	}
	var adopted []*flight
	for _, id := range left.order {
		w, open := left.works[id]
		switch {
		case !open: // a run has taken care of it
		case d.mayBeRunning(w):
			adopted = append(adopted, d.adopt(w))
		case !d.mayRun(w):
			d.Recorder.Put(store.Record{Activation: d.endedBadly(w)})
			left.ended++
		default:
			_, err := d.resend(ctx, w)
			switch {
			case ctx.Err() != nil || errors.Is(err, errHalted):
				return nil
			case isFull(err), whisk.KindOf(err) == whisk.Unavailable:
				d.Recorder.Put(store.Record{Activation: d.endedBadly(w)})
				left.ended++
			case err != nil:
				return fmt.Errorf("send activation %s again: %w", id, err)
			default:
				left.resent++
			}
		}
	}
	if n := len(left.order) + len(left.runs); n > 0 {
		d.Log.Info("journal recovered", "ended", left.ended, "sent_again", left.resent, "continued", len(left.runs), "running", len(adopted))
	}
	d.watch(ctx, adopted)
	return nil
}

// mayBeRunning says whether an invoker that goes on without this process may be at a work.
func (d *Dispatcher) mayBeRunning(w work) bool {
	return w.taken && !d.Alone && !d.Now().After(w.msg.Deadline)
}

// adopt takes a work over that an invoker is at: its acknowledgement may come yet, or has come to
// the lost process.
func (d *Dispatcher) adopt(w work) *flight { return d.takeOff(w.msg, unknownAction, noLease{}) }

// watchEvery is how often the store is asked for the records of works that were taken over.
const watchEvery = time.Second

// watch ends flights whose record is in the store, until all have ended, at the latest by their
// deadlines.
func (d *Dispatcher) watch(ctx context.Context, flights []*flight) {
	for len(flights) > 0 {
		flights = slices.DeleteFunc(flights, d.arrived)
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return
		case <-d.halt:
			return
		}
	}
}

// arrived ends a flight whose record is in the store, and says whether it has ended.
func (d *Dispatcher) arrived(f *flight) bool {
	id := f.work.Activation
	d.mu.Lock()
	flying := d.flying[id] == f
	d.mu.Unlock()
	if !flying {
		return true
	}
	record, err := d.Recorder.Find(context.Background(), f.work.Namespace, id)
	if err != nil {
		return false
	}
	d.deliver(id, record)
	d.land(id, balancer.Completed)
	return true
}

// resend sends what nobody had begun with, and waits for room on the bus until the
// activation's deadline: it was accepted. When that fails it stays in the journal.
func (d *Dispatcher) resend(ctx context.Context, w work) (*flight, error) {
	f := d.takeOff(w.msg, unknownAction, noLease{})
	err := d.post(ctx, w.msg, f, w.msg.Deadline.Sub(d.Now()))
	if err != nil {
		d.land(w.msg.ID, balancer.Unknown)
	}
	return f, err
}

// unknownAction stands for the action of an activation that is sent again: its
// invoker looks it up anyhow.
var unknownAction = &whisk.Action{Exec: whisk.Exec{Kind: "unknown"}}

// legacy is what a lost process left in the journal.
type legacy struct {
	runs          []*run
	works         map[whisk.ActivationID]work
	order         []whisk.ActivationID // of works
	ended, resent int
}

// work is an activation that was on its way.
type work struct {
	msg   *message.Activation
	taken bool
}

func (d *Dispatcher) readJournal(ctx context.Context) (*legacy, error) {
	entries, err := d.Journal.Entries(ctx, store.JournalQuery{Owner: d.name()})
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	left := &legacy{works: make(map[whisk.ActivationID]work)}
	for _, e := range entries {
		if doc, ok := decodeRun(e); ok {
			r := d.newRun(doc, noLease{})
			r.durable = true
			left.runs = append(left.runs, r)
			continue
		}
		m, err := decodeEntry(e)
		if err != nil {
			d.Log.Error("journal entry cannot be read", "activation", e.ID, "error", err)
			continue
		}
		left.works[e.ID] = work{m, e.Taker != ""}
		left.order = append(left.order, e.ID)
	}
	return left, nil
}

// mayRun says whether a work can still be begun: nobody has, and it is not too late.
func (d *Dispatcher) mayRun(w work) bool { return !w.taken && !d.Now().After(w.msg.Deadline) }

// endedBadly is the record of a work that may not run.
func (d *Dispatcher) endedBadly(w work) *whisk.Activation {
	why := "it waited too long, and the platform was stopped meanwhile"
	if w.taken {
		why = "the platform stopped while it ran"
	}
	return message.Orphan(w.msg, "unknown", d.Now(), why)
}

// continueRun goes on with a run where its journal entry says that it was.
func (d *Dispatcher) continueRun(ctx context.Context, r *run, left *legacy) error {
	next, err := d.nextOf(ctx, r, left)
	if whisk.KindOf(err) == whisk.NotFound {
		d.Recorder.Put(store.Record{Activation: d.vanished(&r.doc)})
		left.ended++
		return nil
	}
	if err != nil {
		return err
	}
	if d.begin(r) {
		go r.live(next)
	}
	return nil
}

// nextOf says what event a run goes on with.
func (d *Dispatcher) nextOf(ctx context.Context, r *run, left *legacy) (func() composer.Event, error) {
	if r.doc.Machine == nil { // it had been accepted, and no more
		target, err := d.Resolve(ctx, r.doc.Ref)
		return func() composer.Event { return r.start(target) }, err
	}
	id := r.doc.Machine.Awaiting
	w, journaled := left.works[id]
	delete(left.works, id)
	record, err := d.Recorder.Find(ctx, r.doc.Caller.Namespace, id)
	switch {
	case err == nil:
		if journaled { // it had been kept, and ended at the last moment
			d.forget(id)
		}
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	case !journaled: // it had begun, and nobody knows what became of it
		return func() composer.Event { return composer.Lost{ID: id} }, nil
	case d.mayBeRunning(w):
		return func() composer.Event { return r.adopt(w) }, nil
	case d.mayRun(w):
		left.resent++
		return func() composer.Event { return r.again(w) }, nil
	default:
		record = d.endedBadly(w)
		d.Recorder.Put(store.Record{Activation: record})
		left.ended++
	}
	return func() composer.Event { return ended(record) }, nil
}

// adopt waits for a component that an invoker is at.
func (r *run) adopt(w work) composer.Event {
	f := r.d.adopt(w)
	result := f.result
	go r.d.watch(context.Background(), []*flight{f})
	return r.await(context.Background(), w.msg.ID, time.Until(w.msg.Deadline), &Ticket{Result: result})
}

// again sends a component that nobody had begun with.
func (r *run) again(w work) composer.Event {
	ctx := context.Background()
	f, err := r.d.resend(ctx, w)
	if errors.Is(err, errHalted) {
		return nil
	}
	if err != nil {
		r.d.Log.Error("component cannot be started", "activation", r.doc.Composition, "action", w.msg.Action.ID(), "error", err)
		record := r.d.endedBadly(w)
		r.d.Recorder.Put(store.Record{Activation: record})
		return ended(record)
	}
	return r.await(ctx, w.msg.ID, time.Until(w.msg.Deadline), &Ticket{Result: f.result})
}

// vanished is the record of a composition whose action was deleted before it began.
func (d *Dispatcher) vanished(doc *runDocument) *whisk.Activation {
	now := d.Now()
	return &whisk.Activation{
		Namespace: doc.Caller.Namespace, Name: doc.Ref.Name, Version: whisk.FirstVersion(), Subject: doc.Caller.Subject,
		ID: doc.Composition, Start: now, End: now,
		Response:    whisk.ErrorResponse(whisk.InternalError, "Action could not be found or may have been deleted."),
		Annotations: whisk.Parameters{}.WithValue("path", doc.Ref.ID()).WithValue("kind", "unknown"),
	}
}

func decodeRun(e store.JournalEntry) (runDocument, bool) {
	var doc runDocument
	err := json.Unmarshal(e.Message, &doc)
	if err != nil || doc.Composition == "" || doc.Caller == nil || doc.Ref.Name == "" {
		return doc, false
	}
	return doc, doc.Machine == nil || doc.Machine.Check() == nil
}

// decodeEntry reads the activation message of a journal entry.
func decodeEntry(e store.JournalEntry) (*message.Activation, error) {
	if !json.Valid(e.Message) {
		return nil, errors.New("the journal entry is damaged")
	}
	m, err := message.AsActivation(bus.Raw(e.Message))
	if err == nil {
		m.Journaled = true // a component gets there late when its sequence is suspended
	}
	return m, err
}

type noLease struct{}

func (noLease) Release() {}
