package invoker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"quirl/bus"
	"quirl/bus/message"
	"quirl/whisk"
)

const (
	// pingEvery is how often an invoker says that it is there.
	// Source: OpenWhisk, the contract of its invokers.
	pingEvery = time.Second
	// farewell is how long an invoker goes on taking work after it said that it takes none: what was
	// sent before that was heard must still arrive.
	farewell = time.Second
)

// Pings tell the controllers that an invoker is there. Make them with NewPings, and let them Run above
// the invoker, so that they stop first.
type Pings struct {
	invoker  *Invoker
	name     string
	life     string
	disabled atomic.Bool
}

// NewPings makes those of an invoker on a machine of that name.
func NewPings(i *Invoker, machine string) *Pings {
	return &Pings{invoker: i, name: machine, life: whisk.RandomText(16)}
}

// Enable has the controllers send work, or none, and says whether that is a change.
func (p *Pings) Enable(ctx context.Context, enabled bool) (changed bool) {
	changed = p.disabled.Swap(!enabled) == enabled
	p.send(ctx, enabled)
	return changed
}

// Enabled says whether work is taken.
func (p *Pings) Enabled() bool { return !p.disabled.Load() }

// Run sends pings until ctx ends, and says then that no more work is taken.
func (p *Pings) Run(ctx context.Context) error {
	turn := time.NewTicker(pingEvery)
	defer turn.Stop()
	for {
		p.send(ctx, p.Enabled())
		select {
		case <-turn.C:
		case <-ctx.Done():
			p.Enable(context.WithoutCancel(ctx), false)
			time.Sleep(farewell)
			return nil
		}
	}
}

func (p *Pings) send(ctx context.Context, enabled bool) {
	i := p.invoker
	err := i.Bus.Send(ctx, message.HealthTopic, &message.Ping{Invoker: i.ID, Name: p.name, Life: p.life, MemoryMB: i.Pool.Memory, Enabled: enabled})
	if err != nil && ctx.Err() == nil && !errors.Is(err, bus.ErrClosed) {
		i.Log.Warn("the controllers cannot be told that this invoker is there", "error", err)
	}
}
