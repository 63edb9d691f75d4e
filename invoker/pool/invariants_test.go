package pool_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"quirl/invoker/pool"
)

// TestInvariants lets the pool live through random histories and holds every
// command against a model of the world: memory is never over-committed, no job
// is run twice or forgotten, no container serves two actions, and after a drain
// nothing is left.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(pool.Config{
			Memory:     rapid.SampledFrom([]int{256, 512, 1024}).Draw(t, "memory"),
			Queue:      20,
			Starting:   rapid.IntRange(1, 4).Draw(t, "starting"),
			Policy:     &whims{t},
			Stems:      stems(t),
			StemMemory: rapid.SampledFrom([]int{0, 256, 512}).Draw(t, "stem memory"),
			LearnStems: rapid.Bool().Draw(t, "learn"),
			StemAge:    30 * time.Second,
		})
		w.step(t, pool.Tick{})
		for range rapid.IntRange(1, 80).Draw(t, "events") {
			w.random(t)
		}
		w.settle(t)
	})
}

// stems are some that may be configured.
func stems(t *rapid.T) []pool.Stem {
	want := pool.Stem{Kind: "nodejs", Memory: 256, Count: rapid.IntRange(0, 2).Draw(t, "stems")}
	if rapid.Bool().Draw(t, "reactive") {
		want.Reactive = &pool.Reactive{MinCount: 0, MaxCount: 3, TTL: 20 * time.Second, Threshold: 1, Increment: 1}
	}
	return []pool.Stem{want}
}

// whims is a policy that changes its mind, within what a plan may be.
type whims struct{ t *rapid.T }

func (w *whims) Busy(_ pool.Action, rank int, _ time.Time) {
	if rank < 1 {
		w.t.Fatalf("the container in use has rank %d", rank)
	}
}

func (w *whims) Idle(_ pool.Action, rank, _ int, _ time.Time) pool.Plan {
	if rank < 1 {
		w.t.Fatalf("the container that was in use has rank %d", rank)
	}
	seconds := func(what string) time.Duration {
		return time.Duration(rapid.IntRange(0, 20).Draw(w.t, what)) * time.Second
	}
	var p pool.Plan
	p.Pause = seconds("pause")
	if p.Keep = p.Pause + seconds("keep"); rank == 1 && rapid.Bool().Draw(w.t, "ahead") {
		p.Ahead = p.Keep + seconds("ahead")
		p.Until = p.Ahead + seconds("until")
	}
	return p
}

type box struct {
	memory   int
	key      pool.Key
	starting bool
	wanted   bool // made for a job that has not got it yet
	removing bool
	jobs     []pool.Job
	limit    int
}

type world struct {
	cfg   pool.Config
	pool  *pool.Pool
	now   time.Time
	boxes map[int]*box
	open  map[string]bool // jobs that arrived and have not ended
	next  int
}

func newWorld(cfg pool.Config) *world {
	return &world{cfg: cfg, pool: pool.New(cfg), now: time.UnixMilli(0), boxes: map[int]*box{}, open: map[string]bool{}}
}

func (w *world) step(t *rapid.T, e pool.Event) {
	t.Helper()
	for _, c := range w.pool.Step(e, w.now) {
		w.obey(t, c)
	}
	if next := w.pool.Next(); e == (pool.Tick{}) && !next.IsZero() && !next.After(w.now) {
		t.Fatalf("after a tick at %v the pool wants the next one at %v", w.now, next)
	}
	used := 0
	for _, b := range w.boxes {
		used += b.memory
	}
	if used > w.cfg.Memory {
		t.Fatalf("%d MB in use of %d after %#v", used, w.cfg.Memory, e)
	}
	w.compare(t, e)
	if got := w.pool.Stats().MemoryMB; got != used {
		t.Fatalf("the pool counts %d MB, the world %d after %#v", got, used, e)
	}
}

// compare holds the pool's view, and what it counts, against the world.
func (w *world) compare(t *rapid.T, e pool.Event) {
	t.Helper()
	v, c := w.pool.View(w.now), w.pool.Counters()
	stems, busy := 0, 0
	for _, seen := range v.Containers {
		b := w.boxes[seen.ID]
		if b == nil || b.key.Action != seen.Action || b.removing != (seen.State == "removing") || !b.removing && len(b.jobs) != seen.Running {
			t.Fatalf("the view has %+v, the world %+v after %#v", seen, b, e)
		}
		if seen.State == "busy" {
			busy++
		}
		if !b.removing && b.key == (pool.Key{}) && !b.wanted {
			stems += b.memory
		}
	}
	if s := w.pool.Stats(); len(v.Containers) != len(w.boxes) || s.Busy != busy || v.Stems != stems {
		t.Fatalf("the view has %d containers, %d MB of stem cells, %d busy; the world %d, %d, %d after %#v", len(v.Containers), v.Stems, s.Busy, len(w.boxes), stems, busy, e)
	}
	why := 0
	for _, n := range c.Reasons {
		why += n
	}
	if not := c.Prewarmed + c.Stem + c.Cold; not != why || c.Reasons[pool.Unasked] > 0 {
		t.Fatalf("%d jobs found no warm container, %d have a reason after %#v", not, why, e)
	}
}

func (w *world) obey(t *rapid.T, c pool.Command) {
	switch c := c.(type) {
	case pool.Create:
		w.boxes[c.Container] = &box{memory: c.Memory, starting: true, wanted: c.For != (pool.Key{})}
		if c.Expecting != (pool.Action{}) {
			w.withinShare(t, c)
		}
	case pool.Run:
		b := w.boxes[c.Container]
		if b == nil || b.starting || b.removing {
			t.Fatalf("run in a container that cannot: %+v", c)
		}
		if (c.Reason == pool.Unasked) == c.Init {
			t.Fatalf("reason %v of %+v", c.Reason, c)
		}
		if c.Init != (b.key == pool.Key{}) || b.key != (pool.Key{}) && b.key != c.Job.Key {
			t.Fatalf("container of %+v is to run %+v", b.key, c)
		}
		if b.key == (pool.Key{}) {
			b.limit = max(1, c.Job.Concurrency)
		}
		if !w.open[c.Job.ID] {
			t.Fatalf("job %s is run, but was not open", c.Job.ID)
		}
		b.key = c.Job.Key
		if b.jobs = append(b.jobs, c.Job); len(b.jobs) > b.limit {
			t.Fatalf("%d jobs in a container for %d", len(b.jobs), b.limit)
		}
	case pool.Remove:
		w.boxes[c.Container].removing = true
	case pool.Fail:
		w.end(t, c.Job)
	case pool.Refuse:
		w.end(t, c.Job)
	case pool.HandBack:
		w.end(t, c.Job)
	}
}

// withinShare holds a stem cell for an expected call against the share of stem cells.
func (w *world) withinShare(t *rapid.T, c pool.Create) {
	stems := 0
	for _, b := range w.boxes {
		if !b.removing && b.key == (pool.Key{}) && !b.wanted {
			stems += b.memory
		}
	}
	if stems > w.cfg.StemMemory {
		t.Fatalf("%+v makes it %d MB of stem cells, of %d", c, stems, w.cfg.StemMemory)
	}
}

func (w *world) end(t *rapid.T, j pool.Job) {
	if !w.open[j.ID] {
		t.Fatalf("job %s ends twice", j.ID)
	}
	delete(w.open, j.ID)
}

func (w *world) random(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
	if len(w.boxes) == 0 || rapid.Bool().Draw(t, "arrive") {
		w.arrive(t)
		return
	}
	ids := make([]int, 0, len(w.boxes))
	for id := range w.pool.Stats().Starting + 200 {
		if w.boxes[id] != nil {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		w.step(t, pool.Tick{})
		return
	}
	w.progress(t, rapid.SampledFrom(ids).Draw(t, "container"), rapid.IntRange(0, 9).Draw(t, "luck"))
}

func (w *world) arrive(t *rapid.T) {
	w.next++
	ns := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "namespace")
	j := pool.Job{
		ID:          fmt.Sprint("j", w.next),
		Key:         pool.Key{Namespace: ns, Action: ns + rapid.SampledFrom([]string{"/x", "/y"}).Draw(t, "action")},
		Kind:        "nodejs",
		Memory:      rapid.SampledFrom([]int{128, 256, 512}).Draw(t, "size"),
		Concurrency: 1,
	}
	if j.Key.Action == "a/y" {
		j.Concurrency = 3
	}
	j.Key.Revision = fmt.Sprint(j.Memory)
	w.open[j.ID] = true
	w.step(t, pool.Arrived{Job: j})
}

// progress lets something happen to the container that can happen to it.
func (w *world) progress(t *rapid.T, id, luck int) {
	b := w.boxes[id]
	switch {
	case b.removing:
		for _, j := range b.jobs {
			w.end(t, j) // removed under a running job: the shell ends it
		}
		delete(w.boxes, id)
		w.step(t, pool.Removed{Container: id})
	case b.starting && luck == 0:
		delete(w.boxes, id)
		w.step(t, pool.StartFailed{Container: id, Err: errors.New("bad luck")})
	case b.starting:
		b.starting, b.wanted = false, false
		w.step(t, pool.Started{Container: id})
	case len(b.jobs) == 0 && luck == 0:
		w.step(t, pool.Died{Container: id})
	case len(b.jobs) == 0:
		w.step(t, pool.Tick{})
	default:
		j := b.jobs[0]
		b.jobs = b.jobs[1:]
		if luck == 1 {
			w.step(t, pool.Returned{Container: id, Job: j})
			return
		}
		w.end(t, j)
		w.step(t, pool.Finished{Container: id, Keep: luck > 2})
	}
}

// settle lets everything come to an end, with good luck, and then drains.
func (w *world) settle(t *rapid.T) {
	w.exhaust(t, func() bool { return len(w.open) == 0 })
	w.step(t, pool.Drain{})
	w.exhaust(t, func() bool { return len(w.boxes) == 0 })
	if s := w.pool.Stats(); s != (pool.Stats{}) {
		t.Fatalf("left after the drain: %+v", s)
	}
}

func (w *world) exhaust(t *rapid.T, done func() bool) {
	for range 2000 {
		if done() {
			return
		}
		for id := range 2000 {
			if b := w.boxes[id]; b != nil && (b.starting || b.removing || len(b.jobs) > 0) {
				w.progress(t, id, 5)
				break
			}
		}
	}
	t.Fatalf("stuck with %d open jobs, %d containers, %+v", len(w.open), len(w.boxes), w.pool.Stats())
}
