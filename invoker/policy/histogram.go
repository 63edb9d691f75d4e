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

// bin returns where an idle time belongs, its lower bound included; bins when it
// is beyond the range.
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
	h.age(now, halfLife)
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

// age halves what is there once for each half-life that has passed.
func (h *histogram) age(now time.Time, halfLife time.Duration) {
	for h.total > 0 && now.Sub(h.halved) >= halfLife {
		h.halve()
		h.halved = h.halved.Add(halfLife)
	}
	if h.total == 0 {
		h.halved = now
	}
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
