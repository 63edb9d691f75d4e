package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"quirl/bus"
	"quirl/bus/message"
	"quirl/composer"
	"quirl/store"
	"quirl/whisk"
)

// Recover deals with what the journal holds from a process that was lost or
// stopped. What an invoker had taken is ended, for its function may have run; the
// rest is sent again, as fast as the invokers take it. Sequences and compositions
// go on with what became of the component that they waited for.
func (d *Dispatcher) Recover(ctx context.Context) error {
	left, err := d.readJournal(ctx)
	if err != nil {
		return err
	}
	for _, r := range left.runs {
		if err := d.continueRun(ctx, r, left); err != nil {
			return fmt.Errorf("continue composition %s: %w", r.doc.Composition, err)
		}
	}
	for _, id := range left.order {
		w, open := left.works[id]
		switch {
		case !open: // a run has taken care of it
		case !d.mayRun(w):
			d.Recorder.Put(store.Record{Activation: d.endedBadly(w)})
			left.ended++
		default:
			f := d.takeOff(w.msg, unknownAction, noLease{})
			if err := d.send(ctx, w.msg, f, true); err != nil {
				return fmt.Errorf("send activation %s again: %w", id, err)
			}
			left.resent++
		}
	}
	if n := len(left.order) + len(left.runs); n > 0 {
		d.Log.Info("journal recovered", "ended", left.ended, "sent_again", left.resent, "continued", len(left.runs))
	}
	return nil
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
	entries, err := d.Journal.Entries(ctx)
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
		left.works[e.ID] = work{m, e.Taken}
		left.order = append(left.order, e.ID)
	}
	return left, nil
}

// mayRun says whether a work can still be begun: nobody has, and it is not too late.
func (d *Dispatcher) mayRun(w work) bool { return !w.taken && !d.Now().After(w.msg.Deadline) }

// endedBadly is the record of a work that may not run.
func (d *Dispatcher) endedBadly(w work) *whisk.Activation {
	why := "it waited too long while the platform was stopped"
	if w.taken {
		why = "the platform stopped while it ran"
	}
	return orphan(w.msg, "unknown", d.Now(), why)
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
	if w, waiting := left.works[id]; waiting {
		delete(left.works, id)
		if d.mayRun(w) {
			left.resent++
			return func() composer.Event { return r.again(w) }, nil
		}
		record := d.endedBadly(w)
		d.Recorder.Put(store.Record{Activation: record})
		left.ended++
		return func() composer.Event { return ended(record) }, nil
	}
	record, err := d.Recorder.Find(ctx, r.doc.Caller.Namespace, id)
	if errors.Is(err, store.ErrNotFound) { // it had begun, and nobody knows what became of it
		return func() composer.Event { return composer.Lost{ID: id} }, nil
	}
	return func() composer.Event { return ended(record) }, err
}

// again sends a component that nobody had begun with.
func (r *run) again(w work) composer.Event {
	ctx := context.Background()
	f := r.d.takeOff(w.msg, unknownAction, noLease{})
	if err := r.d.send(ctx, w.msg, f, true); err != nil {
		r.d.Log.Error("component cannot be started", "activation", r.doc.Composition, "action", w.msg.Action.ID(), "error", err)
		return composer.Failed{}
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
	return doc, err == nil && doc.Composition != "" && doc.Caller != nil
}

// decodeEntry reads the activation message of a journal entry.
func decodeEntry(e store.JournalEntry) (*message.Activation, error) {
	if !json.Valid(e.Message) {
		return nil, errors.New("the journal entry is damaged")
	}
	return message.AsActivation(bus.Raw(e.Message))
}

type noLease struct{}

func (noLease) Release() {}
