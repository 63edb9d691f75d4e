package policy

import (
	"time"

	"quirl/invoker/pool"
)

// Fixed treats all containers alike, as OpenWhisk does: they are paused after a
// while and removed after another one.
type Fixed struct {
	// PauseAfter is how long an idle container runs; 0 never pauses.
	PauseAfter time.Duration
	// KeepAlive is how long an unused container is kept; 0 is for ever.
	KeepAlive time.Duration
}

// Busy is that of pool.Policy.
func (f Fixed) Busy(pool.Action, int, time.Time) {}

// Idle is that of pool.Policy.
func (f Fixed) Idle(pool.Action, int, int, time.Time) pool.Plan { return f.plan() }

func (f Fixed) plan() pool.Plan { return pool.Plan{Pause: f.PauseAfter, Keep: f.KeepAlive} }
