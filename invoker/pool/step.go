package pool

import (
	"slices"
	"time"
)

// Step tells the pool what happened at now and returns what is to be done, in
// that order. Events of containers that the pool does not know are ignored: they
// cross with a Remove on the way.
func (p *Pool) Step(e Event, now time.Time) []Command {
	s := &p.step
	s.Pool, s.now, s.commands = p, now, nil
	if !p.begun {
		s.begin()
	}
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
		s.remove(p.cells[e.Container], Failed, "its process ended")
	case Removed:
		s.removed(p.cells[e.Container])
	case Withdrawn:
		p.waiting.withdraw(e.Job.Key, e.Job.ID)
	case Tick:
		s.ring()
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
	j.arrived = s.now
	switch {
	case s.draining:
		s.do(HandBack{j})
	case (s.waiting.count == 0 || s.waiting.of(j.Key) == 0) && s.runWarm(j):
	case s.waiting.count >= s.cfg.Queue:
		s.do(Refuse{j})
	case j.Memory > s.cfg.Memory:
		s.do(Fail{j, ErrTooLarge})
	default:
		j.reason = s.whyNotWarm(j.Key)
		s.waiting.add(j, false)
	}
}

// runWarm runs the job in an initialized container of its action, the most
// recently used one with room.
func (s *step) runWarm(j Job) bool {
	h := s.homes[j.Key]
	if h == nil || h.room.last == nil {
		return false
	}
	s.run(h.room.last.cell, j, Warm)
	return true
}

// run puts the job into the container.
func (s *step) run(c *cell, j Job, start Start) {
	cmd := Run{Container: c.id, Job: j, Init: start != Warm, Resume: c.state == paused, Start: start}
	if cmd.Init {
		cmd.Reason = j.reason
		s.tally.reasons[j.reason]++
		s.moveIn(c, j, start)
	}
	s.do(cmd)
	s.tally.starts[start]++
	if c.state != busy {
		s.occupy(c, j)
	}
	c.since = s.now
	c.active++
	c.served++
	s.noteRoom(c)
}

// moveIn makes the container one of the job's action.
func (s *step) moveIn(c *cell, j Job, start Start) {
	h := s.homeOf(j.Key)
	s.takeStem(c, h.action)
	h.live++
	h.action.live++
	h.action.revision = j.Key.Revision
	c.home, c.key, c.concurrency = h, j.Key, max(1, j.Concurrency)
	c.start, c.reason = start, j.reason
}

// noteRoom keeps the container among those of its home that can take a job, the
// last used one last, or out of them.
func (s *step) noteRoom(c *cell) {
	if c.hasRoom() {
		c.home.room.push(&c.room)
	} else {
		c.room.leave()
	}
}

func (s *step) turn(c *cell, to state) {
	s.counts[c.state]--
	s.counts[to]++
	c.state = to
}

func (s *step) started(c *cell) {
	if c == nil || c.state != starting {
		return
	}
	s.starts--
	c.since = s.now
	j, taken := s.jobFor(c)
	s.putOnShelf(c)
	switch {
	case taken:
		s.run(c, j, Cold)
	case s.draining:
		s.remove(c, Unasked, "draining")
	}
}

// jobFor takes the job that a new container should run: one of the action that
// caused it, else the next one that fits.
func (s *step) jobFor(c *cell) (Job, bool) {
	if c.wanted != nil && s.waiting.of(c.wanted.key) > 0 {
		return s.waiting.take(c.wanted.key), true
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
	s.forget(c)
	if wanted != nil && s.waiting.of(wanted.key) > 0 {
		s.do(Fail{s.waiting.take(wanted.key), err})
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
		c.room.leave()
	case c.doomed:
		s.remove(c, Failed, "not reusable")
	case s.mustYield(c):
		if s.noteRoom(c); c.active == 0 {
			s.remove(c, Yielded, "another namespace waits")
		}
	case s.waiting.count > 0 && s.waiting.of(c.key) > 0:
		s.run(c, s.waiting.take(c.key), Warm)
	default:
		if c.active == 0 {
			s.rest(c)
		}
		s.noteRoom(c)
	}
}

func (s *step) returned(c *cell, j Job) {
	j.reason = Failed
	if j.arrived.IsZero() {
		j.arrived = s.now
	}
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
	running := s.busyMB
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
func (s *step) remove(c *cell, why Reason, text string) {
	if c == nil || c.state == removing {
		return
	}
	s.detach(c, why)
	s.turn(c, removing)
	c.doomed = true
	s.leaving += c.mould.memory
	s.do(Remove{c.id, text})
}

// detach takes the container out of all that it could be found by.
func (s *step) detach(c *cell, why Reason) {
	if c.expects != nil {
		s.tally.PrewarmedUnused++
	}
	switch c.state {
	case starting:
		s.starts--
		s.leaveShelf(c)
	case stem:
		s.leaveShelf(c)
	case busy:
		s.leaveWork(c)
	}
	c.room.leave()
	c.unused.leave()
	s.alarms.cancel(&c.alarm)
	if h := c.home; h != nil {
		c.home = nil
		h.live--
		h.action.live--
		h.action.gone = why
		s.settle(h)
	}
}

func (s *step) removed(c *cell) {
	if c != nil {
		s.forget(c)
	}
}

// forget ends what is known of a container, whose memory is free.
func (s *step) forget(c *cell) {
	if c.state == removing {
		s.leaving -= c.mould.memory
	} else {
		s.detach(c, Failed)
	}
	s.counts[c.state]--
	s.used -= c.mould.memory
	delete(s.cells, c.id)
}

// create makes a container for a job of wanted, or a stem cell, which may be one
// for the expected call of an action.
func (s *step) create(m mould, wanted *home, expects *action) {
	s.nextID++
	c := &cell{id: s.nextID, mould: m, state: starting, wanted: wanted, since: s.now, made: s.now}
	c.alarm.wakes, c.room.cell, c.unused.cell = c, c, c
	s.cells[c.id] = c
	s.counts[starting]++
	s.used += m.memory
	s.starts++
	cmd := Create{Container: c.id, Kind: m.kind, Image: m.image, Memory: m.memory}
	switch {
	case wanted != nil:
		wanted.coming++
		cmd.For = wanted.key
	case expects != nil:
		c.expects, expects.cell = expects, c
		cmd.Expecting = expects.id
		s.stemMB += m.memory
	default:
		s.shelfOf(m).coming++
		s.stemMB += m.memory
	}
	s.do(cmd)
}

// ring wakes what wanted to be woken by now.
func (s *step) ring() {
	for a := s.alarms.due(s.now); a != nil; a = s.alarms.due(s.now) {
		if !s.draining {
			a.wakes.wake(s)
		}
	}
}

// Next returns when the pool next wants a Tick, the zero time for never. It may
// be earlier than anything happens.
func (p *Pool) Next() time.Time {
	if p.draining || len(p.alarms.heap) == 0 {
		return time.Time{}
	}
	return p.alarms.heap[0].at
}

func (s *step) drain() {
	s.draining = true
	for _, j := range s.waiting.all() {
		s.do(HandBack{j})
	}
	for _, c := range s.inOrder() {
		switch c.state {
		case stem, idle, paused:
			s.remove(c, Unasked, "draining")
		case busy:
			c.doomed = true
			c.room.leave()
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
