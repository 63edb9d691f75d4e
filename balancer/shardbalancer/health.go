package shardbalancer

import (
	"time"

	"quirl/balancer"
)

// Source of the numbers: OpenWhisk, the contract of its supervision of invokers.
const (
	// silence is after how long without a word an invoker is taken to be down.
	silence = 10 * time.Second
	// remembered is how many outcomes say how an invoker is, and tolerated how many of them may be bad.
	remembered = 10
	tolerated  = 3
	// probeEvery is how often an invoker that is not well is tried.
	probeEvery = time.Minute
)

// A health is what is known of how an invoker is.
type health struct {
	heard    time.Time // the last word
	enabled  bool      // as it says itself
	outcomes []balancer.Outcome
	probed   time.Time
}

// state is the one at now.
func (h *health) state(now time.Time) balancer.State {
	switch {
	case !h.enabled || now.Sub(h.heard) > silence:
		return balancer.Down
	case h.count(balancer.TimedOut) > tolerated:
		return balancer.Unresponsive
	case h.count(balancer.SystemError) > tolerated:
		return balancer.Unhealthy
	}
	return balancer.Up
}

func (h *health) count(o balancer.Outcome) (n int) {
	for _, outcome := range h.outcomes {
		if outcome == o {
			n++
		}
	}
	return n
}

// note remembers an outcome.
func (h *health) note(o balancer.Outcome) {
	if len(h.outcomes) == remembered {
		h.outcomes = append(h.outcomes[:0], h.outcomes[1:]...)
	}
	h.outcomes = append(h.outcomes, o)
	if o == balancer.Completed {
		h.probed = time.Time{} // after a success the next one may follow at once
	}
}

// dueProbe says whether it is to be tried now, and notes that it is.
func (h *health) dueProbe(now time.Time) bool {
	s := h.state(now)
	if s == balancer.Up || s == balancer.Down || now.Sub(h.probed) < probeEvery {
		return false
	}
	h.probed = now
	return true
}
