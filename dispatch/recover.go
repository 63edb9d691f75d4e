package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quirl/bus"
	"quirl/bus/message"
	"quirl/store"
	"quirl/whisk"
)

// Recover deals with what the journal holds from a process that was lost. What
// an invoker had taken is ended, for its function may have run; the rest is
// sent again, as fast as the invokers take it.
func (d *Dispatcher) Recover(ctx context.Context) error {
	entries, err := d.Journal.Entries(ctx)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	var ended, resent int
	for _, e := range entries {
		m, err := decodeEntry(e)
		switch {
		case err != nil:
			d.Log.Error("journal entry cannot be read", "activation", e.ID, "error", err)
			continue
		case e.Taken:
			d.Recorder.Put(store.Record{Activation: orphan(m, "unknown", d.Now(), "the platform stopped while it ran")})
			ended++
		case d.Now().After(m.Deadline):
			d.Recorder.Put(store.Record{Activation: orphan(m, "unknown", d.Now(), "it waited too long while the platform was stopped")})
			ended++
		default:
			if err := d.resend(ctx, m); err != nil {
				return fmt.Errorf("send activation %s again: %w", m.ID, err)
			}
			resent++
		}
	}
	if len(entries) > 0 {
		d.Log.Info("journal recovered", "ended", ended, "sent_again", resent)
	}
	return nil
}

func (d *Dispatcher) resend(ctx context.Context, m *message.Activation) error {
	a := &whisk.Action{Exec: whisk.Exec{Kind: "unknown"}}
	f := d.takeOff(m, a, noLease{})
	invoker, err := d.place(ctx, f)
	if err != nil {
		return err
	}
	for {
		err := d.Bus.Send(ctx, message.InvokerTopic(invoker), m)
		if !errors.Is(err, bus.ErrFull) {
			return err
		}
		select { // the invoker is at work and makes room
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type noLease struct{}

func (noLease) Release() {}
