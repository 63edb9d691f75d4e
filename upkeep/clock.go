package upkeep

import (
	"context"
	"log/slog"
	"time"
)

// stepped is by how much the clock must have been set to be worth a word: slower corrections are
// everyday.
const stepped = 5 * time.Second

// A Clock tells the operator when the machine's clock was set while the platform runs. Nothing is
// lost by that: waiting times, limits of time and durations count the time that passed, and ids
// go on growing. But the times in records then follow the clock.
type Clock struct {
	// Every is how often it looks.
	Every time.Duration
	Log   *slog.Logger
	// Wall is what the clock shows, and Passed how much time has passed since some moment.
	Wall   func() time.Time
	Passed func() time.Duration

	wall   time.Time
	passed time.Duration
}

// Run looks now and then until ctx ends.
func (c *Clock) Run(ctx context.Context) error {
	return every(ctx, c.Every, c.look)
}

func (c *Clock) look() {
	wall, passed := c.Wall().Round(0), c.Passed() // Round leaves only what the clock shows
	before := c.wall
	by := wall.Sub(before) - (passed - c.passed)
	c.wall, c.passed = wall, passed
	switch {
	case before.IsZero():
	case by < -stepped:
		c.Log.Warn("the clock was set back: until it is where it was, new records are listed among earlier ones", "by", (-by).Round(time.Second))
	case by > stepped:
		c.Log.Warn("the clock was set forward: what is kept for a time, and keys with an end, end earlier", "by", by.Round(time.Second))
	}
}
