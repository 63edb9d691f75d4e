package dispatch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"quirl/bus/message"
	"quirl/store"
	"quirl/whisk"
)

// wantNothingSent checks that no further activation is on its way to the invoker.
func (p *platform) wantNothingSent(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if d, err := p.bus.Receive(ctx, message.InvokerTopic(0), "invoker0"); err == nil {
		t.Errorf("the invoker got %+v as well", d.Message())
	}
}

// TestRecoverLeavesNewCallsAlone: a call may be accepted before what a lost
// process left is dealt with. It stands in the journal too, and is at work.
func TestRecoverLeavesNewCallsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a")
		old := p.invoke(t, "s", `{"old":true}`, false, new(lease))
		synctest.Wait()
		p = p.lost(t)
		p.inherit(t)
		l := new(lease)
		tickets := []whisk.ActivationID{p.invoke(t, "s", `{}`, false, l).ID, p.invoke(t, "a", `{}`, false, l).ID, old.ID}
		synctest.Wait()
		if err := p.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range tickets {
			p.serveOne(t, `{"n":1}`)
		}
		p.wantNothingSent(t)
		for _, id := range tickets {
			p.wantRecord(t, id, whisk.Success, `{"n":1}`)
		}
		wantReleased(t, l, 2)
		p.wantInFlight(t, 0)
		p.wantJournal(t)
	})
}

// fill accepts n calls that are not begun, and returns what a loss leaves of them
// on a platform whose bus has room for one.
func fill(t *testing.T, name string, n int) (left *platform, ids []whisk.ActivationID) {
	t.Helper()
	p := newPlatform(t, n)
	p.define("a")
	p.define("s", "a")
	for range n {
		ids = append(ids, p.invoke(t, name, `{}`, false, new(lease)).ID)
		synctest.Wait()
	}
	entries, err := p.memory.Entries(t.Context(), store.JournalQuery{})
	if err != nil {
		t.Fatal(err)
	}
	left = newPlatform(t, 1, entries...)
	left.stored.byID = p.stored.byID
	return left, ids
}

// TestStopDuringRecovery: what had no room on the bus yet is left to the next start.
func TestStopDuringRecovery(t *testing.T) {
	for _, name := range []string{"a", "s"} {
		synctest.Test(t, func(t *testing.T) {
			p, ids := fill(t, name, 3)
			p.inherit(t)
			stop := p.conduct(t)
			time.Sleep(time.Second)
			stop()
			p.receive(t) // the one for which there was room; it is not run here
			p.wantNothingSent(t)
			next := p.lost(t)
			next.recover(t)
			for range ids {
				next.serveOne(t, `{"n":1}`)
			}
			for _, id := range ids {
				next.wantRecord(t, id, whisk.Success, `{"n":1}`)
			}
			next.wantJournal(t)
		})
	}
}

// TestRecoveryWithoutRoom: what finds no room until its deadline ends with a
// record, as everything that was accepted.
func TestRecoveryWithoutRoom(t *testing.T) {
	for _, name := range []string{"a", "s"} {
		synctest.Test(t, func(t *testing.T) {
			p, ids := fill(t, name, 3)
			p.recover(t)
			time.Sleep(time.Hour) // the invoker takes nothing
			for _, id := range ids {
				p.flush(t)
				if r := p.memory.found()[id]; r == nil || r.Response.Status != whisk.InternalError {
					t.Errorf("%s: activation %s has the record %+v, want an internal error", name, id, r)
				}
			}
			p.wantJournal(t)
			p.wantInFlight(t, 0)
		})
	}
}

// TestStopWhileThereIsNoRoom: a blocking sequence whose component waits for room
// on the bus goes on after the next start, and its component runs once.
func TestStopWhileThereIsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 1)
		p.define("a")
		p.define("s", "a")
		stop := p.conduct(t)
		p.invoke(t, "a", `{}`, true, new(lease)) // the bus is full
		ticket := p.invoke(t, "s", `{}`, true, new(lease))
		synctest.Wait()
		stop()
		if record, open := <-ticket.Result; open {
			t.Errorf("the caller got %+v", record)
		}
		p = p.lost(t)
		p.recover(t)
		m := p.serveOne(t, `{"n":1}`)
		if !m.Journaled {
			t.Error("the component is in the journal, and the invoker is not told")
		}
		p.wantNothingSent(t)
		p.wantRecord(t, ticket.ID, whisk.Success, `{"n":1}`)
		p.wantJournal(t)
	})
}

// TestKeptComponentThatEnded: the journal still has it as taken, and its record counts.
func TestKeptComponentThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a")
		ticket := p.invoke(t, "s", `{}`, true, new(lease))
		m := p.receive(t)
		if err := ticket.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		record := recordOf(m)
		record.Response.Result = []byte(`{"n":1}`)
		p.recorder.Put(store.Record{Activation: record, Unjournaled: true})
		p = p.lost(t)
		p.recover(t)
		p.wantRecord(t, ticket.ID, whisk.Success, `{"n":1}`)
		p.wantJournal(t)
	})
}

// apart is a platform whose invokers are other processes, after the loss of one that had taken m.
func (p *platform) apart(t *testing.T, m *message.Activation) *platform {
	t.Helper()
	p.memory.mu.Lock()
	p.memory.entries[p.memory.index(m.ID)].Taker = "invoker0"
	p.memory.mu.Unlock()
	next := p.lost(t)
	next.Alone = false
	return next
}

// TestAdopt: what an invoker of another process may be at is left to it, and ends with its
// acknowledgement, with the record that is in the store, or at the deadline.
func TestAdopt(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(t *testing.T, p *platform, m *message.Activation)
		status whisk.Status
		result string
	}{
		{"the acknowledgement comes", func(t *testing.T, p *platform, m *message.Activation) { p.finish(t, m, `{"n":1}`) }, whisk.Success, `{"n":1}`},
		{"it went to the lost process", func(t *testing.T, p *platform, m *message.Activation) {
			record := recordOf(m)
			record.Response.Result = []byte(`{"n":1}`)
			p.recorder.Put(store.Record{Activation: record})
			time.Sleep(2 * time.Second)
		}, whisk.Success, `{"n":1}`},
		{"the invoker is lost, too", func(*testing.T, *platform, *message.Activation) { time.Sleep(time.Hour) }, whisk.InternalError,
			`{"error":"The activation did not end properly: the invoker did not report the end of the activation."}`},
	} {
		for _, sequence := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, 10)
				p.define("a")
				p.define("s", "a")
				name := "a"
				if sequence {
					name = "s"
				}
				ticket := p.invoke(t, name, `{}`, false, new(lease))
				m := p.receive(t)
				p = p.apart(t, m)
				p.inherit(t)
				stop := p.conduct(t)
				defer stop()
				synctest.Wait()
				p.wantNothingSent(t)
				c.end(t, p, m)
				p.flush(t)
				if got := p.wantRecord(t, m.ID, c.status, c.result); sequence && string(got.ID) == string(ticket.ID) {
					t.Errorf("%s: the component has the id of the sequence", c.name)
				}
				if sequence && c.status == whisk.Success {
					p.wantRecord(t, ticket.ID, c.status, c.result)
				}
				p.wantInFlight(t, 0)
				p.wantJournal(t)
			})
		}
	}
}

// TestSweep: what is past its deadline, and of what nobody tells, gets a record.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		ticket := p.invoke(t, "a", `{}`, false, new(lease))
		m := p.receive(t)
		p.report(t, &message.Ack{ID: m.ID, Done: true}) // it has ended, but its record was lost with the invoker
		synctest.Wait()
		p.wantInFlight(t, 0)
		ctx, cancel := context.WithCancel(t.Context())
		swept := make(chan error)
		go func() { swept <- p.Sweep(ctx) }()
		time.Sleep(time.Until(m.Deadline) - time.Second)
		p.flush(t)
		p.wantNoRecords(t)
		time.Sleep(2 * time.Minute)
		p.wantRecord(t, ticket.ID, whisk.InternalError, `{"error":"The activation did not end properly: its invoker was lost."}`)
		p.wantJournal(t)
		cancel()
		if err := <-swept; err != nil {
			t.Fatal(err)
		}
	})
}

// TestLost: of what an invoker has that is gone, what it had not taken goes to another one, and all else
// ends at once.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.Alone = false
		p.define("a")
		waiting := p.invoke(t, "a", `{}`, false, new(lease))
		taken := p.invoke(t, "a", `{}`, false, new(lease))
		blocking := p.invoke(t, "a", `{}`, true, new(lease))
		for range 3 {
			p.receive(t)
		}
		p.memory.mu.Lock()
		p.memory.entries[p.memory.index(taken.ID)].Taker = "invoker0"
		p.memory.mu.Unlock()
		p.Lost(1)
		synctest.Wait()
		p.wantNothingSent(t)
		p.Lost(0)
		synctest.Wait()
		const text = `{"error":"The activation did not end properly: its invoker was lost."}`
		if record := <-blocking.Result; string(record.Response.Result) != text {
			t.Errorf("the caller who waits gets %s", record.Response.Result)
		}
		p.flush(t)
		p.wantRecord(t, blocking.ID, whisk.InternalError, text)
		p.wantRecord(t, taken.ID, whisk.InternalError, text)
		if m := p.serveOne(t, `{"n":1}`); m.ID != waiting.ID {
			t.Errorf("%s was sent elsewhere, want %s", m.ID, waiting.ID)
		}
		p.wantRecord(t, waiting.ID, whisk.Success, `{"n":1}`)
		p.wantNothingSent(t)
		p.wantInFlight(t, 0)
		p.wantJournal(t)
	})
}

// TestHandedBack: what an invoker that stops had not begun with goes to another one, whether somebody
// waits for it or not.
func TestHandedBack(t *testing.T) {
	for _, blocking := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform(t, 10)
			p.Alone = false
			p.define("a")
			l := new(lease)
			ticket := p.invoke(t, "a", `{}`, blocking, l)
			m := p.receive(t)
			p.report(t, &message.Ack{ID: m.ID, HandedBack: true, Done: true})
			p.report(t, &message.Ack{ID: whisk.NewActivationID(time.Now()), HandedBack: true, Done: true}) // of nobody's
			synctest.Wait()
			if again := p.serveOne(t, `{"n":1}`); again.ID != m.ID {
				t.Errorf("%s was sent again, want %s", again.ID, m.ID)
			}
			if blocking {
				if record := <-ticket.Result; record.Response.Status != whisk.Success {
					t.Errorf("the caller who waits gets %+v", record)
				}
			}
			p.wantRecord(t, ticket.ID, whisk.Success, `{"n":1}`)
			p.wantNothingSent(t)
			wantReleased(t, l, 1)
			p.wantInFlight(t, 0)
		})
	}
}
