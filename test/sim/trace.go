package main

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// dayMinutes are the columns of a day.
const dayMinutes = 24 * 60

// A trace is who was called when, as the published files tell it.
type trace struct {
	Days      int
	Functions []*function // in the order of app and name
}

// A function is an action here; its app's memory is its memory limit.
type function struct {
	Owner, App, Name, Trigger string
	// Calls are the minutes with calls, in order, from the first day's first one.
	Calls []minute
	// Lasts has the execution time at each of percentiles.
	Lasts [len(percentiles)]time.Duration
	// Memory is the average of what the app has allocated, in MB.
	Memory float64
}

// minute is how many calls there were in one.
type minute struct{ at, calls int }

// percentiles are those that the files tell of execution times.
var percentiles = [...]int{0, 1, 25, 50, 75, 99, 100}

const (
	// unknownTime and unknownMemory are for functions and apps of which the trace
	// tells calls alone: about the medians of the published distributions.
	unknownTime   = 700 * time.Millisecond
	unknownMemory = 170
	// memoryStep is what memory limits are multiples of, in MB.
	memoryStep = 64
)

func (t *trace) calls() (n int) {
	for _, f := range t.Functions {
		for _, m := range f.Calls {
			n += m.calls
		}
	}
	return n
}

// limit is the memory limit of a function's action, in MB.
func (f *function) limit() int {
	steps := int(f.Memory+memoryStep-1) / memoryStep
	return max(2, steps) * memoryStep
}

// An arrival is one call: what the files tell only by minute has a time here.
type arrival struct {
	at, lasts time.Duration
	function  int
}

// arrivals gives every call its time. Timers ring at the same second of each of
// their minutes; all else is anywhere in its minute.
func (t *trace) arrivals() []arrival {
	all := make([]arrival, 0, t.calls())
	for i, f := range t.Functions {
		r := rand.New(rand.NewPCG(f.seed(), 1))
		phase := time.Duration(r.Int64N(int64(time.Minute)))
		for _, m := range f.Calls {
			begin := time.Duration(m.at) * time.Minute
			for range m.calls {
				at := begin + phase
				if f.Trigger != "timer" {
					at = begin + time.Duration(r.Int64N(int64(time.Minute)))
				}
				all = append(all, arrival{at, f.lasts(r.Float64()), i})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
	return all
}

// seed is the function's own, so that one more function changes nothing for others.
func (f *function) seed() uint64 {
	h := fnv.New64a()
	h.Write([]byte(strings.Join([]string{f.Owner, f.App, f.Name}, "/")))
	return h.Sum64()
}

// lasts is the execution time at a share of the distribution.
func (f *function) lasts(share float64) time.Duration {
	at := share * 100
	for i := 1; i < len(percentiles); i++ {
		low, high := float64(percentiles[i-1]), float64(percentiles[i])
		if at <= high {
			from, to := f.Lasts[i-1], f.Lasts[i]
			return from + time.Duration(float64(to-from)*(at-low)/(high-low))
		}
	}
	return f.Lasts[len(f.Lasts)-1]
}
