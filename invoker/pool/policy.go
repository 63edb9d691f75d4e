package pool

import "time"

// A Policy says how long containers without work are worth their memory. It may
// learn from the idle times that it is told of.
//
// Containers of an action are used like a stack, the last used one first. The
// one that is in use whenever the action runs has rank 1, the one that is needed
// when two are in use at once has rank 2, and so on: each rank has idle times of
// its own. The pool calls from one goroutine at a time.
type Policy interface {
	// Busy notes a call of the action at now that takes a container into use, as
	// the rank-th at once.
	Busy(a Action, rank int, now time.Time)
	// Idle notes that the rank-th container in use has ended its last activation,
	// and returns what is to become of it. Its memory is in MB.
	Idle(a Action, rank, memory int, now time.Time) Plan
}

// An Action is a Key without its revision: how an action is called does not
// change with its code.
type Action struct{ Namespace, Name string }

// A Plan says what becomes of a container whose last activation has ended, in
// times from that end. Pause <= Keep <= Ahead <= Until, as far as they are not 0.
type Plan struct {
	// Pause is when it is paused; 0 never.
	Pause time.Duration
	// Keep is when it is removed; 0 never.
	Keep time.Duration
	// Ahead is when a stem cell is made ready for the next call, after the
	// container was removed; 0 never.
	Ahead time.Duration
	// Until is when that stem cell is given up.
	Until time.Duration
}

// forever is the policy of a pool that was given none.
type forever struct{}

func (forever) Busy(Action, int, time.Time)               {}
func (forever) Idle(Action, int, int, time.Time) (p Plan) { return p }
