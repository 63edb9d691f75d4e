// Package result takes the records of activations to the store, in batches
// behind the answer.
//
// It promises that a record once announced or put is stored exactly once,
// whatever the store does meanwhile and even if this process is lost, that
// whoever asks for an activation whose result was given out finds it, and that
// memory stays bounded: when the buffer is full, Put waits.
//
// Read recorder.go, then redo.go for how records outlive the process, and
// watch.go for those who wait for them.
package result

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// Bounds of the buffer.
const (
	maxBuffered = 8192 // records
	maxBatch    = 2048 // records written at once
)

// gather is how long records are collected before a batch is written: fewer,
// larger transactions cost less, and the redo log has the records meanwhile.
const gather = 200 * time.Millisecond

// settle is how long Find waits for the logs of a record that is known but not complete.
const settle = 2 * time.Second

// A Recorder writes records behind the answers. Make one with New and let it Run.
type Recorder struct {
	store store.Activations
	log   *slog.Logger
	slots chan struct{} // one per buffered record
	work  chan struct{} // a token while records may be ready
	hurry chan struct{} // a token while somebody waits for them to be written

	watchers watchers

	mu    sync.Mutex
	redo  *redoLog
	known map[whisk.ActivationID]*pending
	ready []*pending
	// expected are activations whose records other processes are about to write, and since when.
	expected map[whisk.ActivationID]time.Time
	changed  *sync.Cond // a batch was written
}

// pending is a record that the store does not have yet.
type pending struct {
	record   store.Record
	complete chan struct{} // closed once record is final
	final    bool
	// redo are the files of the redo log that hold the record, 0 for none: as
	// announced, and as put.
	redo [2]int
}

// New returns a Recorder over s, whose redo log is in the folder dir. What a lost
// process left there is stored first.
func New(ctx context.Context, s store.Activations, dir string, log *slog.Logger) (*Recorder, error) {
	if err := restore(ctx, s, dir, log); err != nil {
		return nil, err
	}
	redo, err := openRedo(dir)
	if err != nil {
		return nil, err
	}
	r := &Recorder{
		store: s, log: log, redo: redo,
		slots: make(chan struct{}, maxBuffered),
		work:  make(chan struct{}, 1),
		hurry: make(chan struct{}, 1),
		known: make(map[whisk.ActivationID]*pending),
	}
	r.changed = sync.NewCond(&r.mu)
	return r, nil
}

// restore stores what the redo log of a lost process holds. Of an activation
// that was announced and put the last entry counts; what the store has already
// it refuses.
func restore(ctx context.Context, s store.Activations, dir string, log *slog.Logger) error {
	last := make(map[whisk.ActivationID]int)
	var records []store.Record
	files, err := readRedo(dir, func(e redoEntry) error {
		r := store.Record{Activation: e.record, Discard: e.discard}
		if at, ok := last[r.ID]; ok {
			records[at] = r
			return nil
		}
		last[r.ID] = len(records)
		records = append(records, r)
		return nil
	})
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(records, maxBatch) {
		if _, err := s.PutActivations(ctx, batch); err != nil {
			return fmt.Errorf("store records of the redo log: %w", err)
		}
	}
	if len(records) > 0 {
		log.Info("records restored from the redo log", "count", len(records))
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("redo log: %w", err)
		}
	}
	return nil
}

// Announce makes a record findable whose logs are still to come. It waits while
// the buffer is full. Put must follow.
func (r *Recorder) Announce(a *whisk.Activation, discard bool) {
	r.slots <- struct{}{}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &pending{record: store.Record{Activation: a, Discard: discard}, complete: make(chan struct{})}
	r.keep(p, 0)
	r.known[a.ID] = p
}

// keep writes the record to the redo log. When that fails the record is still
// written to the store; only the loss of the process would lose it. r.mu is held.
func (r *Recorder) keep(p *pending, turn int) {
	number, err := r.redo.append(p.record.Activation, p.record.Discard)
	if err != nil {
		r.log.Error("redo log cannot be written", "error", err)
	}
	p.redo[turn] = number
}

// Put hands over a final record, announced or not. It waits while the buffer is
// full. Of two records of one activation the first counts.
func (r *Recorder) Put(rec store.Record) {
	r.mu.Lock()
	p := r.known[rec.ID]
	if p != nil && p.final {
		r.mu.Unlock()
		r.log.Error("record refused: its activation has one already", "activation", rec.ID)
		return
	}
	if p == nil {
		r.mu.Unlock()
		r.slots <- struct{}{}
		r.mu.Lock()
		p = &pending{complete: make(chan struct{})}
		r.known[rec.ID] = p
	}
	p.record, p.final = rec, true
	r.keep(p, 1)
	close(p.complete)
	r.ready = append(r.ready, p)
	r.mu.Unlock()
	if !rec.Discard {
		r.watchers.tell(rec.Activation)
	}
	select {
	case r.work <- struct{}{}:
	default:
	}
}

// Find returns a record, whether it was written yet or not. It waits a moment
// for the logs of one that has just ended.
func (r *Recorder) Find(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	r.mu.Lock()
	p := r.known[id]
	r.mu.Unlock()
	if p == nil {
		return r.findStored(ctx, namespace, id)
	}
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-p.complete:
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.record.Discard || p.record.Namespace != namespace {
		return nil, store.ErrNotFound
	}
	return p.record.Activation, nil
}

// Flush returns when everything put before is written, or ctx ends. For records
// that were announced before it waits a moment, as Find does.
func (r *Recorder) Flush(ctx context.Context) error {
	r.awaitAnnounced(ctx)
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ready) == 0 {
		return nil
	}
	select {
	case r.hurry <- struct{}{}:
	default:
	}
	last := r.ready[len(r.ready)-1]
	for r.known[last.record.ID] == last && ctx.Err() == nil {
		r.changed.Wait()
	}
	return ctx.Err()
}

// awaitAnnounced waits until the records that are announced now are final.
func (r *Recorder) awaitAnnounced(ctx context.Context) {
	var open []*pending
	r.mu.Lock()
	for _, p := range r.known {
		if !p.final {
			open = append(open, p)
		}
	}
	r.mu.Unlock()
	if len(open) == 0 {
		return
	}
	timer := time.NewTimer(settle)
	defer timer.Stop()
	for _, p := range open {
		select {
		case <-p.complete:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// Run writes records until ctx ends, and then what is left.
func (r *Recorder) Run(ctx context.Context) error {
	for {
		select {
		case <-r.work:
			r.gather(ctx)
			r.writeAll(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			r.writeAll(last)
			return r.close()
		}
	}
}

// gather waits for more records, or until somebody wants them written.
func (r *Recorder) gather(ctx context.Context) {
	timer := time.NewTimer(gather)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.hurry:
	case <-ctx.Done():
	}
}

func (r *Recorder) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.redo.close()
}

func (r *Recorder) writeAll(ctx context.Context) {
	for {
		batch := r.next()
		if len(batch) == 0 {
			return
		}
		if !r.write(ctx, batch) {
			return
		}
		r.written(batch)
	}
}

func (r *Recorder) next() []*pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready[:min(len(r.ready), maxBatch)]
}

// write tries until the store takes the batch: first at once, then ever slower.
func (r *Recorder) write(ctx context.Context, batch []*pending) bool {
	records := make([]store.Record, len(batch))
	for i, p := range batch {
		records[i] = p.record
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		refused, err := r.store.PutActivations(context.WithoutCancel(ctx), records)
		if err == nil {
			if refused > 0 {
				r.log.Error("records refused: their activations have one already", "count", refused)
			}
			return true
		}
		r.log.Error("records cannot be written, trying again", "count", len(records), "wait", wait, "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

func (r *Recorder) written(batch []*pending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range batch {
		if r.known[p.record.ID] == p {
			delete(r.known, p.record.ID)
		}
		for _, number := range p.redo {
			r.redo.stored(number)
		}
	}
	r.ready = append(r.ready[:0:0], r.ready[len(batch):]...)
	for range batch {
		<-r.slots
	}
	r.changed.Broadcast()
}
