package pool

import (
	"slices"
	"time"
)

// Step tells the pool what happened at now and returns what is to be done, in
// that order. Events of containers that the pool does not know are ignored: they
// cross with a Remove on the way.
func (p *Pool) Step(e Event, now time.Time) []Command {
	s := step{Pool: p, now: now}
	switch e := e.(type) {
	case Arrived:
		s.arrived(e.Job)
	case Started:
		s.started(p.cells[e.Container])
	case StartFailed:
		s.startFailed(p.cells[e.Container], e.Err)
	case Finished:
		s.finished(p.cells[e.Container], e.Keep)
	case Returned:
		s.returned(p.cells[e.Container], e.Job)
	case Died:
		s.remove(p.cells[e.Container], "its process ended")
	case Removed:
		s.removed(p.cells[e.Container])
	case Withdrawn:
		p.waiting.withdraw(e.Job.Key, e.Job.ID)
	case Tick:
		s.expire()
	case Drain:
		s.drain()
	}
	s.place()
	s.refill()
	return s.commands
}

// A step is the pool while it handles one event.
type step struct {
	*Pool
	now      time.Time
	commands []Command
}

func (s *step) do(c Command) { s.commands = append(s.commands, c) }

func (s *step) arrived(j Job) {
	switch {
	case s.draining:
		s.do(HandBack{j})
	case s.waiting.of(j.Key) == 0 && s.runWarm(j):
	case s.waiting.count >= s.cfg.Queue:
		s.do(Refuse{j})
	case j.Memory > s.cfg.Memory:
		s.do(Fail{j, ErrTooLarge})
	default:
		s.waiting.add(j, false)
	}
}

// runWarm runs the job in an initialized container of its action, the most
// recently used one with room.
func (s *step) runWarm(j Job) bool {
	cells := s.byKey[j.Key]
	for i := len(cells) - 1; i >= 0; i-- {
		if c := cells[i]; c.hasRoom() {
			s.run(c, j, Warm)
			return true
		}
	}
	return false
}

// run puts the job into the container.
func (s *step) run(c *cell, j Job, start Start) {
	s.do(Run{c.id, j, start != Warm, c.state == paused, start})
	if start != Warm {
		s.leaveStems(c)
		c.key, c.concurrency = j.Key, max(1, j.Concurrency)
		s.byKey[j.Key] = append(s.byKey[j.Key], c)
	} else {
		moveLast(s.byKey[j.Key], c)
	}
	c.state, c.since = busy, s.now
	c.active++
}

func (s *step) leaveStems(c *cell) {
	if c.state == stem {
		s.stems[c.mould] = slices.DeleteFunc(s.stems[c.mould], func(o *cell) bool { return o == c })
	}
}

func (s *step) started(c *cell) {
	if c == nil || c.state != starting {
		return
	}
	s.starts--
	c.state, c.since = stem, s.now
	if j, ok := s.jobFor(c); ok {
		s.run(c, j, Cold)
		return
	}
	if s.draining {
		s.stems[c.mould] = append(s.stems[c.mould], c)
		s.remove(c, "draining")
		return
	}
	c.wanted = Key{}
	s.stems[c.mould] = append(s.stems[c.mould], c)
}

// jobFor takes the job that a new container should run: one of the action that
// caused it, else the next one that fits.
func (s *step) jobFor(c *cell) (Job, bool) {
	if c.wanted != (Key{}) && s.waiting.of(c.wanted) > 0 {
		return s.waiting.take(c.wanted), true
	}
	for _, key := range s.waiting.inTurn() {
		if s.waiting.head(key).mould() == c.mould {
			return s.waiting.take(key), true
		}
	}
	return Job{}, false
}

func (s *step) startFailed(c *cell, err error) {
	if c == nil {
		return
	}
	wanted := c.wanted
	s.starts--
	s.forget(c)
	if wanted != (Key{}) && s.waiting.of(wanted) > 0 {
		s.do(Fail{s.waiting.take(wanted), err})
	}
}

func (s *step) finished(c *cell, keep bool) {
	if c == nil || c.state != busy {
		return
	}
	c.active--
	c.doomed = c.doomed || !keep
	c.since = s.now
	switch {
	case c.doomed && c.active > 0:
	case c.doomed:
		s.remove(c, "not reusable")
	case s.mustYield(c):
		if c.active == 0 {
			s.remove(c, "another namespace waits")
		}
	case s.waiting.of(c.key) > 0:
		s.run(c, s.waiting.take(c.key), Warm)
	case c.active == 0:
		c.state = idle
	}
}

func (s *step) returned(c *cell, j Job) {
	s.waiting.add(j, true)
	s.finished(c, false)
}

// mustYield says whether the container's namespace has more than its share
// while another one, which has less, waits for capacity. Shares are equal among
// the namespaces that run or wait.
func (s *step) mustYield(c *cell) bool {
	ns := c.key.Namespace
	others := len(s.waiting.turns)
	if len(s.waiting.keys[ns]) > 0 {
		others--
	}
	if others == 0 {
		return false
	}
	running := make(map[string]int) // MB busy, by namespace
	for _, o := range s.cells {
		if o.state == busy && o.key != (Key{}) {
			running[o.key.Namespace] += o.mould.memory
		}
	}
	active := len(running)
	for _, n := range s.waiting.turns {
		if _, ok := running[n]; !ok {
			active++
		}
	}
	share := s.cfg.Memory / active
	if running[ns] <= share {
		return false
	}
	for _, n := range s.waiting.turns {
		if n != ns && running[n] < share && s.leaving < c.mould.memory {
			return true
		}
	}
	return false
}

// remove begins the end of a container. Its memory stays counted until Removed.
func (s *step) remove(c *cell, why string) {
	if c == nil || c.state == removing {
		return
	}
	s.leaveStems(c)
	s.leaveKey(c)
	if c.state == starting {
		s.starts--
	}
	c.state, c.doomed = removing, true
	s.leaving += c.mould.memory
	s.do(Remove{c.id, why})
}

func (s *step) leaveKey(c *cell) {
	if c.key == (Key{}) {
		return
	}
	cells := slices.DeleteFunc(s.byKey[c.key], func(o *cell) bool { return o == c })
	if len(cells) == 0 {
		delete(s.byKey, c.key)
	} else {
		s.byKey[c.key] = cells
	}
}

func (s *step) removed(c *cell) {
	if c == nil {
		return
	}
	if c.state == removing {
		s.leaving -= c.mould.memory
	}
	s.forget(c)
}

func (s *step) forget(c *cell) {
	s.leaveStems(c)
	s.leaveKey(c)
	s.used -= c.mould.memory
	delete(s.cells, c.id)
}

func (s *step) create(m mould, wanted Key) {
	s.nextID++
	s.cells[s.nextID] = &cell{id: s.nextID, mould: m, state: starting, wanted: wanted, since: s.now}
	s.used += m.memory
	s.starts++
	s.do(Create{s.nextID, m.kind, m.image, m.memory, wanted})
}

// expire pauses and removes what was not used for long enough.
func (s *step) expire() {
	for _, c := range s.inOrder() {
		unused := s.now.Sub(c.since)
		switch {
		case (c.state == idle || c.state == paused) && s.cfg.KeepAlive > 0 && unused >= s.cfg.KeepAlive:
			s.remove(c, "unused")
		case c.state == idle && s.cfg.PauseAfter > 0 && unused >= s.cfg.PauseAfter:
			c.state = paused
			s.do(Pause{c.id})
		case c.state == stem && s.excessStem(c.mould) && s.cfg.KeepAlive > 0 && unused >= s.cfg.KeepAlive:
			s.remove(c, "unused")
		}
	}
}

// Next returns when the pool next wants a Tick, the zero time for never.
func (p *Pool) Next() time.Time {
	var next time.Time
	for _, c := range p.cells {
		var at time.Time
		switch {
		case c.state == idle && p.cfg.PauseAfter > 0 && (p.cfg.KeepAlive == 0 || p.cfg.PauseAfter < p.cfg.KeepAlive):
			at = c.since.Add(p.cfg.PauseAfter)
		case (c.state == idle || c.state == paused || c.state == stem && p.excessStem(c.mould)) && p.cfg.KeepAlive > 0:
			at = c.since.Add(p.cfg.KeepAlive)
		default:
			continue
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

func (s *step) drain() {
	s.draining = true
	for _, j := range s.waiting.all() {
		s.do(HandBack{j})
	}
	for _, c := range s.inOrder() {
		switch c.state {
		case stem, idle, paused:
			s.remove(c, "draining")
		case busy:
			c.doomed = true
		}
	}
}

// inOrder returns the cells in the order in which they were made.
func (p *Pool) inOrder() []*cell {
	cells := make([]*cell, 0, len(p.cells))
	for _, c := range p.cells {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, func(a, b *cell) int { return a.id - b.id })
	return cells
}
