package invoker_test

import (
	"testing"
	"time"

	"quirl/bus/message"
	"quirl/invoker"
	"quirl/store"
	"quirl/whisk"
)

// TestInherit: an invoker of its own process ends what it had taken when it was lost, and nothing
// else, and tells the controllers.
func TestInherit(t *testing.T) {
	var mine, others, untaken *message.Activation
	accept := func(b *bench, taker string) *message.Activation {
		now := time.Now()
		m := &message.Activation{
			ID: whisk.NewActivationID(now), Received: now, Action: whisk.FullName{Path: "ns", Name: "a"}, Version: whisk.FirstVersion(),
			User: b.user, Blocking: true, Deadline: now.Add(time.Minute), Journaled: true, Controller: 0,
		}
		if err := b.store.Accept(t.Context(), store.JournalEntry{ID: m.ID, Message: m.Encode(), Owner: "controller0", Taker: taker}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	b := newBench(t, func(b *bench, cfg *invoker.Config) {
		cfg.Apart = true
		mine, others, untaken = accept(b, "invoker0"), accept(b, "invoker1"), accept(b, "")
	})
	const text = `{"error":"The activation did not end properly: the invoker stopped while it ran."}`
	ack, record := b.end(t)
	if ack.ID != mine.ID || !ack.SystemError {
		t.Errorf("got the end of %s, %+v; want that of %s", ack.ID, ack, mine.ID)
	}
	wantResult(t, record, whisk.InternalError, text)
	if err := b.recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored, err := b.store.Activation(t.Context(), "ns", mine.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, stored, whisk.InternalError, text)
	entries, err := b.store.Entries(t.Context(), store.JournalQuery{})
	if err != nil || len(entries) != 2 || entries[0].ID != others.ID || entries[1].ID != untaken.ID {
		t.Errorf("journal: got %+v, %v; want the others' entries", entries, err)
	}
}

// TestDrainHandsBackToControllers: an invoker of its own process that stops leaves what it has not begun
// with to another one, also what a caller waits for.
func TestDrainHandsBackToControllers(t *testing.T) {
	b := newBench(t, func(_ *bench, cfg *invoker.Config) { cfg.Apart = true })
	a := b.action(t, "wait", "function main() { return new Promise(done => setTimeout(() => done({}), 500)) }", nil)
	running, waiting := b.message(a, "{}"), b.message(a, "{}")
	b.send(t, running)
	eventually(t, "one runs", func() bool { return b.Stats().Busy == 1 })
	b.send(t, waiting)
	eventually(t, "one waits", func() bool { return b.Stats().Waiting == 1 })
	b.drain()
	if ack := b.ack(t); ack.ID != waiting.ID || !ack.HandedBack || !ack.Done {
		t.Errorf("got %+v, want %s handed back", ack, waiting.ID)
	}
	ack, record := b.end(t)
	if ack.ID != running.ID || ack.HandedBack {
		t.Errorf("got %+v, want the end of %s", ack, running.ID)
	}
	wantResult(t, record, whisk.Success, "{}")
}
