package main

import (
	"context"
	"log/slog"
	"sync"

	"quirl/runtimes"
)

// ahead prepares kinds when they are going to be used.
type ahead struct {
	offer *runtimes.Offer
	files string
	asked chan string   // kinds to be prepared
	ended chan struct{} // closed when run has ended

	mu    sync.Mutex
	ready map[string]chan struct{} // by kind, closed when containers may start
}

func newAhead(offer *runtimes.Offer, files string) *ahead {
	return &ahead{
		offer: offer, files: files, ended: make(chan struct{}),
		asked: make(chan string, len(offer.Manifest.Kinds())), // each once
		ready: map[string]chan struct{}{},
	}
}

// want makes a kind ready; what it returns is closed when that is so. A nil channel
// means that there is nothing to do.
func (a *ahead) want(kind string) <-chan struct{} {
	if !a.offer.Prepares(kind) {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	ready := a.ready[kind]
	if ready == nil {
		ready = make(chan struct{})
		a.ready[kind] = ready
		a.asked <- kind
	}
	return ready
}

// await waits until a kind is ready, nobody makes it so any more, or ctx ends.
func (a *ahead) await(ctx context.Context, kind string) {
	ready := a.want(kind)
	if ready == nil {
		return
	}
	select {
	case <-ready:
	case <-a.ended:
	case <-ctx.Done():
	}
}

// run prepares what is asked for until ctx ends. What cannot be prepared is used as it is.
func (a *ahead) run(ctx context.Context, log *slog.Logger) {
	defer close(a.ended)
	var working sync.WaitGroup
	defer working.Wait()
	for {
		select {
		case kind := <-a.asked:
			working.Go(func() { a.prepare(ctx, kind, log) })
		case <-ctx.Done():
			return
		}
	}
}

func (a *ahead) prepare(ctx context.Context, kind string, log *slog.Logger) {
	for step, more := 0, true; more; step++ {
		var err error
		more, err = a.offer.Prepare(ctx, kind, a.files, step)
		if err != nil && ctx.Err() == nil {
			log.Warn("functions will be compiled more slowly", "kind", kind, "error", err)
		}
		if step == 0 {
			a.mu.Lock()
			close(a.ready[kind])
			a.mu.Unlock()
		}
	}
}
