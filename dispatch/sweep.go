package dispatch

import (
	"context"
	"time"

	"quirl/bus/message"
	"quirl/store"
)

// sweepEvery is how often the journal is looked through for what nobody ends.
const sweepEvery = time.Minute

// Sweep ends, now and then until ctx ends, what this controller had accepted, what is long past its
// deadline, and of what nobody has told: its invoker was lost with the record, and never came back.
func (d *Dispatcher) Sweep(ctx context.Context) error {
	turn := time.NewTicker(sweepEvery)
	defer turn.Stop()
	for {
		select {
		case <-turn.C:
			if err := d.sweep(ctx); err != nil && ctx.Err() == nil {
				d.Log.Warn("the journal cannot be looked through, trying again later", "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (d *Dispatcher) sweep(ctx context.Context) error {
	entries, err := d.Journal.Entries(ctx, store.JournalQuery{Owner: d.name()})
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, run := decodeRun(e); run {
			continue
		}
		m, err := decodeEntry(e)
		if err != nil || d.Now().Before(m.Deadline.Add(2*graceAfterDeadline)) {
			continue
		}
		d.mu.Lock()
		_, flying := d.flying[m.ID]
		d.mu.Unlock()
		if !flying {
			d.Log.Warn("an activation was never ended", "activation", m.ID, "invoker", e.Taker)
			d.Recorder.Put(store.Record{Activation: message.Orphan(m, "unknown", d.Now(), "its invoker was lost")})
		}
	}
	return nil
}
