//go:build linux

package sandboxcontainer

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"quirl/container"
	"quirl/container/ociimage"
)

const (
	// maxPools bounds the pools that Config.Shells makes without being asked.
	maxPools = 32
	// retryAfter and maxRetry bound the pauses after a shell could not be made.
	retryAfter = 100 * time.Millisecond
	maxRetry   = 30 * time.Second
)

// pools keep shells ready, one pool for each kind of spec. One worker fills
// them, and only when no Create is on its way, so that making shells does not
// slow down those who wait.
type pools struct {
	factory *Factory
	hot     *traffic
	kick    chan struct{} // has one element when there may be work
	cancel  context.CancelFunc
	worker  sync.WaitGroup

	mu      sync.Mutex
	all     map[string]*pool
	started bool
	closed  bool
}

type pool struct {
	spec     container.Spec
	want     int
	ready    []*shell
	failures int
	notUntil time.Time
}

func newPools(f *Factory) *pools {
	return &pools{factory: f, hot: newTraffic(), kick: make(chan struct{}, 1), all: make(map[string]*pool), cancel: func() {}}
}

// poolKey is everything of spec but what may differ between containers that
// come from the same pool.
func poolKey(spec container.Spec) string {
	spec.Name, spec.Memory, spec.CPUShares = "", 0, 0
	key, err := json.Marshal(spec)
	if err != nil {
		panic("a spec is strings and numbers: " + err.Error())
	}
	return string(key)
}

// prepare sets how many shells are kept for spec.
func (p *pools) prepare(spec container.Spec, n int) {
	key := poolKey(spec)
	var surplus []*shell
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	at := p.all[key]
	if at == nil {
		at = &pool{spec: spec}
		p.all[key] = at
	}
	at.want = max(n, 0)
	at.failures, at.notUntil = 0, time.Time{}
	if len(at.ready) > at.want {
		surplus = slices.Clone(at.ready[at.want:])
		at.ready = at.ready[:at.want]
	}
	if at.want == 0 {
		delete(p.all, key)
	}
	p.startWorker()
	for _, s := range surplus {
		p.worker.Go(s.discard)
	}
	p.mu.Unlock()
	p.wake()
}

// startWorker is called with mu held.
func (p *pools) startWorker() {
	if p.started {
		return
	}
	p.started = true
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.worker.Go(func() { p.run(ctx) })
}

func (p *pools) wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// take returns a living shell for spec with this image, or nil.
func (p *pools) take(spec container.Spec, image *ociimage.Image) *shell {
	key := poolKey(spec)
	p.mu.Lock()
	at := p.all[key]
	if at == nil {
		adopt := p.factory.config.Shells > 0 && len(p.all) < maxPools
		p.mu.Unlock()
		if adopt {
			p.prepare(spec, p.factory.config.Shells)
		}
		return nil
	}
	defer p.wake()
	defer p.mu.Unlock()
	for len(at.ready) > 0 {
		s := at.ready[0]
		at.ready = at.ready[1:]
		if !s.isDone() && s.image == digest(image) {
			return s
		}
		p.discardLater(s) // dead, or of what the image was before
	}
	return nil
}

// count says how many living shells are ready for spec.
func (p *pools) count(spec container.Spec) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	if at := p.all[poolKey(spec)]; at != nil {
		for _, s := range at.ready {
			if !s.isDone() {
				n++
			}
		}
	}
	return n
}

// discardLater is called with mu held, so that close cannot have waited yet.
func (p *pools) discardLater(s *shell) {
	if !p.closed {
		p.worker.Go(s.discard)
	}
}

// run fills the pools until ctx ends.
func (p *pools) run(ctx context.Context) {
	for ctx.Err() == nil {
		spec, wait, ok := p.next(time.Now())
		if !ok {
			p.rest(ctx, wait)
			continue
		}
		if err := p.hot.quiet(ctx); err != nil {
			return
		}
		s, err := p.make(ctx, spec)
		p.made(spec, s, err)
	}
}

// make makes a shell. Of an image that is there it does not ask whether it is the
// latest one: who takes the shell does.
func (p *pools) make(ctx context.Context, spec container.Spec) (*shell, error) {
	spec.Pull = container.PullMissing
	image, err := p.factory.image(ctx, spec)
	if err != nil {
		return nil, err
	}
	return p.factory.newShell(ctx, spec, image, true)
}

// next says for what to make a shell, or how long there is nothing to do; no
// time at all means until somebody kicks.
func (p *pools) next(now time.Time) (spec container.Spec, wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.all {
		at.ready = slices.DeleteFunc(at.ready, func(s *shell) bool {
			if s.isDone() {
				p.discardLater(s)
				return true
			}
			return false
		})
		if len(at.ready) >= at.want {
			continue
		}
		if d := at.notUntil.Sub(now); d > 0 {
			if wait == 0 || d < wait {
				wait = d
			}
			continue
		}
		return at.spec, 0, true
	}
	return container.Spec{}, wait, false
}

func (p *pools) rest(ctx context.Context, wait time.Duration) {
	var timeout <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-ctx.Done():
	case <-p.kick:
	case <-timeout:
	}
}

// made puts a new shell into its pool, or notes that there is none.
func (p *pools) made(spec container.Spec, s *shell, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.all[poolKey(spec)]
	switch {
	case err != nil && at != nil:
		at.failures++
		at.notUntil = time.Now().Add(min(retryAfter<<min(at.failures, 10), maxRetry))
		if at.failures == 1 && !errors.Is(err, context.Canceled) && !errors.Is(err, container.ErrClosed) {
			p.factory.log.Warn("no shell could be made", "kind", spec.Kind, "err", err)
		}
	case err != nil:
	case at == nil || p.closed || len(at.ready) >= at.want:
		p.worker.Go(s.discard) // called by the worker, so close still waits
	default:
		at.failures = 0
		at.ready = append(at.ready, s)
		p.worker.Go(func() { p.watch(s) })
	}
}

// watch wakes the worker when a waiting shell dies; it ends with the shell.
func (p *pools) watch(s *shell) {
	<-s.done
	p.wake()
}

// close ends the worker. The shells go with the launcher.
func (p *pools) close() {
	p.mu.Lock()
	p.closed = true
	p.all = make(map[string]*pool)
	p.cancel()
	p.mu.Unlock()
}

// wait returns when nothing of the pools runs any more; after the launcher's end.
func (p *pools) wait() { p.worker.Wait() }

// A traffic counts those who are in a hurry.
type traffic struct {
	mu    sync.Mutex
	count int
	calm  chan struct{} // closed while count is 0
	left  time.Time     // when the last of them was served
}

func newTraffic() *traffic {
	t := &traffic{calm: make(chan struct{})}
	close(t.calm)
	return t
}

func (t *traffic) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == 0 {
		t.calm = make(chan struct{})
	}
	t.count++
}

func (t *traffic) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	t.left = time.Now()
	if t.count == 0 {
		close(t.calm)
	}
}

// boot is about how long an interpreter boots after its container was started.
// A shell that was made meanwhile would take the time from it.
const boot = 60 * time.Millisecond

// quiet waits until nobody is in a hurry and what was started last has booted,
// but not for ever: a busy machine needs its shells most.
func (t *traffic) quiet(ctx context.Context) error {
	const patience = 4 * boot
	began := time.Now()
	for {
		t.mu.Lock()
		calm, left := t.calm, t.left
		t.mu.Unlock()
		wait := boot - time.Since(left)
		select {
		case <-calm:
			if wait <= 0 {
				return ctx.Err()
			}
			calm = nil // closed: what remains is the time
		default:
			wait = patience
		}
		timeout := time.NewTimer(min(wait, patience-time.Since(began)))
		select {
		case <-calm:
		case <-timeout.C:
		case <-ctx.Done():
		}
		timeout.Stop()
		if ctx.Err() != nil || time.Since(began) >= patience {
			return ctx.Err()
		}
	}
}
