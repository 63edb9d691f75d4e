package pool

import (
	"errors"
	"slices"
)

// ErrTooLarge is why a job fails that needs more memory than the pool has.
var ErrTooLarge = errors.New("the action's memory limit exceeds the memory of the invoker")

// place finds containers for waiting jobs: containers of the action with room,
// then stem cells, else it has new containers made as far as memory allows, evicting what is unused. Actions are
// served in turns; a large job that must wait for memory lets no later one past
// it, or it would wait for ever.
func (s *step) place() {
	if s.waiting.count == 0 || s.draining {
		return
	}
	coming := s.coming()
	promised := 0 // MB that earlier jobs wait for
	for s.waiting.count > 0 {
		placed := false
		for _, key := range s.waiting.inTurn() {
			if s.runWarm(*s.waiting.head(key)) {
				s.waiting.take(key)
				placed = true
				break
			}
			m := s.waiting.head(key).mould()
			if stems := s.stems[m]; len(stems) > 0 {
				s.run(stems[0], s.waiting.take(key), Stemmed)
				placed = true
				break
			}
			if coming[key] >= s.waiting.of(key) || s.starts >= s.cfg.Starting {
				continue
			}
			if !s.fits(m.memory + promised) {
				promised += m.memory
				continue
			}
			s.create(m, key)
			coming[key]++
			s.waiting.passTurn(key)
			placed = true
			break
		}
		if !placed {
			return
		}
	}
}

// coming counts the containers being started for each action.
func (s *step) coming() map[Key]int {
	coming := make(map[Key]int)
	for _, c := range s.cells {
		if c.state == starting && c.wanted != (Key{}) {
			coming[c.wanted]++
		}
	}
	return coming
}

// fits says whether memory MB are free now, and evicts unused containers when
// they would not even be when everything is gone that is on its way out.
func (s *step) fits(memory int) bool {
	free := s.cfg.Memory - s.used
	if memory <= free {
		return true
	}
	for _, c := range s.evictable() {
		if memory <= free+s.leaving {
			break
		}
		s.remove(c, "evicted")
	}
	return false
}

// evictable returns the containers that could go: idle ones first, the least
// recently used one before others, then stem cells.
func (s *step) evictable() []*cell {
	var cells []*cell
	for _, c := range s.inOrder() {
		if c.state == idle || c.state == paused || c.state == stem {
			cells = append(cells, c)
		}
	}
	slices.SortStableFunc(cells, func(a, b *cell) int {
		if (a.state == stem) != (b.state == stem) {
			if a.state == stem {
				return 1
			}
			return -1
		}
		return a.since.Compare(b.since)
	})
	return cells
}

// refill has stem cells made until there are as many as configured. Jobs that
// wait go first, and nothing is evicted for a stem cell.
func (s *step) refill() {
	if s.draining || s.waiting.count > 0 {
		return
	}
	for _, want := range s.cfg.Stems {
		m := mould{kind: want.Kind, memory: want.Memory}
		for have := s.stemCount(m); have < want.Count; have++ {
			if s.starts >= s.cfg.Starting || s.used+m.memory > s.cfg.Memory {
				return
			}
			s.create(m, Key{})
		}
	}
}

// stemCount counts the stem cells of a mould, those being started included.
func (p *Pool) stemCount(m mould) int {
	n := len(p.stems[m])
	if p.starts == 0 {
		return n // as nearly always: the containers need not be looked at
	}
	for _, c := range p.cells {
		if c.state == starting && c.mould == m && c.wanted == (Key{}) {
			n++
		}
	}
	return n
}

// excessStem says whether there are more stem cells of the mould than configured.
func (p *Pool) excessStem(m mould) bool {
	for _, want := range p.cfg.Stems {
		if want.Kind == m.kind && want.Memory == m.memory && m.image == "" {
			return len(p.stems[m]) > want.Count
		}
	}
	return true
}
