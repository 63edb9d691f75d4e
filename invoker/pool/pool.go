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
// What is idle for how long, and when a container is made ready again ahead of the
// next call, is a Policy's to say; package policy has some. Why a job found no warm
// container is known here, and told with each Run.
//
// Read event.go for what goes in and comes out, step.go for the machine, place.go
// for who gets what, rest.go for containers without work, shelf.go for stem cells.
package pool

import (
	"container/list"
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
	// Policy says how long unused containers are kept; without one it is for ever.
	Policy Policy
	// Stems are the stem cells to keep ready, whatever else there is.
	Stems []Stem
	// StemMemory is what stem cells beyond those may have, in MB, all stem cells counted.
	StemMemory int
	// LearnStems has one more stem cell made for kinds and memories of which one was missed.
	LearnStems bool
	// StemAge is how long a stem cell is kept that is more than wanted; 0 is for ever.
	StemAge time.Duration
}

// A Stem asks for Count stem cells of a kind and memory.
type Stem struct {
	Kind   string
	Memory int // MB
	Count  int
	// Reactive, unless nil, changes the number with the demand; Count is where it begins.
	Reactive *Reactive
}

// Reactive are the rules by which stem cells become more and less: after each
// minute there are to be Increment for every Threshold jobs that had no stem cell
// in it, within the bounds. What is more goes when it was not used for TTL.
type Reactive struct {
	MinCount, MaxCount   int
	TTL                  time.Duration
	Threshold, Increment int
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

	arrived time.Time
	reason  Reason // why it found no warm container
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
	key   Key   // zero until initialized
	home  *home // of key
	// for a starting cell: the home whose job caused it, nil for a stem cell
	wanted *home
	// for a stem cell, also a starting one: the action whose call it was made for
	expects     *action
	active      int // running jobs
	concurrency int
	doomed      bool // takes no more jobs, is removed when the last one ends
	since       time.Time
	plan        Plan // of a cell without work
	alarm       alarm
	room        place // among those of its home that can take a job, or of its shelf
	unused      place // among those that could be evicted

	// for the view
	made   time.Time
	served int
	start  Start
	reason Reason
}

func (c *cell) hasRoom() bool {
	return !c.doomed && (c.state == idle || c.state == paused || c.state == busy && c.active < c.concurrency)
}

// A Pool is the machine. Make one with New. It is not safe for concurrent use.
type Pool struct {
	cfg     Config
	cells   map[int]*cell
	homes   map[Key]*home
	actions map[Action]*action
	asleep  list.List // actions without containers, the longest first
	shelves map[mould]*shelf
	order   []*shelf // the shelves, configured ones first
	unused  row      // idle and paused cells, the least recently used first
	stems   row      // stem cells, the oldest first

	waiting  waiting
	alarms   alarms
	counts   [len(stateNames)]int // cells by state
	busyMB   map[string]int       // of busy cells, by namespace
	used     int                  // MB of all cells
	stemMB   int                  // MB of stem cells, starting ones included
	leaving  int                  // MB of removing cells
	starts   int                  // starting cells
	nextID   int
	begun    bool // there was a step
	draining bool
	tally    tally
	step     step // the one that is made, kept to save an allocation
}

// New returns an empty pool. Its first Step should be an event Tick, which starts the stem cells.
func New(cfg Config) *Pool {
	if cfg.Policy == nil {
		cfg.Policy = forever{}
	}
	p := &Pool{
		cfg:     cfg,
		cells:   make(map[int]*cell),
		homes:   make(map[Key]*home),
		actions: make(map[Action]*action),
		shelves: make(map[mould]*shelf),
		busyMB:  make(map[string]int),
		waiting: newWaiting(),
	}
	for _, want := range cfg.Stems {
		p.shelfOf(mould{kind: want.Kind, memory: want.Memory}).configure(want)
	}
	return p
}

// Stats counts the pool's containers by state, its used memory in MB and its waiting jobs.
type Stats struct {
	Starting, Stem, Busy, Idle, Paused, Removing int
	MemoryMB, Waiting                            int
}

// Stats returns the present counts.
func (p *Pool) Stats() Stats {
	n := &p.counts
	return Stats{n[starting], n[stem], n[busy], n[idle], n[paused], n[removing], p.used, p.waiting.count}
}
