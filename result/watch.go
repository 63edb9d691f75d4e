package result

import (
	"context"
	"errors"
	"sync"
	"time"

	"quirl/store"
	"quirl/whisk"
)

// watched is how many records a watcher may be behind before it is cut off.
const watched = 1024

// recheck is how often Wait asks the store for a record that another process may
// have written.
const recheck = time.Second

// ErrBehind says that a watcher did not keep up and was cut off.
var ErrBehind = errors.New("too many records came at once for this watcher")

// watchers are told of records when they are final.
type watchers struct {
	mu sync.Mutex
	by map[string]map[*Watch]bool // by namespace
}

// A Watch receives the records of one namespace as they come, with their logs.
// It must be closed.
type Watch struct {
	all       *watchers
	namespace string
	records   chan *whisk.Activation
}

// Watch begins to watch a namespace.
func (r *Recorder) Watch(namespace string) *Watch {
	w := &Watch{all: &r.watchers, namespace: namespace, records: make(chan *whisk.Activation, watched)}
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	if w.all.by == nil {
		w.all.by = make(map[string]map[*Watch]bool)
	}
	if w.all.by[namespace] == nil {
		w.all.by[namespace] = make(map[*Watch]bool)
	}
	w.all.by[namespace][w] = true
	return w
}

// Close ends the watch. Closing twice is no error.
func (w *Watch) Close() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.all.drop(w)
}

func (ws *watchers) drop(w *Watch) {
	of := ws.by[w.namespace]
	if !of[w] {
		return
	}
	delete(of, w)
	if len(of) == 0 {
		delete(ws.by, w.namespace)
	}
	close(w.records)
}

// tell never waits: who is behind is cut off.
func (ws *watchers) tell(a *whisk.Activation) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.by[a.Namespace] {
		select {
		case w.records <- a:
		default:
			ws.drop(w)
		}
	}
}

// Next returns the next record, ErrBehind when some were missed, or the error of
// ctx. The record must not be changed.
func (w *Watch) Next(ctx context.Context) (*whisk.Activation, error) {
	select {
	case a, ok := <-w.records:
		if !ok {
			return nil, ErrBehind
		}
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Wait is Find for a record that may still come: it returns store.ErrNotFound
// only when ctx has ended.
func (r *Recorder) Wait(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	watch := r.Watch(namespace)
	defer func() { watch.Close() }()
	for {
		record, err := r.Find(ctx, namespace, id)
		if !errors.Is(err, store.ErrNotFound) {
			if ctx.Err() != nil {
				err = store.ErrNotFound
			}
			return record, err
		}
		pause, cancel := context.WithTimeout(ctx, recheck)
		for err = nil; err == nil; {
			if record, err = watch.Next(pause); err == nil && record.ID == id {
				cancel()
				return record, nil
			}
		}
		cancel()
		if ctx.Err() != nil {
			return nil, store.ErrNotFound
		}
		if errors.Is(err, ErrBehind) {
			watch = r.Watch(namespace)
		}
	}
}
