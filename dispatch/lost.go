package dispatch

import (
	"context"
	"time"

	"quirl/balancer"
	"quirl/bus/message"
	"quirl/store"
	"quirl/whisk"
)

// Lost deals with the flights to an invoker that is gone: what it had not taken, as the journal says,
// goes to another one; all else ends, for its function may have run. It returns at once.
func (d *Dispatcher) Lost(invoker int) { go d.lost(context.Background(), invoker) }

func (d *Dispatcher) lost(ctx context.Context, invoker int) {
	var there []*flight
	journaled := false
	d.mu.Lock()
	for _, f := range d.flying {
		if f.placed && f.invoker == invoker {
			there = append(there, f)
			journaled = journaled || f.msg.Journaled
		}
	}
	d.mu.Unlock()
	taken := map[whisk.ActivationID]bool{}
	if journaled {
		entries, err := d.Journal.Entries(ctx, store.JournalQuery{Owner: d.name(), Taker: message.InvokerName(invoker)})
		if err != nil {
			d.Log.Error("what a lost invoker had cannot be read: it ends at its deadline", "invoker", invoker, "error", err)
			return
		}
		for _, e := range entries {
			taken[e.ID] = true
		}
	}
	moved, ended := 0, 0
	for _, f := range there {
		if f.msg.Journaled && !taken[f.msg.ID] {
			if d.takeBack(f) {
				moved++
				go d.sendElsewhere(ctx, f)
			}
			continue
		}
		if d.land(f.msg.ID, balancer.Unknown) == nil {
			continue // it has ended meanwhile
		}
		ended++
		d.endBadly(f, message.Orphan(f.msg, "unknown", d.Now(), "its invoker was lost"))
	}
	if len(there) > 0 {
		d.Log.Warn("an invoker was lost", "invoker", invoker, "ended", ended, "sent_elsewhere", moved)
	}
}

// handedBack sends to another invoker what one that stops had not begun with.
func (d *Dispatcher) handedBack(id whisk.ActivationID) {
	d.mu.Lock()
	f := d.flying[id]
	d.mu.Unlock()
	if f != nil && d.takeBack(f) {
		go d.sendElsewhere(context.Background(), f)
	}
}

// takeBack frees the place of a flight that did not begin, unless it has ended.
func (d *Dispatcher) takeBack(f *flight) bool {
	d.mu.Lock()
	flying := d.flying[f.msg.ID] == f && f.placed
	invoker := f.invoker
	if flying {
		f.placed = false
	}
	d.mu.Unlock()
	if flying {
		d.Balancer.Ended(f.work, invoker, balancer.Unknown)
	}
	return flying
}

// sendElsewhere places a flight anew; the journal sees to it that it runs once, should the other
// invoker come back.
func (d *Dispatcher) sendElsewhere(ctx context.Context, f *flight) {
	if err := d.post(ctx, f.msg, f, time.Until(f.msg.Deadline)); err != nil {
		d.Log.Error("activation cannot be sent elsewhere", "activation", f.msg.ID, "error", err)
	}
}
