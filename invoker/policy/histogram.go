package policy

import (
	"math"
	"time"
)

// Range is the longest idle time that is told from longer ones. Nothing is kept,
// or made ready, for longer than that because of what was learned.
const Range = 4 * time.Hour

const (
	minutes = int(Range / time.Minute)
	// weight is what one idle time counts, so that it is still there after some halvings.
	weight = 16
)

// fine are the upper bounds of the bins of the first minute. A container here
// starts within milliseconds and pauses within less, so that seconds matter: whether
// to pause after one or after fifteen is decided by them. From one minute on,
// bins are a minute wide.
var fine = [...]time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second,
	20 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute,
}

// bins is how many there are; what is beyond the range is counted apart.
const bins = len(fine) + minutes - 1

// edge returns the upper bound of a bin; that of -1 is 0.
func edge(i int) time.Duration {
	switch {
	case i < 0:
		return 0
	case i < len(fine):
		return fine[i]
	}
	return time.Duration(i-len(fine)+2) * time.Minute
}

// bin returns where an idle time belongs; bins when it is beyond the range.
func bin(idle time.Duration) int {
	if idle >= time.Minute {
		return min(len(fine)+int(idle/time.Minute)-1, bins)
	}
	for i, upper := range fine {
		if idle < upper {
			return i
		}
	}
	return len(fine)
}

// A histogram counts idle times, those of long ago less than those of now. It has
// about 500 bytes.
type histogram struct {
	counts [bins]uint16
	beyond uint32 // the range
	total  uint32 // all of them
	halved time.Time
}

// add counts an idle time that ended at now.
func (h *histogram) add(idle time.Duration, now time.Time, halfLife time.Duration) {
	if h.halved.IsZero() {
		h.halved = now
	}
	for halfLife > 0 && h.total > 0 && now.Sub(h.halved) >= halfLife {
		h.halve()
		h.halved = h.halved.Add(halfLife)
	}
	if h.total == 0 {
		h.halved = now
	}
	i := bin(max(idle, 0))
	if i < bins && h.counts[i] > math.MaxUint16-weight || h.beyond > math.MaxUint16 {
		h.halve()
	}
	if i < bins {
		h.counts[i] += weight
	} else {
		h.beyond += weight
	}
	h.total += weight
}

// halve lets everything count half of what it did.
func (h *histogram) halve() {
	h.beyond /= 2
	h.total = h.beyond
	for i := range h.counts {
		h.counts[i] /= 2
		h.total += uint32(h.counts[i])
	}
}

// samples is how many idle times are counted, as if they were of now.
func (h *histogram) samples() int { return int(h.total) / weight }

// variation is the coefficient of variation of the counts per minute of the
// range: near 0 when all idle times are equally frequent, which is to know nothing.
func (h *histogram) variation() float64 {
	var sum, squares float64
	note := func(n float64) {
		sum += n
		squares += n * n
	}
	first := 0.0
	for i, n := range h.counts {
		if i < len(fine) {
			first += float64(n)
		} else {
			note(float64(n))
		}
	}
	note(first)
	if sum == 0 {
		return 0
	}
	mean := sum / float64(minutes)
	return math.Sqrt(max(0, squares/float64(minutes)-mean*mean)) / mean
}

// sums are the histogram summed up: what can be asked of it at once.
type sums struct {
	n [bins + 1]float64 // share of the idle times that are in the first i bins
	t [bins + 1]float64 // the seconds of those, per idle time of all
}

func (h *histogram) sums() *sums {
	s := new(sums)
	all := float64(h.total)
	for i, count := range h.counts {
		share := float64(count) / all
		middle := (edge(i-1) + edge(i)).Seconds() / 2
		s.n[i+1] = s.n[i] + share
		s.t[i+1] = s.t[i] + share*middle
	}
	return s
}

// percentile returns the first bin up to which the share of idle times is at
// least p; bins when that is beyond the range.
func (s *sums) percentile(p float64) int {
	for i := range bins {
		if s.n[i+1] >= p-1e-9 {
			return i
		}
	}
	return bins
}

// spent returns the expected seconds of an idle time that are before edge(i).
func (s *sums) spent(i int) float64 { return s.t[i+1] + (1-s.n[i+1])*edge(i).Seconds() }
