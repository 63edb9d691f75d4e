package pool

import "time"

// again is when an expected call is looked at again for which nothing could be
// made because too much was starting.
const again = time.Second

// occupy begins the work of a container that had none.
func (s *step) occupy(c *cell, j Job) {
	a := c.home.action
	s.cfg.Policy.Busy(a.id, a.busy+1, j.arrived)
	a.busy++
	a.ahead = time.Time{} // the expected call has come
	s.busyMB[c.key.Namespace] += c.mould.memory
	c.unused.leave()
	s.turn(c, busy)
}

// leaveWork counts a busy container as one that is not.
func (s *step) leaveWork(c *cell) {
	c.home.action.busy--
	ns := c.key.Namespace
	if s.busyMB[ns] -= c.mould.memory; s.busyMB[ns] == 0 {
		delete(s.busyMB, ns)
	}
}

// rest lets a container idle that has ended its last activation.
func (s *step) rest(c *cell) {
	a := c.home.action
	rank := a.busy
	s.leaveWork(c)
	s.turn(c, idle)
	c.plan = s.cfg.Policy.Idle(a.id, rank, c.mould.memory, s.now)
	s.unused.push(&c.unused)
	s.setAlarm(c)
}

func (s *step) setAlarm(c *cell) {
	if at := c.next(); !at.IsZero() {
		s.alarms.by(&c.alarm, at)
	}
}

// next returns when something is to be done with an unused container, the zero
// time for never.
func (c *cell) next() time.Time {
	p := &c.plan
	switch {
	case c.state == idle && p.Pause > 0 && (p.Keep == 0 || p.Pause < p.Keep):
		return c.since.Add(p.Pause)
	case (c.state == idle || c.state == paused) && p.Keep > 0:
		return c.since.Add(p.Keep)
	}
	return time.Time{}
}

// wake pauses or removes the container when it was not used for long enough.
func (c *cell) wake(s *step) {
	if c.state != idle && c.state != paused {
		return
	}
	p, unused := &c.plan, s.now.Sub(c.since)
	switch {
	case p.Keep > 0 && unused >= p.Keep:
		s.expire(c)
		return
	case c.state == idle && p.Pause > 0 && unused >= p.Pause:
		s.turn(c, paused)
		s.do(Pause{c.id})
	}
	s.setAlarm(c)
}

// expire removes an unused container, and notes when its action's next call is expected.
func (s *step) expire(c *cell) {
	a, plan := c.home.action, c.plan
	s.tally.Expirations++
	s.remove(c, Expired, "unused")
	if plan.Ahead == 0 || a.live > 0 {
		return
	}
	a.until = c.since.Add(plan.Until)
	if a.cell == nil {
		a.mould = c.mould
		s.expect(a, c.since.Add(plan.Ahead))
	}
}

// expect has a stem cell made for the action's next call at the given time.
func (s *step) expect(a *action, at time.Time) {
	a.ahead = at
	s.alarms.by(&a.alarm, at)
}

// wake makes a stem cell for the expected call of the action when that is near,
// or gives it up when the call did not come.
func (a *action) wake(s *step) {
	switch {
	case a.cell != nil:
		s.giveUp(a)
	case a.ahead.IsZero():
	case a.ahead.After(s.now):
		s.alarms.by(&a.alarm, a.ahead)
	case !a.until.After(s.now):
		a.ahead = time.Time{}
	case s.starts >= s.cfg.Starting || s.waiting.count > 0:
		s.alarms.by(&a.alarm, s.now.Add(again))
	case !s.mayHaveStem(a.mould.memory):
		s.tally.PrewarmedNoRoom++
		a.ahead = time.Time{}
	default:
		a.ahead = time.Time{}
		s.create(a.mould, nil, a)
		s.alarms.by(&a.alarm, a.until)
	}
}

// giveUp removes the stem cell of a call that did not come in time.
func (s *step) giveUp(a *action) {
	switch {
	case a.until.After(s.now):
		s.alarms.by(&a.alarm, a.until)
	case a.cell.state == starting:
		s.alarms.by(&a.alarm, s.now.Add(again))
	default:
		s.tally.Expirations++
		s.remove(a.cell, Expired, "the expected call did not come")
	}
}
