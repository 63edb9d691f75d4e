package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A shape says what synthetic trace to make.
type shape struct {
	Seed       uint64
	Apps, Days int
}

// generate makes a trace with the distributions that Shahrad et al. publish in
// "Serverless in the Wild" (USENIX ATC 2020) of all of Azure Functions:
//
//   - functions per app: 54 % have one, 95 % at most 10 (figure 1);
//   - triggers: 43 % of the apps have HTTP alone, 13 % timers alone, 16 % timers and
//     others; 29 % have timers (figure 3);
//   - calls per app: 45 % have one an hour or fewer on average, 81 % one a minute
//     or fewer (figure 5); the rest has nearly all calls (18.6 % have 99.6 %);
//   - a daily rhythm over a constant half (figure 4);
//   - times between calls: 40 % of the apps have a coefficient of variation above 1,
//     timers none, and some apps without timers hardly any (figure 6);
//   - execution times: log-normal, log mean -0.38, σ 2.36, in seconds (figure 7);
//   - memory: Burr, c 11.652, k 0.221, λ 107.083 MB (figure 8).
//
// What is not published, as what a burst looks like, is ours, and so is a bound:
// nobody is called more often than busiest, for what is always in use tells one
// policy from another no better when it is called a thousand times as often.
func generate(s shape) *trace {
	t := &trace{Days: s.Days}
	for i := range s.Apps {
		g := &maker{Rand: rand.New(rand.NewPCG(s.Seed, uint64(i))), days: s.Days}
		t.Functions = append(t.Functions, g.app(s, i)...)
	}
	return t
}

// busiest is how many calls a day an app has at most.
const busiest = 30_000

// A maker makes one app.
type maker struct {
	*rand.Rand
	days int
}

func (g *maker) app(s shape, number int) []*function {
	memory := g.memory()
	rate := g.rate()
	triggers := g.triggers()
	weights := make([]float64, len(triggers))
	sum := 0.0
	for i := range weights {
		weights[i] = g.ExpFloat64() + 0.05
		sum += weights[i]
	}
	id := func(sort string, n int) string { return fmt.Sprintf("%s%x-%04d-%02d", sort, s.Seed, number, n) }
	var app []*function
	for i, trigger := range triggers {
		share := rate * weights[i] / sum
		f := &function{Owner: id("o", 0), App: id("a", 0), Name: id("f", i), Trigger: trigger, Memory: memory}
		f.Lasts = g.lasts(share)
		if f.Calls = g.calls(trigger, share); len(f.Calls) > 0 {
			app = append(app, f)
		}
	}
	return app
}

// memory is drawn from the Burr distribution.
func (g *maker) memory() float64 {
	const c, k, lambda = 11.652, 0.221, 107.083
	return math.Round(min(1024, lambda*math.Pow(math.Pow(1-g.Float64(), -1/k)-1, 1/c)))
}

// rate is an app's calls per day: between what is published, it grows evenly in the logarithm.
func (g *maker) rate() float64 {
	points := []struct{ share, rate float64 }{{0, 0.3}, {0.45, 24}, {0.81, 1440}, {1, busiest}}
	at := g.Float64()
	for i := 1; ; i++ {
		low, high := points[i-1], points[i]
		if at <= high.share {
			part := (at - low.share) / (high.share - low.share)
			return low.rate * math.Pow(high.rate/low.rate, part)
		}
	}
}

// triggers are those of an app's functions.
func (g *maker) triggers() []string {
	others := []string{"http", "http", "http", "http", "queue", "queue", "orchestration", "storage", "event", "others"}
	of := func(names ...string) string { return names[g.IntN(len(names))] }
	n := g.functions()
	triggers := make([]string, n)
	switch sort := g.Float64(); {
	case sort < 0.43:
		fill(triggers, func() string { return "http" })
	case sort < 0.56:
		fill(triggers, func() string { return "timer" })
	case sort < 0.72:
		if n == 1 {
			triggers = make([]string, 2)
		}
		fill(triggers, func() string { return of(others...) })
		triggers[0] = "timer"
	default:
		fill(triggers, func() string { return of(others[4:]...) })
	}
	return triggers
}

func fill(list []string, next func() string) {
	for i := range list {
		list[i] = next()
	}
}

// functions is how many an app has. A part of the apps with one gets a second
// one, for their timer, which is why more have one here than are published.
func (g *maker) functions() int {
	switch at := g.Float64(); {
	case at < 0.6:
		return 1
	case at < 0.95:
		return 2 + int(8*math.Pow(g.Float64(), 2))
	}
	return 11 + g.IntN(10)
}

// lasts are the percentiles of an execution time. What is called often does not
// last so long that more than about two are under way at once.
func (g *maker) lasts(rate float64) (lasts [len(percentiles)]time.Duration) {
	const sigma, longest = 0.4, 60
	mean := math.Exp(-0.38 + 2.36*g.NormFloat64())
	mean = min(max(mean, 0.001), longest, 2*86_400/rate)
	for i, deviations := range [...]float64{-3, -2.33, -0.67, 0, 0.67, 2.33, 3} {
		seconds := mean * math.Exp(sigma*deviations)
		lasts[i] = time.Duration(max(1, math.Round(seconds*1000))) * time.Millisecond
	}
	return lasts
}

// calls makes the calls of a function with that many a day on average.
func (g *maker) calls(trigger string, rate float64) []minute {
	var at []float64 // in minutes
	switch sort := g.Float64(); {
	case trigger == "timer":
		at = g.regular(timerPeriod(rate), 0)
	case sort < 0.35: // machines, more or less punctual
		at = g.regular(dayMinutes/rate, 0.6*g.Float64())
	case sort < 0.7:
		at = g.random(rate)
	default:
		at = g.bursts(rate)
	}
	return g.count(at)
}

// timerPeriod is the usual one, in minutes, that is nearest to a rate.
func timerPeriod(rate float64) float64 {
	usual := []float64{1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440}
	return slices.MinFunc(usual, func(a, b float64) int {
		off := func(period float64) float64 { return math.Abs(math.Log(period * rate / dayMinutes)) }
		if off(a) < off(b) {
			return -1
		}
		return 1
	})
}

// regular is every period, give or take a share of it.
func (g *maker) regular(period, jitter float64) (at []float64) {
	for t := g.Float64() * period; t < g.end(); t += period {
		at = append(at, t+jitter*period*g.NormFloat64())
	}
	return at
}

// random is a Poisson process with a daily rhythm.
func (g *maker) random(rate float64) (at []float64) {
	for t := 0.0; ; {
		t += g.ExpFloat64() * dayMinutes / (rate * 1.5)
		if t >= g.end() {
			return at
		}
		if g.Float64()*1.5 < rhythm(t) {
			at = append(at, t)
		}
	}
}

// rhythm is 1 on average, and half of it is constant.
func rhythm(t float64) float64 { return 1 + 0.5*math.Sin(2*math.Pi*t/dayMinutes) }

// bursts are some calls each, at times that are a Poisson process.
func (g *maker) bursts(rate float64) (at []float64) {
	size := 1 + g.ExpFloat64()*8
	gap := math.Exp(-1 + 1.2*g.NormFloat64()) // minutes
	for _, begin := range g.random(rate / size) {
		for t := begin; t < g.end(); t += gap * g.ExpFloat64() {
			at = append(at, t)
			if g.Float64() < 1/size {
				break
			}
		}
	}
	return at
}

func (g *maker) end() float64 { return float64(g.days * dayMinutes) }

// count tells how many calls each minute has.
func (g *maker) count(at []float64) (calls []minute) {
	slices.Sort(at)
	for _, t := range at {
		m := int(t)
		if t < 0 || t >= g.end() {
			continue
		}
		if n := len(calls); n > 0 && calls[n-1].at == m {
			calls[n-1].calls++
		} else {
			calls = append(calls, minute{m, 1})
		}
	}
	return calls
}
