package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"quirl/invoker/policy"
	"quirl/invoker/pool"
)

// keepAlives are the fixed policies that the learned one is compared with. The
// one of ten minutes is OpenWhisk's.
var keepAlives = []time.Duration{
	15 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
	20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute,
}

// A result is one policy's outcome.
type result struct {
	name string
	keep time.Duration // of fixed policies
	outcome
}

// A comparison has the fixed policies, the shortest keep-alive first, and the learned one.
type comparison struct {
	fixed   []result
	learned result
}

// compare replays a trace under all policies, as many at once as there are cores.
func compare(t *trace, o options) comparison {
	arrivals := t.arrivals()
	c := comparison{fixed: make([]result, len(keepAlives))}
	var all sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	do := func(into *result, p pool.Policy) {
		all.Go(func() {
			free <- struct{}{}
			into.outcome = replay(t, arrivals, o.world, p)
			<-free
		})
	}
	c.learned.name = "learned"
	do(&c.learned, policy.NewLearned(o.learned))
	for i, keep := range keepAlives {
		c.fixed[i] = result{name: "fixed, " + short(keep), keep: keep}
		do(&c.fixed[i], policy.Fixed{PauseAfter: openWhisk.PauseAfter, KeepAlive: keep})
	}
	all.Wait()
	return c
}

func short(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

// cold is the share of calls for which a container had to be made.
func (o *outcome) cold() float64 { return float64(o.Cold) / float64(o.Calls) }

// cold75 is the share of cold calls that three quarters of the apps stay below.
func (o *outcome) cold75() float64 {
	apps := slices.Sorted(slices.Values(o.Apps))
	return apps[len(apps)*3/4]
}

// coldMean is the mean of the apps' shares of cold calls: what an owner of an app sees.
func (o *outcome) coldMean() float64 {
	sum := 0.0
	for _, share := range o.Apps {
		sum += share
	}
	return sum / float64(len(o.Apps))
}

// like is the memory-time that a fixed policy would have whose measure is equal:
// on a straight line between its neighbours. When even the longest keep-alive
// does worse, it is the memory-time of that one, which is too little, and more is true.
func like(fixed []result, measure, memory func(*outcome) float64, want float64) (mb float64, more bool) {
	for i := range fixed {
		if measure(&fixed[i].outcome) > want {
			continue
		}
		if i == 0 {
			return memory(&fixed[0].outcome), false
		}
		low, high := &fixed[i-1].outcome, &fixed[i].outcome
		part := (measure(low) - want) / (measure(low) - measure(high))
		return memory(low) + part*(memory(high)-memory(low)), false
	}
	return memory(&fixed[len(fixed)-1].outcome), true
}

// ratio is the learned policy's memory-time, as a share of that of the fixed one
// which is equal by a measure; none when that tells no two policies apart.
func (c *comparison) ratio(measure, memory func(*outcome) float64) (share float64, less, none bool) {
	want := measure(&c.learned.outcome)
	mb, more := like(c.fixed, measure, memory, want)
	return memory(&c.learned.outcome) / mb, more, want >= measure(&c.fixed[0].outcome)
}

func idleMemory(o *outcome) float64  { return o.Idle }
func totalMemory(o *outcome) float64 { return o.Total }

// measures are what policies can be equal by.
var measures = []struct {
	name string
	of   func(*outcome) float64
}{
	{"share of cold calls", (*outcome).cold},
	{"mean of the apps' shares", (*outcome).coldMean},
	{"P75 of the apps' shares", (*outcome).cold75},
}

// report prints what came of it, as the documents have it.
func report(w io.Writer, t *trace, c comparison) error {
	p := &printer{w: w}
	apps := make(map[string]bool)
	for _, f := range t.Functions {
		apps[f.App] = true
	}
	p.line("%d calls of %d functions in %d apps, %d days\n", c.learned.Calls, len(t.Functions), len(apps), t.Days)
	p.line("| policy | cold calls | mean of apps | P75 of apps | idle GB·h | all GB·h | resumed calls | evictions | made ready: used | taken by others | in vain |")
	p.line("|---|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range append(slices.Clone(c.fixed), c.learned) {
		n := r.Counters
		p.line("| %s | %.2f %% | %.1f %% | %.1f %% | %.1f | %.1f | %.1f %% | %d | %d | %d | %d |", r.name, 100*r.cold(), 100*r.coldMean(), 100*r.cold75(),
			gigabyteHours(r.Idle), gigabyteHours(r.Total), 100*float64(r.Resumed)/float64(r.Calls), n.Evictions, n.PrewarmedUsed, n.PrewarmedTaken, n.PrewarmedUnused)
	}
	p.line("")
	for _, m := range measures {
		idle, less, none := c.ratio(m.of, idleMemory)
		total, _, _ := c.ratio(m.of, totalMemory)
		if none {
			p.line("The %s tells no two policies apart here.", m.name)
			continue
		}
		p.line("At an equal %s the learned policy has %s%.0f %% of the fixed one's idle memory-time, and %.0f %% of all.", m.name, upTo(less), 100*idle, 100*total)
	}
	if n := c.learned.Refused; n > 0 {
		p.line("%d calls were refused.", n)
	}
	return p.err
}

func upTo(less bool) string {
	if less {
		return "less than "
	}
	return ""
}

func gigabyteHours(mbSeconds float64) float64 {
	return math.Round(mbSeconds/1024/3600*10) / 10
}

// A printer remembers the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
