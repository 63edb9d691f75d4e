// Package pool decides which container runs which activation: when to reuse,
// start, pause, evict and remove.
//
// It promises to be pure: Step reads no clock and starts nothing, so that every
// decision can be replayed from its events. Its shell is package invoker, which
// turns what happens into events and carries out commands.
//
// A container is *starting* until its process was started, then a *stem* cell
// that serves any action of its kind and memory, then *busy* with one (namespace,
// action, revision) until it is *idle*, after a while *paused*, at last
// *removing*. Its memory is counted from the command Create to the event Removed.
//
// Waiting jobs are bound late: a container that is being started for one job may
// be taken by another of the same kind, and the job by whatever is free first.
// Between namespaces the pool is fair: they take turns when capacity frees up,
// and a namespace beyond its share gives up containers to one that waits.
//
// Read event.go for what goes in and comes out, step.go for the machine,
// place.go for who gets what.
package pool

import (
	"time"
)

// Config are the pool's bounds and times.
type Config struct {
	// Memory is what all containers together may have, in MB.
	Memory int
	// Queue is how many jobs may wait; more are refused.
	Queue int
	// Starting is how many containers may be starting at once.
	Starting int
	// PauseAfter is how long a container idles before it is paused; 0 never pauses.
	PauseAfter time.Duration
	// KeepAlive is how long an unused container is kept.
	KeepAlive time.Duration
	// Stems are the stem cells to keep ready.
	Stems []Stem
}

// A Stem asks for Count stem cells of a kind and memory.
type Stem struct {
	Kind   string
	Memory int // MB
	Count  int
}

// A Key is what one container serves after its first initialization.
type Key struct {
	Namespace string // of the invoking identity
	Action    string // ID of the action
	Revision  string
}

// A Job is one activation that wants a container.
type Job struct {
	ID          string
	Key         Key
	Kind        string
	Image       string // for kinds that run the action's own image
	Memory      int    // MB
	Concurrency int    // activations at once that a container of this action may run
}

func (j *Job) mould() mould { return mould{j.Kind, j.Image, j.Memory} }

// A mould is what containers have in common before their first initialization.
type mould struct {
	kind, image string
	memory      int
}

type state int

const (
	starting state = iota
	stem
	busy
	idle
	paused
	removing
)

var stateNames = [...]string{"starting", "stem", "busy", "idle", "paused", "removing"}

func (s state) String() string { return stateNames[s] }

// A cell is what the pool knows of one container.
type cell struct {
	id    int
	mould mould
	state state
	key   Key // zero until initialized
	// for a starting cell: the action whose job caused it, zero for a stem cell
	wanted      Key
	active      int // running jobs
	concurrency int
	doomed      bool // takes no more jobs, is removed when the last one ends
	since       time.Time
}

func (c *cell) hasRoom() bool {
	return !c.doomed && (c.state == idle || c.state == paused || c.state == busy && c.active < c.concurrency)
}

// A Pool is the machine. Make one with New. It is not safe for concurrent use.
type Pool struct {
	cfg   Config
	cells map[int]*cell
	// byKey are the initialized cells of each key, the most recently used last.
	byKey map[Key][]*cell
	stems map[mould][]*cell

	waiting  waiting
	used     int // MB of all cells
	leaving  int // MB of removing cells
	starts   int // starting cells
	nextID   int
	draining bool
}

// New returns an empty pool. Its first Step should be an event Tick, which starts the stem cells.
func New(cfg Config) *Pool {
	return &Pool{
		cfg:     cfg,
		cells:   make(map[int]*cell),
		byKey:   make(map[Key][]*cell),
		stems:   make(map[mould][]*cell),
		waiting: newWaiting(),
	}
}

// Stats counts the pool's containers by state, its used memory in MB and its waiting jobs.
type Stats struct {
	Starting, Stem, Busy, Idle, Paused, Removing int
	MemoryMB, Waiting                            int
}

// Stats returns the present counts.
func (p *Pool) Stats() Stats {
	var n [len(stateNames)]int
	for _, c := range p.cells {
		n[c.state]++
	}
	return Stats{n[starting], n[stem], n[busy], n[idle], n[paused], n[removing], p.used, p.waiting.count}
}
