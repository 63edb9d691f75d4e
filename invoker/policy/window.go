package policy

import (
	"time"

	"quirl/invoker/pool"
)

// A window is a time in which a call is met by a container: kept since the end of
// the last call when from is 0, else made ready again then.
type window struct {
	from, to time.Duration
	loss     float64 // MB·s that it is expected to cost for each call, cold starts included
}

// window returns the best one for what was learned.
func (l *Learned) window(s *sums, rank, memory int) window {
	last := min(s.percentile(l.Tail), bins-1)
	best := l.kept(s, last, float64(memory))
	if rank > 1 {
		return best
	}
	if ahead, ok := l.madeReady(s, last, float64(memory)); ok && ahead.loss < best.loss {
		return ahead
	}
	return best
}

// kept is the best window that begins with the end of a call. It reaches up to
// the high percentile at most, and only as far as the memory is worth it.
func (l *Learned) kept(s *sums, last int, memory float64) window {
	grace := bin(l.Grace - 1)
	best := window{to: l.Grace, loss: l.Worth*(1-s.n[grace+1]) + memory*s.spent(grace)}
	for i := grace + 1; i <= last; i++ {
		if loss := l.Worth*(1-s.n[i+1]) + memory*s.spent(i); loss < best.loss {
			best = window{to: l.wider(edge(i)), loss: loss}
		}
	}
	return best
}

// madeReady is the best window that begins shortly before the low percentile of
// the idle times that outlast the grace; false when that is too near to be worth
// a new container.
func (l *Learned) madeReady(s *sums, last int, memory float64) (best window, ok bool) {
	grace := bin(l.Grace - 1)
	early := s.n[grace+1]
	first := s.percentile(early + l.Head*(1-early))
	from := time.Duration(float64(edge(first-1)) * (1 - l.Margin))
	if first >= bins || from < l.Grace+l.Nearest {
		return window{}, false
	}
	// The bin in which the stem cell is made ready counts as missed.
	begin := bin(from)
	for i := first; i <= last; i++ {
		missed := s.n[begin] - early + 1 - s.n[i+1]
		loss := l.Worth*missed + memory*(s.spent(grace)+s.spent(i)-s.spent(begin-1)-(1-s.n[begin])*(from-edge(begin-1)).Seconds())
		if !ok || loss < best.loss {
			best, ok = window{from, l.wider(edge(i)), loss}, true
		}
	}
	return best, ok
}

// wider is a time with the margin, within the range.
func (l *Learned) wider(t time.Duration) time.Duration {
	return min(time.Duration(float64(t)*(1+l.Margin)), Range)
}

// plan is what a window means for a container.
func (l *Learned) plan(w window, pause time.Duration) pool.Plan {
	p := pool.Plan{Pause: pause, Keep: w.to}
	if w.from > 0 {
		p = pool.Plan{Pause: pause, Keep: l.Grace, Ahead: w.from, Until: w.to}
	}
	p.Pause = min(p.Pause, p.Keep)
	return p
}

// pause returns when it is worth pausing: as soon as few of the calls that come
// before longestRunning are still to come. So what is called in bursts is paused
// early, and what is called every few seconds not between its calls.
func (l *Learned) pause(s *sums) time.Duration {
	if l.Fixed.PauseAfter == 0 {
		return 0
	}
	latest := bin(min(longestRunning*l.Fixed.PauseAfter, Range) - 1)
	i := bin(min(l.Fixed.PauseAfter, earliestPause) - 1)
	for i < latest && s.n[latest+1]-s.n[i+1] > seldom {
		i++
	}
	return edge(i)
}
