package shardbalancer

// slots are what one controller may place on an invoker: memory, and in the containers that this
// memory is for the room of actions of which a container runs several at once.
type slots struct {
	free   int            // MB; below 0 when work was placed though there was no room
	forced int            // how many were placed so and have not ended
	shared map[string]int // room in containers that run already, by action
}

// take takes room for an activation if there is some.
func (s *slots) take(action string, memory, concurrency int) bool {
	if concurrency > 1 && s.shared[action] > 0 {
		s.shared[action]--
		return true
	}
	if s.free < memory {
		return false
	}
	s.grow(action, memory, concurrency)
	return true
}

// force takes room that there is not.
func (s *slots) force(action string, memory, concurrency int) {
	if concurrency > 1 && s.shared[action] > 0 {
		s.shared[action]--
		return
	}
	s.grow(action, memory, concurrency)
}

func (s *slots) grow(action string, memory, concurrency int) {
	s.free -= memory
	if concurrency > 1 {
		if s.shared == nil {
			s.shared = make(map[string]int)
		}
		s.shared[action] += concurrency - 1
	}
}

// give gives the room of an activation back.
func (s *slots) give(action string, memory, concurrency int) {
	if concurrency <= 1 {
		s.free += memory
		return
	}
	if s.shared == nil {
		s.shared = make(map[string]int)
	}
	s.shared[action]++
	if s.shared[action] >= concurrency { // as much as a container's
		s.shared[action] -= concurrency
		s.free += memory
	}
	if s.shared[action] == 0 {
		delete(s.shared, action)
	}
}
