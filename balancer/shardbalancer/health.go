package shardbalancer

import (
	"time"

	"quirl/balancer"
)

// Source of the first three: OpenWhisk, the contract of its supervision of invokers.
const (
	// silence is after how long without a word an invoker is taken to be down.
	silence = 10 * time.Second
	// remembered is how many outcomes say how an invoker is, and tolerated how many of them may be bad.
	remembered = 10
	tolerated  = 3
	// forgiven is after how long an outcome says nothing any more: then an invoker that was not well is
	// tried again, with work as it comes.
	forgiven = time.Minute
)

// A health is what is known of how an invoker is.
type health struct {
	heard    time.Time // the last word
	enabled  bool      // as it says itself
	outcomes []ending  // the last ones
}

// An ending is an outcome, and when it came.
type ending struct {
	balancer.Outcome
	at time.Time
}

// state is the one at now.
func (h *health) state(now time.Time) balancer.State {
	switch {
	case !h.enabled || now.Sub(h.heard) > silence:
		return balancer.Down
	case h.count(balancer.TimedOut, now) > tolerated:
		return balancer.Unresponsive
	case h.count(balancer.SystemError, now) > tolerated:
		return balancer.Unhealthy
	}
	return balancer.Up
}

func (h *health) count(o balancer.Outcome, now time.Time) (n int) {
	for _, e := range h.outcomes {
		if e.Outcome == o && now.Sub(e.at) < forgiven {
			n++
		}
	}
	return n
}

// note remembers an outcome.
func (h *health) note(o balancer.Outcome, now time.Time) {
	if len(h.outcomes) == remembered {
		h.outcomes = append(h.outcomes[:0], h.outcomes[1:]...)
	}
	h.outcomes = append(h.outcomes, ending{o, now})
}
