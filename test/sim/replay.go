package main

import (
	"container/heap"
	"fmt"
	"strconv"
	"time"

	"quirl/invoker/pool"
)

// A world is what a trace is replayed in.
type world struct {
	Memory    int           // MB of all containers
	StemShare int           // percent of it for stem cells
	Start     time.Duration // of a container
	Kinds     int           // that the functions have; 0 is one for each function
}

// removal is how long it takes to remove a container.
const removal = 10 * time.Millisecond

// An outcome is what came of a replay.
type outcome struct {
	Calls, Cold, Stem, Resumed int
	Refused                    int
	// Apps is the share of cold calls of each app, in no order.
	Apps []float64
	// Total is the memory-time of all containers, Idle of it that of containers
	// without work; in MB·s.
	Total, Idle float64
	Counters    pool.Counters
}

// A replayer is the shell of a pool, in virtual time.
type replayer struct {
	world
	pool     *pool.Pool
	jobs     []pool.Job // by function
	arrivals []arrival
	epoch    time.Time
	now      time.Duration
	cells    map[int]*cell
	agenda   agenda
	booked   int // appointments that there ever were
	sums     outcome
	apps     map[string]*[2]int // calls and cold ones
	appOf    []*[2]int          // by function
}

// A cell is a container.
type cell struct {
	memory float64
	made   time.Duration
}

// replay runs a trace's calls through a pool with the given policy.
func replay(t *trace, arrivals []arrival, w world, p pool.Policy) outcome {
	r := newReplayer(t, arrivals, w, p)
	r.run(time.Duration(t.Days*dayMinutes) * time.Minute)
	return r.outcome()
}

func newReplayer(t *trace, arrivals []arrival, w world, p pool.Policy) *replayer {
	r := &replayer{
		world: w, arrivals: arrivals, epoch: time.Unix(0, 0), cells: make(map[int]*cell), apps: make(map[string]*[2]int),
		pool: pool.New(pool.Config{
			Memory: w.Memory, Queue: len(arrivals), Starting: len(arrivals), Policy: p, StemMemory: w.Memory * w.StemShare / 100,
			StemAge: openWhisk.KeepAlive,
		}),
	}
	for _, f := range t.Functions {
		r.jobs = append(r.jobs, f.job(w.Kinds))
		if r.apps[f.App] == nil {
			r.apps[f.App] = new([2]int)
		}
		r.appOf = append(r.appOf, r.apps[f.App])
	}
	return r
}

// job is a call of the function.
func (f *function) job(kinds int) pool.Job {
	return pool.Job{
		Key:  pool.Key{Namespace: f.Owner, Action: f.Owner + "/" + f.App + "/" + f.Name, Revision: "1"},
		Kind: f.kind(kinds), Memory: f.limit(), Concurrency: 1,
	}
}

// kind is one of the first so many, or one of its own.
func (f *function) kind(kinds int) string {
	if kinds == 0 {
		return f.App + f.Name
	}
	return fmt.Sprint("kind", f.seed()%uint64(kinds))
}

// run lets happen what happens until the end, one thing after the other.
func (r *replayer) run(end time.Duration) {
	r.step(pool.Tick{})
	for {
		arrives, due, tick := r.nextTimes(end)
		switch next := min(arrives, due, tick); {
		case next >= end:
			r.now = end
			return
		case next == due:
			d := heap.Pop(&r.agenda).(appointment)
			r.now = d.at
			r.happen(d.event)
		case next == arrives:
			r.now = arrives
			r.arrive()
		default:
			r.now = tick
			r.step(pool.Tick{})
		}
	}
}

func (r *replayer) nextTimes(end time.Duration) (arrives, due, tick time.Duration) {
	arrives, due, tick = end, end, end
	if len(r.arrivals) > r.sums.Calls {
		arrives = r.arrivals[r.sums.Calls].at
	}
	if len(r.agenda) > 0 {
		due = r.agenda[0].at
	}
	if next := r.pool.Next(); !next.IsZero() {
		tick = max(r.now, next.Sub(r.epoch))
	}
	return arrives, due, tick
}

func (r *replayer) arrive() {
	number := r.sums.Calls
	r.sums.Calls++
	function := r.arrivals[number].function
	job := r.jobs[function]
	job.ID = strconv.Itoa(number)
	r.appOf[function][0]++
	r.step(pool.Arrived{Job: job})
}

// happen tells the pool what was to come.
func (r *replayer) happen(e pool.Event) {
	if removed, ok := e.(pool.Removed); ok {
		c := r.cells[removed.Container]
		r.sums.Total += c.memory * (r.now - c.made).Seconds()
		delete(r.cells, removed.Container)
	}
	r.step(e)
}

func (r *replayer) step(e pool.Event) {
	for _, c := range r.pool.Step(e, r.epoch.Add(r.now)) {
		r.obey(c)
	}
}

// obey carries out a command.
func (r *replayer) obey(c pool.Command) {
	switch c := c.(type) {
	case pool.Create:
		r.cells[c.Container] = &cell{float64(c.Memory), r.now}
		r.later(r.Start, pool.Started{Container: c.Container})
	case pool.Run:
		r.begin(c)
	case pool.Remove:
		r.later(removal, pool.Removed{Container: c.Container})
	case pool.Refuse, pool.Fail:
		r.sums.Refused++
	case pool.Pause:
	default:
		panic(fmt.Sprintf("no answer to %T", c)) // the pool is never drained
	}
}

// begin begins a call in its container. A stem cell that was made for another
// action is luck: the call counts as cold.
func (r *replayer) begin(c pool.Run) {
	number, err := strconv.Atoi(c.Job.ID)
	if err != nil {
		panic(err) // we made it
	}
	a := r.arrivals[number]
	switch c.Start {
	case pool.Cold:
		r.sums.Cold++
		r.appOf[a.function][1]++
	case pool.Prewarmed, pool.Stemmed:
		r.sums.Stem++
	}
	if c.Resume {
		r.sums.Resumed++
	}
	r.sums.Idle -= float64(c.Job.Memory) * a.lasts.Seconds()
	r.later(a.lasts, pool.Finished{Container: c.Container, Keep: true})
}

// outcome sums up, containers that are there at the end included.
func (r *replayer) outcome() outcome {
	o := r.sums
	for _, c := range r.cells {
		o.Total += c.memory * (r.now - c.made).Seconds()
	}
	for _, d := range r.agenda { // calls under way have not used all of their time
		if f, ok := d.event.(pool.Finished); ok {
			o.Idle += r.cells[f.Container].memory * (d.at - r.now).Seconds()
		}
	}
	o.Idle += o.Total
	for _, n := range r.apps {
		if n[0] > 0 {
			o.Apps = append(o.Apps, float64(n[1])/float64(n[0]))
		}
	}
	o.Counters = r.pool.Counters()
	return o
}

func (r *replayer) later(after time.Duration, e pool.Event) {
	r.booked++
	heap.Push(&r.agenda, appointment{r.now + after, r.booked, e})
}
