package dispatch_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"quirl/bus/message"
	"quirl/dispatch"
	"quirl/store"
	"quirl/whisk"
)

// define stores an action of namespace ns: a sequence of the components, or a
// primitive one without.
func (p *platform) define(name string, components ...string) *whisk.Action {
	a := &whisk.Action{
		Meta:   whisk.Meta{Namespace: "ns", Name: name, Version: whisk.FirstVersion(), Revision: "1"},
		Exec:   whisk.Exec{Kind: "nodejs:20"},
		Limits: whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1},
	}
	for _, c := range components {
		a.Exec.Kind = whisk.SequenceKind
		a.Exec.Components = append(a.Exec.Components, whisk.FullName{Path: "ns", Name: c})
	}
	p.stored.set("ns/"+name, a)
	return a
}

// conductor stores a conductor action.
func (p *platform) conductor(name string) {
	a := p.define(name)
	a.Annotations = whisk.Parameters{}.WithValue("conductor", true)
}

// invoke calls a stored action with the payload.
func (p *platform) invoke(t *testing.T, name, payload string, blocking bool, l *lease) *dispatch.Ticket {
	t.Helper()
	ref := whisk.FullName{Path: "ns", Name: name}
	found, err := p.Resolve(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	c := call(blocking, l)
	c.Resolved, c.Ref, c.Payload = found, ref, []byte(payload)
	return p.accept(t, c)
}

// serveOne is an invoker that runs the next activation and returns its message.
func (p *platform) serveOne(t *testing.T, result string) *message.Activation {
	t.Helper()
	m := p.receive(t)
	p.finish(t, m, result)
	return m
}

// finish ends an activation as an invoker does: record, then acknowledgement.
func (p *platform) finish(t *testing.T, m *message.Activation, result string) {
	t.Helper()
	record := recordOf(m)
	record.Response.Result = []byte(result)
	record.Duration = 10
	record.Cause = m.Cause
	record.Annotations = whisk.Parameters{}.WithValue("limits", whisk.ActionLimits{Memory: 512})
	if strings.HasPrefix(result, `{"error"`) {
		record.Response.Status = whisk.ApplicationError
	}
	p.recorder.Put(store.Record{Activation: record, Unjournaled: !m.Journaled})
	p.report(t, &message.Ack{ID: m.ID, Activation: record, Done: true})
	synctest.Wait()
}

// wantRecord returns the stored record of an activation.
func (p *platform) wantRecord(t *testing.T, id whisk.ActivationID, status whisk.Status, result string) *whisk.Activation {
	t.Helper()
	p.flush(t)
	a := p.memory.found()[id]
	if a == nil {
		t.Fatalf("activation %s has no record", id)
	}
	if a.Response.Status != status || string(a.Response.Result) != result {
		t.Errorf("activation %s: got %s %s, want %s %s", id, a.Response.Status, a.Response.Result, status, result)
	}
	return a
}

// lost is what is left of a platform that was killed: what is on disk. The new
// platform knows the same actions.
func (p *platform) lost(t *testing.T) *platform {
	t.Helper()
	p.flush(t)
	entries, err := p.memory.Entries(t.Context(), store.JournalQuery{})
	if err != nil {
		t.Fatal(err)
	}
	next := newPlatform(t, 10, entries...)
	next.memory.records = p.memory.found()
	next.stored.byID = p.stored.byID
	return next
}

func (p *platform) inherit(t *testing.T) {
	t.Helper()
	if err := p.Inherit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (p *platform) recover(t *testing.T) {
	t.Helper()
	p.inherit(t)
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func (p *platform) wantJournal(t *testing.T, want ...whisk.ActivationID) {
	t.Helper()
	p.flush(t)
	entries, _ := p.memory.Entries(t.Context(), store.JournalQuery{})
	var got []whisk.ActivationID
	for _, e := range entries {
		got = append(got, e.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the journal has %v, want %v", got, want)
	}
}

func TestBlockingSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a").Parameters = whisk.Parameters{{Key: "bound", Value: []byte("1")}}
		p.define("s", "a", "a")
		l := new(lease)
		ticket := p.invoke(t, "s", `{"x":1}`, true, l)
		first := p.serveOne(t, `[1,2]`)
		if first.Cause != ticket.ID || !first.Blocking || first.Journaled || string(first.Content) != `{"bound":1,"x":1}` || first.TID == "tid" {
			t.Errorf("the first component: got %+v", first)
		}
		wantReleased(t, l, 0)
		if second := p.serveOne(t, `{"y":2}`); string(second.Content) != `[1,2]` {
			t.Errorf("the second component got %s, want the array alone", second.Content)
		}
		record := <-ticket.Result
		if record == nil || record.ID != ticket.ID || string(record.Response.Result) != `{"y":2}` || record.Duration != 20 || len(record.Logs) != 2 {
			t.Errorf("got %+v", record)
		}
		wantReleased(t, l, 1)
		p.wantInFlight(t, 0)
		if got := p.memory.counts().accepted; got != 0 {
			t.Errorf("%d entries were written to the journal for a blocking call", got)
		}
		stored := p.wantRecord(t, ticket.ID, whisk.Success, `{"y":2}`)
		if got := string(stored.Annotations.Get("limits")); !strings.Contains(got, `"memory":512`) {
			t.Errorf("the record's limits are %s, want the components' most memory", got)
		}
	})
}

// TestSequenceAfterEachLoss kills the platform at every point of a non-blocking
// sequence: it goes on where it was, and no component runs twice.
func TestSequenceAfterEachLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a", "a", "a")
		ticket := p.invoke(t, "s", `{"n":0}`, false, new(lease))
		synctest.Wait()
		p = p.lost(t) // the first component was sent, and not begun
		p.recover(t)
		first := p.receive(t)
		if first.Cause != ticket.ID || !first.Journaled || string(first.Content) != `{"n":0}` {
			t.Fatalf("the first component: got %+v", first)
		}
		p.finish(t, first, `{"n":1}`)
		p = p.lost(t) // the second one was sent
		p.recover(t)
		second := p.receive(t)
		if second.ID == first.ID || string(second.Content) != `{"n":1}` {
			t.Fatalf("the second component: got %+v", second)
		}
		p.recorder.Put(store.Record{Activation: func() *whisk.Activation {
			r := recordOf(second)
			r.Response.Result = []byte(`{"n":2}`)
			return r
		}()})
		p = p.lost(t) // the second one had ended, and the dispatcher did not know
		p.recover(t)
		third := p.serveOne(t, `{"n":3}`)
		if string(third.Content) != `{"n":2}` {
			t.Errorf("the third component got %s, want what the second one returned", third.Content)
		}
		record := p.wantRecord(t, ticket.ID, whisk.Success, `{"n":3}`)
		if want := []string{string(first.ID), string(second.ID), string(third.ID)}; !slices.Equal(record.Logs, want) {
			t.Errorf("got the components %v, want %v", record.Logs, want)
		}
		p.wantJournal(t)
		p.wantInFlight(t, 0)
	})
}

// TestSequenceWhoseComponentHadBegun is not run again: it ends with what is
// known of the component, which is that nobody knows.
func TestSequenceWhoseComponentHadBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a", "a")
		ticket := p.invoke(t, "s", `{}`, false, new(lease))
		m := p.receive(t)
		p.memory.mu.Lock()
		p.memory.entries[p.memory.index(m.ID)].Taker = "invoker0"
		p.memory.mu.Unlock()
		p = p.lost(t)
		p.recover(t)
		p.wantInFlight(t, 0)
		const text = `{"error":"The activation did not end properly: the platform stopped while it ran."}`
		p.wantRecord(t, m.ID, whisk.InternalError, text)
		p.wantRecord(t, ticket.ID, whisk.InternalError, text)
		p.wantJournal(t)
	})
}

// TestAcceptedSequenceBeforeItsFirstStep: the journal has no more than the call.
func TestAcceptedSequenceBeforeItsFirstStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a")
		ticket := p.invoke(t, "s", `{"n":1}`, false, new(lease))
		synctest.Wait()
		entries, _ := p.memory.Entries(t.Context(), store.JournalQuery{})
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(entries[0].Message, &doc); err != nil {
			t.Fatal(err)
		}
		delete(doc, "machine")
		doc["payload"] = json.RawMessage(`{"n":1}`)
		entries[0].Message = whisk.Marshal(doc)
		next := newPlatform(t, 10, entries[0])
		next.stored.byID = p.stored.byID
		next.recover(t)
		if m := next.serveOne(t, `{"n":2}`); string(m.Content) != `{"n":1}` {
			t.Errorf("the component got %s, want the call's payload", m.Content)
		}
		next.wantRecord(t, ticket.ID, whisk.Success, `{"n":2}`)

		gone := newPlatform(t, 10, entries[0])
		gone.recover(t)
		gone.wantRecord(t, ticket.ID, whisk.InternalError, `{"error":"Action could not be found or may have been deleted."}`)
		gone.wantJournal(t)
	})
}

// TestStopLeavesCompositionsToTheNextStart: also those whose caller waits.
func TestStopLeavesCompositionsToTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a", "a")
		stop := p.conduct(t)
		l := new(lease)
		ticket := p.invoke(t, "s", `{}`, true, l)
		m := p.receive(t)
		stop()
		if record, open := <-ticket.Result; open {
			t.Errorf("the caller got %+v", record)
		}
		wantReleased(t, l, 1)
		p.wantJournal(t, m.ID, ticket.ID)
		p.finish(t, m, `{"n":1}`) // the invoker finishes what runs
		p.wantJournal(t, ticket.ID)
		found, _ := p.Resolve(t.Context(), whisk.FullName{Path: "ns", Name: "s"})
		late := call(true, new(lease))
		late.Resolved = found
		if _, err := p.Invoke(t.Context(), late); whisk.KindOf(err) != whisk.Unavailable {
			t.Errorf("a sequence after the stop: got %v, want unavailable", err)
		}
		next := p.lost(t)
		next.recover(t)
		if m := next.serveOne(t, `{"n":2}`); string(m.Content) != `{"n":1}` {
			t.Errorf("the second component got %s", m.Content)
		}
		next.wantRecord(t, ticket.ID, whisk.Success, `{"n":2}`)
		next.wantJournal(t)
	})
}

// TestKeep: a blocking call whose caller is told that it goes on is as safe as a
// non-blocking one, and leaves nothing in the journal.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a")
		for _, name := range []string{"a", "s"} {
			ticket := p.invoke(t, name, `{}`, true, new(lease))
			m := p.receive(t)
			if err := ticket.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if name == "a" {
				p.wantJournal(t, ticket.ID)
			} else {
				p.wantJournal(t, m.ID, ticket.ID)
			}
			after := p.lost(t)
			after.recover(t)
			p.flush(t)
			after.flush(t)
			for _, id := range []whisk.ActivationID{ticket.ID, m.ID} { // the sequence's logs name its component
				if r := after.memory.found()[id]; r == nil || r.Response.Status != whisk.InternalError {
					t.Errorf("%s: after a loss the record of %s is %+v, want an internal error", name, id, r)
				}
			}
			after.wantJournal(t)
			p.finish(t, m, `{"n":1}`)
			<-ticket.Result
			p.wantJournal(t)
			if err := ticket.Keep(t.Context()); err != nil {
				t.Errorf("%s: keep what has ended: %v", name, err)
			}
			p.wantJournal(t)
		}
	})
}

func TestSequenceWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 1)
		p.define("a")
		p.define("s", "a")
		other := p.invoke(t, "a", `{}`, true, new(lease))
		ticket := p.invoke(t, "s", `{}`, true, new(lease)) // the bus is full
		time.Sleep(time.Second)
		for range 2 {
			p.serveOne(t, `{"n":1}`)
			time.Sleep(time.Second)
		}
		if record := <-ticket.Result; record == nil || record.Response.Status != whisk.Success {
			t.Errorf("got %+v", record)
		}
		<-other.Result
		p.wantInFlight(t, 0)
	})
}

func TestLostComponent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.define("a")
		p.define("s", "a", "a")
		ticket := p.invoke(t, "s", `{}`, true, new(lease))
		m := p.receive(t)
		began := time.Now()
		record := <-ticket.Result // the invoker never reports
		if got := time.Since(began); got != 2*time.Minute {
			t.Errorf("the component was waited for %v, want its limit and a minute", got)
		}
		want := "Timeout reached when retrieving activation " + string(m.ID) + " for sequence component."
		if record.Response.Status != whisk.InternalError || !strings.Contains(string(record.Response.Result), want) {
			t.Errorf("got %+v, want %q", record.Response, want)
		}
		time.Sleep(time.Hour)
		p.wantInFlight(t, 0)
	})
}

func TestConductorIsEntitled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.conductor("c")
		p.define("a")
		ticket := p.invoke(t, "c", `{}`, true, new(lease))
		for _, step := range []struct{ wish, input string }{
			{`{"action":"/other/a"}`, `{}`},
			{`{"action":"b"}`, `{"error":"Failed entitlement check for action with name 'other/a' during composition."}`},
			{`{"action":"p/b"}`, `{"error":"Failed to resolve action with name 'ns/b' during composition."}`},
			{`{"action":"a","params":{"n":1}}`, `{"error":"Failed entitlement check for action with name 'ns/p/b' during composition."}`},
			{`{"n":2}`, `{"n":1}`},
			{`{"params":{"n":3}}`, `{"n":2}`},
		} {
			if m := p.serveOne(t, step.wish); string(m.Content) != step.input {
				t.Errorf("before %s: the input is %s, want %s", step.wish, m.Content, step.input)
			}
		}
		if record := <-ticket.Result; record == nil || string(record.Response.Result) != `{"n":3}` || len(record.Logs) != 6 {
			t.Errorf("got %+v", record)
		}
	})
}

func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		old := p.define("old")
		old.Exec.Kind = "old:1"
		final := p.define("final")
		final.Annotations = whisk.Parameters{}.WithValue("final", true)
		final.Parameters = whisk.Parameters{{Key: "b", Value: []byte("1")}}
		foreign := p.define("foreign", "a")
		foreign.Exec.Components[0].Path = "other"
		missing := p.define("missing", "gone")
		for _, tt := range []struct {
			action *whisk.Action
			want   whisk.Kind
			text   string
		}{
			{old, whisk.BadRequest, "The 'old:1' runtime is no longer supported. You may read and delete but not update or invoke this action."},
			{final, whisk.BadRequest, "Request defines parameters that are not allowed (e.g., reserved properties)."},
			{foreign, whisk.Forbidden, "The supplied authentication is not authorized to access 'other/a'."},
		} {
			l := new(lease)
			c := call(true, l)
			c.Resolved = dispatch.Resolved{Action: tt.action, Bound: tt.action.Parameters}
			_, err := p.Invoke(t.Context(), c)
			var e *whisk.Error
			if !errors.As(err, &e) || e.Kind != tt.want || e.Message != tt.text {
				t.Errorf("%s: got %v, want %s", tt.action.Name, err, tt.text)
			}
			wantReleased(t, l, 1)
		}
		ticket := p.invoke(t, missing.Name, `{}`, true, new(lease))
		if record := <-ticket.Result; string(record.Response.Result) != `{"error":"Sequence component does not exist."}` || record.Response.Status != whisk.ApplicationError {
			t.Errorf("a missing component: got %+v", record.Response)
		}
		p.wantInFlight(t, 0)
	})
}

// TestConductorIsDeleted while the platform is down: the composition ends, and
// does not ask again and again.
func TestConductorIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		p.conductor("c")
		p.define("a")
		ticket := p.invoke(t, "c", `{}`, false, new(lease))
		p.serveOne(t, `{"action":"a"}`)
		p = p.lost(t)
		p.stored.set("ns/c", nil)
		p.recover(t)
		p.serveOne(t, `{"n":1}`)
		record := p.wantRecord(t, ticket.ID, whisk.InternalError, `{"error":"Activation failure during composition."}`)
		if len(record.Logs) != 2 {
			t.Errorf("got the activations %v, want the conductor's and the component's", record.Logs)
		}
		p.wantJournal(t)
	})
}
