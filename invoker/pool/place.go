package pool

import "errors"

// ErrTooLarge is why a job fails that needs more memory than the pool has.
var ErrTooLarge = errors.New("the action's memory limit exceeds the memory of the invoker")

// place finds containers for waiting jobs: containers of the action with room,
// then stem cells, else it has new containers made as far as memory allows, evicting what is unused. Actions are
// served in turns; a large job that must wait for memory lets no later one past
// it, or it would wait for ever.
func (s *step) place() {
	if s.draining {
		return
	}
	for s.waiting.count > 0 && s.placeOne() {
	}
}

// placeOne finds a container for one of the waiting jobs, or has one made; false
// when nothing can be done for any of them now.
func (s *step) placeOne() bool {
	promised := 0 // MB that earlier jobs wait for
	for _, key := range s.waiting.inTurn() {
		j := s.waiting.head(key)
		if s.runWarm(*j) {
			s.waiting.take(key)
			return true
		}
		m := j.mould()
		if c, start := s.stemFor(key, m); c != nil {
			s.run(c, s.waiting.take(key), start)
			return true
		}
		if s.coming(key) >= s.waiting.of(key) || s.starts >= s.cfg.Starting {
			continue
		}
		if !s.fits(m.memory + promised) {
			promised += m.memory
			continue
		}
		s.create(m, s.homeOf(key), nil)
		s.missed(m)
		s.waiting.passTurn(key)
		return true
	}
	return false
}

// coming returns how many containers are being started for key.
func (p *Pool) coming(key Key) int {
	if h := p.homes[key]; h != nil {
		return h.coming
	}
	return 0
}

// fits says whether memory MB are free now, and evicts unused containers when
// they would not even be when everything is gone that is on its way out: idle ones
// first, the least recently used one before others, then stem cells.
func (s *step) fits(memory int) bool {
	free := s.cfg.Memory - s.used
	if memory <= free {
		return true
	}
	for _, row := range []*row{&s.unused, &s.stems} {
		for row.first != nil && memory > free+s.leaving {
			s.tally.Evictions++
			s.remove(row.first.cell, Evicted, "evicted")
		}
	}
	return false
}
