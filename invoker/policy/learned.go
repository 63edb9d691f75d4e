package policy

import (
	"container/list"
	"math/bits"
	"time"

	"quirl/invoker/pool"
)

const (
	// longestRunning is how many times longer than the fixed policy a container may
	// run without being paused.
	longestRunning = 6
	// earliestPause is how soon a container may be paused.
	earliestPause = time.Second
	// seldom is the share of calls that may find a container just paused.
	seldom = 0.05
	// ranks are how many containers of an action at once are told from each other.
	ranks = 64
	// classes are the ranks that share a histogram: 1, 2, 3–4, 5–8, more.
	classes = 5
)

// Learned keeps containers for as long as the idle times of their action tell,
// and has them made ready again ahead of calls that come late but regularly. It
// falls back to Fixed where it does not know enough. Make one with NewLearned.
type Learned struct {
	Config
	usages map[pool.Action]*list.Element
	recent list.List // of *usage, the last used one first
	curve  curve     // the one that is looked at, kept to save an allocation
}

// Config are a Learned's bounds.
type Config struct {
	// Fixed is for what is not known well enough.
	Fixed Fixed
	// Worth is what it is worth to spare a call a cold start, in MB·s of memory
	// that waits for it.
	Worth float64
	// Grace is how long every container is kept.
	Grace time.Duration
	// Margin is the share by which a container is ready sooner, and kept longer,
	// than past calls would have needed.
	Margin float64
	// Samples is how many idle times must be known.
	Samples int
	// HalfLife is after how long an idle time counts half.
	HalfLife time.Duration
	// Actions is how many are remembered.
	Actions int
}

// usual is the memory of a usual container, in MB.
const usual = 170

// Default is a configuration that falls back to fixed, whose keep-alive, which
// must not be 0, says what a cold start is worth: as long a wait of a usual container.
func Default(fixed Fixed) Config {
	return Config{
		Fixed: fixed, Worth: usual * fixed.KeepAlive.Seconds(), Grace: min(10*time.Second, fixed.KeepAlive), Margin: 0.1,
		Samples: 4, HalfLife: 72 * time.Hour, Actions: 10_000,
	}
}

// NewLearned returns a policy that knows nothing yet.
func NewLearned(cfg Config) *Learned {
	return &Learned{Config: cfg, usages: make(map[pool.Action]*list.Element)}
}

// A usage is what is remembered of one action.
type usage struct {
	action pool.Action
	ends   []time.Time // when each rank was last used
	// by class of ranks; nil until there is something to know
	known [classes]*knowledge
}

// knowledge are the idle times of some ranks, and what follows from them.
type knowledge struct {
	histogram
	fresh  int // idle times that the plan does not know
	memory int // for which the plan is
	plan   pool.Plan
}

// class returns the class of a rank.
func class(rank int) int { return min(bits.Len(uint(rank-1)), classes-1) }

// Busy is that of pool.Policy.
func (l *Learned) Busy(a pool.Action, rank int, now time.Time) {
	e := l.usages[a]
	if e == nil {
		return // there is no idle time before the first call
	}
	l.recent.MoveToFront(e)
	u := e.Value.(*usage)
	if rank > len(u.ends) || u.ends[rank-1].IsZero() {
		return
	}
	k := u.known[class(rank)]
	if k == nil {
		k = new(knowledge)
		u.known[class(rank)] = k
	}
	k.add(now.Sub(u.ends[rank-1]), now, l.HalfLife)
	k.fresh++
}

// Idle is that of pool.Policy.
func (l *Learned) Idle(a pool.Action, rank, memory int, now time.Time) pool.Plan {
	u := l.usageOf(a)
	if rank > ranks {
		return l.Fixed.plan()
	}
	for len(u.ends) < rank {
		u.ends = append(u.ends, time.Time{})
	}
	u.ends[rank-1] = now
	k := u.known[class(rank)]
	if k == nil {
		return l.Fixed.plan()
	}
	if k.memory != memory || k.fresh > k.samples()/16 {
		k.plan, k.memory, k.fresh = l.conclude(&k.histogram, rank, memory), memory, 0
	}
	return k.plan
}

// usageOf returns what is known of an action, and forgets the action that was not
// used for longest when there are too many.
func (l *Learned) usageOf(a pool.Action) *usage {
	if e := l.usages[a]; e != nil {
		l.recent.MoveToFront(e)
		return e.Value.(*usage)
	}
	u := &usage{action: a}
	l.usages[a] = l.recent.PushFront(u)
	if l.recent.Len() > l.Actions {
		oldest := l.recent.Back()
		l.recent.Remove(oldest)
		delete(l.usages, oldest.Value.(*usage).action)
	}
	return u
}

// conclude says what follows from idle times.
func (l *Learned) conclude(h *histogram, rank, memory int) pool.Plan {
	if h.samples() < l.Samples {
		return l.Fixed.plan()
	}
	l.curve.sum(h)
	return l.plan(l.window(&l.curve, rank, memory), l.pause(&l.curve))
}
