package policy

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"quirl/invoker/pool"
)

// idleTimes are some, from those of a burst to some beyond the range.
func idleTimes() *rapid.Generator[time.Duration] {
	return rapid.Custom(func(t *rapid.T) time.Duration {
		unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, time.Hour}).Draw(t, "unit")
		return time.Duration(rapid.IntRange(0, 90).Draw(t, "idle")) * unit
	})
}

// drawn is a histogram of random idle times.
func drawn(t *rapid.T) *histogram {
	h := new(histogram)
	now := time.UnixMilli(0)
	for _, idle := range rapid.SliceOfN(idleTimes(), 1, 200).Draw(t, "idle times") {
		now = now.Add(idle)
		h.add(idle, now, 24*time.Hour)
	}
	return h
}

// TestPlans: a plan is in order, ends, and comes to nothing beyond the range, whatever was learned.
func TestPlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fixed := Fixed{
			PauseAfter: rapid.SampledFrom([]time.Duration{0, 50 * time.Millisecond, 10 * time.Second}).Draw(t, "pause"),
			KeepAlive:  rapid.SampledFrom([]time.Duration{5 * time.Second, 10 * time.Minute, 24 * time.Hour}).Draw(t, "keep"),
		}
		l := NewLearned(Default(fixed))
		a, now := pool.Action{Name: "a"}, time.UnixMilli(0)
		memory := rapid.SampledFrom([]int{128, 256, 2048}).Draw(t, "memory")
		for _, idle := range rapid.SliceOfN(idleTimes(), 1, 100).Draw(t, "idle times") {
			now = now.Add(idle)
			rank := rapid.IntRange(1, ranks+1).Draw(t, "rank")
			l.Busy(a, rank, now)
			p := l.Idle(a, rank, memory, now)
			longest := max(Range, fixed.KeepAlive)
			if p.Keep <= 0 || p.Keep > longest || p.Pause < 0 || (p.Pause == 0) != (fixed.PauseAfter == 0) || p.Pause > p.Keep && p != fixed.plan() {
				t.Fatalf("pause and keep of %+v", p)
			}
			if p.Ahead != 0 && (rank > 1 || p.Ahead < p.Keep || p.Until < p.Ahead || p.Until > Range) {
				t.Fatalf("ahead and until of %+v", p)
			}
			if p.Ahead == 0 && p.Until != 0 {
				t.Fatalf("until without ahead: %+v", p)
			}
		}
	})
}

// TestBins: every idle time is in the bin whose bounds it is between.
func TestBins(t *testing.T) {
	for i := range bins {
		if low, high := edge(i-1), edge(i); bin(low) != i || bin(high-1) != i || bin(high) != i+1 {
			t.Errorf("bin %d from %v to %v: %d, %d, %d", i, low, high, bin(low), bin(high-1), bin(high))
		}
	}
	if edge(bins-1) != Range || bin(100*Range) != bins {
		t.Errorf("the last bin ends at %v", edge(bins-1))
	}
}

// TestHistogramCounts: what is counted is the sum of what is in the bins, and fits.
func TestHistogramCounts(t *testing.T) {
	h := new(histogram)
	now := time.UnixMilli(0)
	for i := range 100_000 {
		idle := time.Second
		if i%3 == 0 {
			idle = 2 * Range
		}
		h.add(idle, now, time.Hour)
		if sum := uint32(h.counts[bin(time.Second)]) + h.beyond; sum != h.total {
			t.Fatalf("after %d idle times %d are in bins, %d counted", i+1, sum, h.total)
		}
	}
	if share := float64(h.beyond) / float64(h.total); math.Abs(share-1.0/3) > 0.02 {
		t.Errorf("a third is beyond the range, %.2f of the counts", share)
	}
}

// TestHistogramForgets: an idle time counts half after the half-life, and nothing at last.
func TestHistogramForgets(t *testing.T) {
	h := new(histogram)
	now := time.UnixMilli(0)
	for range 8 {
		h.add(time.Minute, now, time.Hour)
	}
	h.add(time.Minute, now.Add(time.Hour), time.Hour)
	for hours, want := range []int{1: 4 + 1, 2, 1, 0} {
		if h.age(now.Add(time.Duration(hours)*time.Hour), time.Hour); hours > 0 && h.samples() != want {
			t.Errorf("%d hours later %d count, want %d", hours, h.samples(), want)
		}
	}
	h.age(now.Add(1000*time.Hour), time.Hour)
	if h.total != 0 {
		t.Errorf("%d are left", h.total)
	}
}

// TestCurve: by the sums of its definition.
func TestCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		c := new(curve)
		c.sum(h)
		at := rapid.SampledFrom([]time.Duration{0, time.Second, 90 * time.Second, time.Hour, Range, 2 * Range}).Draw(t, "at")
		share, spent := 0.0, 0.0
		for i, n := range h.counts {
			low, high, part := edge(i-1), edge(i), float64(n)/float64(h.total)
			reached := min(1, max(0, float64(at-low)/float64(high-low)))
			share += part * reached
			spent += part * (reached*(low.Seconds()+reached*(high-low).Seconds()/2) + (1-reached)*at.Seconds())
		}
		spent += float64(h.beyond) / float64(h.total) * at.Seconds()
		gotShare, gotSpent := c.at(at)
		if math.Abs(gotShare-share) > 1e-9 || math.Abs(gotSpent-spent) > 1e-6 {
			t.Fatalf("by %v: %v of the calls, %v s; want %v, %v", at, gotShare, gotSpent, share, spent)
		}
	})
}

// TestWindows: none of all windows is better than those that are chosen.
func TestWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLearned(Default(Fixed{PauseAfter: 10 * time.Second, KeepAlive: 10 * time.Minute}))
		memory := rapid.SampledFrom([]int{128, 512, 4096}).Draw(t, "memory")
		c := new(curve)
		c.sum(drawn(t))
		gain := make([]float64, bins)
		for i := range gain {
			gain[i] = l.gain(c, edge(i), memory)
		}
		grace := bin(l.Grace) - 1
		kept, ahead := gain[grace], gain[grace]
		for to := grace + 1; to < bins; to++ {
			kept = max(kept, gain[to])
			for from := grace; from < to; from++ {
				ahead = max(ahead, gain[grace]+gain[to]-gain[from]-effort*l.Worth)
			}
		}
		gotKept, gotAhead := l.windows(c, memory)
		if math.Abs(gotKept.gain-kept) > 1e-6 || math.Abs(gotAhead.gain-ahead) > 1e-6 {
			t.Fatalf("kept %+v, ahead %+v; there are %v and %v", gotKept, gotAhead, kept, ahead)
		}
	})
}
