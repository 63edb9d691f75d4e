package policy

import (
	"time"

	"quirl/invoker/pool"
)

// effort is what it costs to make a container ready ahead of a call, as a share of
// what a cold start is worth: the same work, but nobody waits for it.
const effort = 0.1

// A window is a time in which a call is met by a container: kept since the end of
// the last call when from is 0, else made ready again then.
type window struct {
	from, to time.Duration
	gain     float64 // MB·s for each call: cold starts that were avoided, less the memory that waited
}

// gain is what it is good for to have a container from the end of a call until t:
// the worth of the calls that it meets, less its memory-time until they come.
// That of a time in between is the difference of two gains.
func (l *Learned) gain(c *curve, t time.Duration, memory int) float64 {
	share, spent := c.at(t)
	return l.Worth*share - float64(memory)*spent
}

// window returns the best one. Only the first container of an action is made
// ready ahead: the others are for calls that come together, which says nothing
// of when they come.
func (l *Learned) window(c *curve, rank, memory int) window {
	kept, ahead := l.windows(c, memory)
	if rank == 1 && ahead.gain > kept.gain {
		return ahead
	}
	return kept
}

// windows returns the best window that begins with the end of the call, and the
// best one that begins later, after a container was kept for the grace. One look
// at each bin is enough: whatever a window ends with, it had best begin where the
// gain was least before.
func (l *Learned) windows(c *curve, memory int) (kept, ahead window) {
	grace := l.gain(c, l.Grace, memory)
	kept = window{to: l.Grace, gain: grace}
	ahead = kept
	begin, least := l.Grace, grace
	for i := bin(l.Grace); i < bins; i++ {
		t := edge(i)
		gain := l.gain(c, t, memory)
		if gain > kept.gain {
			kept = window{to: l.later(t), gain: gain}
		}
		if both := grace + gain - least - effort*l.Worth; both > ahead.gain {
			ahead = window{l.sooner(begin), l.later(t), both}
		}
		if gain < least {
			begin, least = t, gain
		}
	}
	return kept, ahead
}

// later is a time with the margin behind it, within the range.
func (l *Learned) later(t time.Duration) time.Duration {
	return min(time.Duration(float64(t)*(1+l.Margin)), Range)
}

// sooner is a time with the margin before it, after the grace.
func (l *Learned) sooner(t time.Duration) time.Duration {
	return max(time.Duration(float64(t)*(1-l.Margin)), l.Grace)
}

// plan is what a window means for a container.
func (l *Learned) plan(w window, pause time.Duration) pool.Plan {
	if w.from > l.Grace {
		return pool.Plan{Pause: min(pause, l.Grace), Keep: l.Grace, Ahead: w.from, Until: w.to}
	}
	return pool.Plan{Pause: min(pause, w.to), Keep: w.to}
}

// pause returns when it is worth pausing: as soon as few of the calls that come
// before longestRunning are still to come. So what is called in bursts is paused
// early, and what is called every few seconds not between its calls.
func (l *Learned) pause(c *curve) time.Duration {
	if l.Fixed.PauseAfter == 0 {
		return 0
	}
	latest := longestRunning * l.Fixed.PauseAfter
	soon, _ := c.at(latest)
	for i := bin(min(earliestPause, l.Fixed.PauseAfter) - 1); i < bins && edge(i) < latest; i++ {
		if soon-c.share[i+1] <= seldom {
			return edge(i)
		}
	}
	return latest
}
