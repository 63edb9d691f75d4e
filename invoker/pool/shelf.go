package pool

import (
	"slices"
	"time"
)

// reviewEvery is how often the rules of reactive stem cells are applied.
const reviewEvery = time.Minute

// A shelf is the stem cells of one mould.
type shelf struct {
	mould  mould
	count  int       // configured; 0 for moulds that are not
	rules  *Reactive // configured, else nil
	want   int       // how many are to be ready for whatever comes
	coming int       // of those the ones being started
	ready  row       // the oldest first
	// expecting are the stem cells that were made for expected calls.
	expecting row
	missed    int       // jobs without a stem cell since the last review
	review    time.Time // of the rules; zero when none is due
	asked     time.Time // when a job last took a stem cell, or missed one
	alarm     alarm
}

// shelfOf returns the shelf of a mould, a new one if there is none.
func (p *Pool) shelfOf(m mould) *shelf {
	sh := p.shelves[m]
	if sh == nil {
		sh = &shelf{mould: m}
		sh.alarm.wakes = sh
		p.shelves[m] = sh
		p.order = append(p.order, sh)
	}
	return sh
}

func (sh *shelf) configure(want Stem) {
	sh.count, sh.rules, sh.want = want.Count, want.Reactive, want.Count
}

// stemFor returns a stem cell for a job and what it is: the one made for the
// expected call of the action, else one for whatever comes, else one that was made
// for another action's call; nil when there is none.
func (s *step) stemFor(key Key, m mould) (*cell, Start) {
	sh := s.shelves[m]
	if sh == nil {
		return nil, Cold
	}
	if a := s.actions[key.of()]; a != nil && a.cell != nil && a.cell.state == stem && a.cell.mould == m {
		return a.cell, Prewarmed
	}
	for _, row := range []*row{&sh.ready, &sh.expecting} {
		if row.first != nil {
			return row.first.cell, Stemmed
		}
	}
	return nil, Cold
}

// putOnShelf makes a container a stem cell that was starting.
func (s *step) putOnShelf(c *cell) {
	sh := s.shelfOf(c.mould)
	row := &sh.ready
	switch {
	case c.wanted != nil:
		c.wanted.coming--
		s.settle(c.wanted)
		c.wanted = nil
		s.stemMB += c.mould.memory
	case c.expects != nil:
		row = &sh.expecting
	default:
		sh.coming--
	}
	s.turn(c, stem)
	row.push(&c.room)
	s.stems.push(&c.unused)
	s.watch(sh)
}

// leaveShelf ends a container's time as stem cell, or as one that starts.
func (s *step) leaveShelf(c *cell) {
	if c.wanted != nil {
		c.wanted.coming--
		s.settle(c.wanted)
		c.wanted = nil
		return
	}
	sh := s.shelfOf(c.mould)
	switch {
	case c.expects != nil:
		c.expects.cell, c.expects = nil, nil
	case c.state == starting:
		sh.coming--
	}
	s.stemMB -= c.mould.memory
	c.room.leave()
	c.unused.leave()
	s.tidy(sh)
}

// takeStem notes for what a stem cell is used that leaves its shelf for a job of a.
func (s *step) takeStem(c *cell, a *action) {
	sh := s.shelfOf(c.mould)
	switch {
	case c.expects == nil && sh.count == 0:
		sh.asked = s.now // what was learned stays
	case c.expects == a:
		s.tally.PrewarmedUsed++
	case c.expects != nil:
		s.tally.PrewarmedTaken++
		defer s.expect(c.expects, s.now)
	}
	s.leaveShelf(c)
}

// tidy forgets an empty shelf that nobody wants.
func (s *step) tidy(sh *shelf) {
	if sh.count == 0 && sh.rules == nil && sh.want+sh.coming+sh.ready.len+sh.expecting.len == 0 {
		s.alarms.cancel(&sh.alarm)
		delete(s.shelves, sh.mould)
		s.order = slices.DeleteFunc(s.order, func(o *shelf) bool { return o == sh })
	}
}

// missed notes that a job had to have a container made because there was no stem cell.
func (s *step) missed(m mould) {
	sh := s.shelves[m]
	switch {
	case sh != nil && sh.rules != nil:
		if sh.missed++; sh.review.IsZero() {
			sh.review = s.now.Add(reviewEvery)
		}
	case s.cfg.LearnStems && m.image == "":
		sh = s.shelfOf(m)
		sh.want, sh.asked = sh.count+1, s.now
	default:
		return
	}
	s.watch(sh)
}

// wake applies the rules of the shelf, lets go what was learned long ago, and
// removes the stem cells that are more than wanted for long enough.
func (sh *shelf) wake(s *step) {
	if !sh.review.IsZero() && !sh.review.After(s.now) {
		sh.adapt(s.now)
	}
	age := s.age(sh)
	if sh.rules == nil && sh.want > sh.count && age > 0 && s.now.Sub(sh.asked) >= age {
		sh.want = sh.count
	}
	for sh.excess() > 0 && age > 0 && sh.ready.first != nil && s.now.Sub(sh.ready.first.cell.since) >= age {
		s.tally.Expirations++
		s.remove(sh.ready.first.cell, Expired, "unused")
	}
	s.watch(sh)
	s.tidy(sh)
}

// adapt applies the rules to the number of jobs that had no stem cell.
func (sh *shelf) adapt(now time.Time) {
	r := sh.rules
	sh.want = min(max(r.MinCount, sh.missed/r.Threshold*r.Increment), r.MaxCount)
	sh.missed, sh.review = 0, time.Time{}
	if sh.want > r.MinCount {
		sh.review = now.Add(reviewEvery)
	}
}

func (sh *shelf) excess() int { return sh.ready.len + sh.coming - sh.want }

// age is how long a stem cell is kept that is more than wanted; 0 is for ever.
func (p *Pool) age(sh *shelf) time.Duration {
	if sh.rules != nil {
		return sh.rules.TTL
	}
	return p.cfg.StemAge
}

// watch sets the alarm of a shelf.
func (s *step) watch(sh *shelf) {
	if !sh.review.IsZero() {
		s.alarms.by(&sh.alarm, sh.review)
	}
	age := s.age(sh)
	if age == 0 {
		return
	}
	if sh.rules == nil && sh.want > sh.count {
		s.alarms.by(&sh.alarm, sh.asked.Add(age))
	}
	if sh.excess() > 0 && sh.ready.first != nil {
		s.alarms.by(&sh.alarm, sh.ready.first.cell.since.Add(age))
	}
}

// begin starts the time of the shelves with rules, which are first reviewed a
// minute after the pool's first step.
func (s *step) begin() {
	s.begun = true
	for _, sh := range s.order {
		if sh.rules != nil {
			sh.review = s.now.Add(reviewEvery)
			s.watch(sh)
		}
	}
}

// refill has stem cells made until there are as many as wanted. Jobs that wait go
// first, and nothing is evicted for a stem cell.
func (s *step) refill() {
	if s.draining || s.waiting.count > 0 {
		return
	}
	for _, sh := range s.order {
		for sh.excess() < 0 && s.starts < s.cfg.Starting && s.mayRefill(sh) {
			s.create(sh.mould, nil, nil)
		}
	}
}

// mayRefill says whether there is room for one more stem cell of the shelf. What
// was configured has it wherever memory is free.
func (s *step) mayRefill(sh *shelf) bool {
	sure := sh.count
	if sh.rules != nil {
		sure = max(sure, sh.rules.MinCount)
	}
	if sh.ready.len+sh.coming < sure {
		return s.used+sh.mould.memory <= s.cfg.Memory
	}
	return s.mayHaveStem(sh.mould.memory)
}

// mayHaveStem says whether memory is free and stem cells have not had their share.
func (s *step) mayHaveStem(memory int) bool {
	return s.used+memory <= s.cfg.Memory && s.stemMB+memory <= s.cfg.StemMemory
}
