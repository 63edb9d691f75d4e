package collect

import (
	"maps"
	"slices"
	"strings"
)

// Owner begins the line by which a runtime tells that the lines behind it, on the
// same stream, are those of the activation whose id follows.
const Owner = "XXX_QUIRL_OUTPUT_OF_XXX "

// shared are the segments of activations that run at once.
type shared struct {
	open   map[string]*Segment // by activation id
	turns  [2]string           // of each stream, whose lines come
	latest *Segment            // gets what belongs to nobody
}

// BeginShared is Begin for one of several activations at once, of a runtime that
// tells whose output it is. What nobody owns belongs to the one that began last.
func (c *Collector) BeginShared(id string, limit int64) *Segment {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shared == nil {
		c.shared = &shared{open: make(map[string]*Segment)}
	}
	s := c.current
	c.current = newSegment(c)
	s.id, s.limit = id, limit
	c.shared.open[id], c.shared.latest = s, s
	c.finish(s) // the output may have ended
	return s
}

// turn takes a line that tells whose output follows; false when it is none.
func (s *shared) turn(stream int, line string) bool {
	id, ok := strings.CutPrefix(line, Owner)
	if ok {
		s.turns[stream] = id
	}
	return ok
}

// owner is the segment whose lines come on a stream; next is that of an activation
// that has not begun.
func (s *shared) owner(stream int, next *Segment) *Segment {
	if segment := s.open[s.turns[stream]]; segment != nil {
		return segment
	}
	if s.latest != nil {
		return s.latest
	}
	return next
}

func (s *shared) all() []*Segment {
	if s == nil {
		return nil
	}
	return slices.Collect(maps.Values(s.open))
}

func (s *shared) forget(segment *Segment) {
	delete(s.open, segment.id)
	if s.latest == segment {
		s.latest = nil
		for _, other := range s.open {
			s.latest = other
			break
		}
	}
}
