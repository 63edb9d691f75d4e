// Package shardbalancer spreads work over the invokers of a cluster without a word between
// controllers: each controller has a share of each invoker's memory to itself.
//
// It promises to keep the activations of an action on as few invokers as have room, so that their
// containers are used again; to place nothing on an invoker that is not well; and to refuse
// work rather than to let it wait without bound.
//
// Read plan.go, slots.go and health.go, which are pure, then this file.
package shardbalancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"quirl/balancer"
)

// Config is what a Balancer works with.
type Config struct {
	// Controllers is how many share the invokers.
	Controllers int
	// Smallest is the least memory of an action in MB: no share is less.
	Smallest int
	// Queue is how many activations of this controller may wait on an invoker beyond its room.
	Queue int
	// Lost is told that an invoker went down, or began anew, with all that was placed there. It must not
	// block, nor call the Balancer before it returns.
	Lost func(invoker int)
	Log  *slog.Logger
	Now  func() time.Time
}

// A Balancer is a balancer.Balancer. Make one with New, tell it what invokers say with Heard, and
// let it Run.
type Balancer struct {
	Config

	mu       sync.Mutex
	invokers []*invoker // by number; nil for those that were not heard of
	managed  plan
	blackbox plan
	overload uint64 // how many were placed where there was no room
}

// An invoker is one that was heard of.
type invoker struct {
	name   string
	life   string
	memory int // MB, of which each controller has a share
	slots
	health
	state balancer.State // as it was last told
}

var _ balancer.Balancer = (*Balancer)(nil)

// New returns a Balancer that knows no invoker yet.
func New(cfg Config) *Balancer { return &Balancer{Config: cfg} }

// share is this controller's of an invoker's memory.
func (b *Balancer) share(memory int) int { return max(memory/max(1, b.Controllers), b.Smallest) }

// A Word is what an invoker says of itself, once a second.
type Word struct {
	Number   int
	Name     string
	Life     string // another one after each start
	MemoryMB int
	Enabled  bool // it takes work
}

// mostInvokers bounds the numbers of invokers: a wrong one must not take all memory.
const mostInvokers = 100_000

// Heard notes what an invoker says.
func (b *Balancer) Heard(w Word) {
	if w.Number < 0 || w.Number >= mostInvokers {
		b.Log.Error("an invoker has a number that cannot be", "number", w.Number)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.Number >= len(b.invokers) {
		b.invokers = append(b.invokers, make([]*invoker, w.Number+1-len(b.invokers))...)
		managed, blackbox := groups(len(b.invokers))
		b.managed, b.blackbox = newPlan(managed), newPlan(blackbox)
	}
	i := b.invokers[w.Number]
	if i == nil {
		i = &invoker{state: balancer.Down}
		b.invokers[w.Number] = i
	}
	if i.life != "" && i.life != w.Life && b.Lost != nil {
		b.Lost(w.Number) // it began anew: what it had is over
	}
	i.life = w.Life
	i.free += b.share(w.MemoryMB) - b.share(i.memory)
	if i.memory == 0 {
		i.free = b.share(w.MemoryMB)
	}
	i.name, i.memory, i.heard, i.enabled = w.Name, w.MemoryMB, b.Now(), w.Enabled
	b.review(w.Number)
}

// review tells when the state of an invoker has changed, and what follows from it. b.mu is held.
func (b *Balancer) review(number int) {
	i := b.invokers[number]
	now := b.Now()
	if s := i.health.state(now); s != i.state {
		b.Log.Info("invoker", "number", number, "name", i.name, "state", s, "before", i.state)
		i.state = s
		if s == balancer.Down && i.enabled { // not one that said that it takes nothing more
			i.outcomes = nil // what is heard of next is another life
			if b.Lost != nil {
				b.Lost(number)
			}
		}
	}
}

// lookEvery is how often the silence of invokers is looked at.
const lookEvery = 500 * time.Millisecond

// Run notices invokers that are silent, until ctx ends.
func (b *Balancer) Run(ctx context.Context) error {
	turn := time.NewTicker(lookEvery)
	defer turn.Stop()
	for {
		select {
		case <-turn.C:
			b.look()
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *Balancer) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for number, i := range b.invokers {
		if i != nil {
			b.review(number)
		}
	}
}

// errNobody says that there is no invoker for the work.
var errNobody = errors.New("no invoker is up")

// Place is that of balancer.Balancer.
func (b *Balancer) Place(_ context.Context, w balancer.Work) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	group, offset := b.managed, 0
	if w.Blackbox {
		group, offset = b.blackbox, len(b.invokers)-b.blackbox.size
	}
	action := w.Action.ID()
	var usable []int
	found := group.visit(hashOf(w.Namespace, action), func(n int) bool {
		i := b.invokers[offset+n]
		if i == nil || i.state != balancer.Up {
			return false
		}
		usable = append(usable, offset+n)
		return i.take(action, w.MemoryMB, w.Concurrency)
	})
	switch {
	case found >= 0:
		return offset + found, nil
	case len(usable) == 0:
		return 0, balancer.Unavailable(errNobody)
	}
	usable = slices.DeleteFunc(usable, func(n int) bool { return b.invokers[n].forced >= b.Queue })
	if len(usable) == 0 {
		return 0, fmt.Errorf("%w: %d activations wait on each of the invokers", balancer.ErrFull, b.Queue)
	}
	n := usable[rand.IntN(len(usable))]
	b.invokers[n].force(action, w.MemoryMB, w.Concurrency)
	b.invokers[n].forced++
	b.overload++
	return n, nil
}

// Ended is that of balancer.Balancer.
func (b *Balancer) Ended(w balancer.Work, number int, o balancer.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if number < 0 || number >= len(b.invokers) || b.invokers[number] == nil {
		return
	}
	i := b.invokers[number]
	i.give(w.Action.ID(), w.MemoryMB, w.Concurrency)
	i.forced = max(0, i.forced-1)
	if o != balancer.Unknown {
		i.note(o, b.Now())
		b.review(number)
	}
}

// Invokers is that of balancer.Balancer.
func (b *Balancer) Invokers() []balancer.Invoker {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []balancer.Invoker
	for number, i := range b.invokers {
		if i != nil {
			all = append(all, balancer.Invoker{Name: fmt.Sprintf("invoker%d/%s", number, i.name), State: i.state})
		}
	}
	return all
}

// Overload is how many activations were placed though there was no room.
func (b *Balancer) Overload() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overload
}
