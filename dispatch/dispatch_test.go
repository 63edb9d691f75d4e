package dispatch_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quirl/balancer"
	"quirl/bus"
	"quirl/bus/membus"
	"quirl/bus/message"
	"quirl/dispatch"
	"quirl/entitlement/localentitlement"
	"quirl/internal/logtest"
	"quirl/result"
	"quirl/store"
	"quirl/whisk"
)

// memory is the journal and the records, in memory.
type memory struct {
	store.Activations

	mu       sync.Mutex
	entries  []store.JournalEntry
	accepted int
	records  map[whisk.ActivationID]*whisk.Activation
	refused  int
	full     error // what Accept answers
}

func (m *memory) Accept(_ context.Context, entries ...store.JournalEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return m.full
	}
	for _, e := range entries {
		if at := m.index(e.ID); at >= 0 {
			m.entries[at].Message = e.Message
			continue
		}
		m.entries = append(m.entries, e)
		m.accepted++
	}
	return nil
}

func (m *memory) index(id whisk.ActivationID) int {
	return slices.IndexFunc(m.entries, func(e store.JournalEntry) bool { return e.ID == id })
}

func (m *memory) Drop(_ context.Context, id whisk.ActivationID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = slices.DeleteFunc(m.entries, func(e store.JournalEntry) bool { return e.ID == id })
	return nil
}

func (m *memory) Take(context.Context, whisk.ActivationID, string) (bool, error) { return true, nil }

func (m *memory) Entries(_ context.Context, q store.JournalQuery) ([]store.JournalEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.entries), func(e store.JournalEntry) bool { return !q.Matches(e) }), nil
}

func (m *memory) PutActivations(_ context.Context, batch []store.Record) (refused int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range batch {
		if !r.Unjournaled {
			m.entries = slices.DeleteFunc(m.entries, func(e store.JournalEntry) bool { return e.ID == r.ID })
		}
		if r.Discard {
			continue
		}
		if m.records[r.ID] != nil {
			refused++
			continue
		}
		m.records[r.ID] = r.Activation
	}
	m.refused += refused
	return refused, nil
}

// Activation is that of store.Activations.
func (m *memory) Activation(_ context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.records[id]; a != nil && a.Namespace == namespace {
		return a, nil
	}
	return nil, store.ErrNotFound
}

// found are the records that were stored.
func (m *memory) found() map[whisk.ActivationID]*whisk.Activation {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.records)
}

type counts struct{ entries, accepted, refused int }

func (m *memory) counts() counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return counts{len(m.entries), m.accepted, m.refused}
}

// entities are the stored ones, by id.
type entities struct {
	store.Entities
	mu   sync.Mutex
	byID map[string]whisk.Entity
}

// Entity is that of store.Entities.
func (e *entities) Entity(_ context.Context, id string) (whisk.Entity, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if found := e.byID[id]; found != nil {
		return found, nil
	}
	return nil, store.ErrNotFound
}

// set stores an entity; nil takes away what is under that name.
func (e *entities) set(id string, entity whisk.Entity) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.byID[id] = entity
}

// lease counts how often it was given back.
type lease struct{ released atomic.Int64 }

func (l *lease) Release() { l.released.Add(1) }

func wantReleased(t *testing.T, l *lease, want int64) {
	t.Helper()
	if got := l.released.Load(); got != want {
		t.Errorf("the lease was released %d times, want %d", got, want)
	}
}

// A platform is a dispatcher with its surroundings; the test is its invoker.
type platform struct {
	*dispatch.Dispatcher
	bus      *membus.Bus
	memory   *memory
	recorder *result.Recorder
	stored   *entities
	caller   *whisk.Identity // who fires
	placed   atomic.Int64    // what was placed and has not ended
	nowhere  error           // what Place answers
}

// Place and Ended are those of balancer.Balancer.
func (p *platform) Place(context.Context, balancer.Work) (int, error) {
	if p.nowhere != nil {
		return 0, p.nowhere
	}
	p.placed.Add(1)
	return 0, nil
}

func (p *platform) Ended(balancer.Work, int, balancer.Outcome) { p.placed.Add(-1) }

// Invokers is that of balancer.Balancer.
func (p *platform) Invokers() []balancer.Invoker { return nil }

// newPlatform lives within a bubble until the test ends.
func newPlatform(t *testing.T, capacity int, entries ...store.JournalEntry) *platform {
	t.Helper()
	p := &platform{
		bus: membus.New(capacity), memory: &memory{entries: entries, records: map[whisk.ActivationID]*whisk.Activation{}},
		stored: &entities{byID: make(map[string]whisk.Entity)},
	}
	log := logtest.New(t)
	var err error
	if p.recorder, err = result.New(t.Context(), p.memory, filepath.Join(t.TempDir(), "redo"), log); err != nil {
		t.Fatal(err)
	}
	p.Dispatcher = dispatch.New(dispatch.Config{
		Controller: 2, Alone: true, Bus: p.bus, Balancer: p, Journal: p.memory, Recorder: p.recorder, Log: log, Now: time.Now,
		Entities: p.stored, Entitlement: localentitlement.New(p.stored, whisk.DefaultLimits(), time.Now),
		Deprecated: func(kind string) bool { return kind == "old:1" }, Limits: whisk.SystemLimits{SequenceLength: 3, Payload: 1000},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{p.recorder.Run, p.Dispatcher.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	return p
}

func call(blocking bool, l *lease) dispatch.Call {
	return dispatch.Call{
		Caller: &whisk.Identity{Subject: "ann", Namespace: "ns", Key: whisk.NewKey()}, TID: "tid", Received: time.Now(),
		Resolved: dispatch.Resolved{
			Action: &whisk.Action{
				Meta:   whisk.Meta{Namespace: "provider/pkg", Name: "a", Version: whisk.FirstVersion(), Revision: "7"},
				Exec:   whisk.Exec{Kind: "nodejs:20"},
				Limits: whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1},
			},
			Binding: "ns/bound",
			Bound:   whisk.Parameters{{Key: "a", Value: []byte("1"), Init: true}, {Key: "b", Value: []byte("2")}},
		},
		Ref:     whisk.FullName{Path: "ns/bound", Name: "a"},
		Payload: []byte(`{"b":3}`), Blocking: blocking, Lease: l,
	}
}

// receive is the invoker getting its next activation.
func (p *platform) receive(t *testing.T) *message.Activation {
	t.Helper()
	d, err := p.bus.Receive(t.Context(), message.InvokerTopic(0), "invoker0")
	if err != nil {
		t.Fatal(err)
	}
	d.Ack()
	m, err := message.AsActivation(d.Message())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// report is the invoker's acknowledgement.
func (p *platform) report(t *testing.T, a *message.Ack) {
	t.Helper()
	if err := p.bus.Send(t.Context(), message.CompletedTopic(2), a); err != nil {
		t.Error(err)
	}
}

func recordOf(m *message.Activation) *whisk.Activation {
	return &whisk.Activation{
		Namespace: m.User.Namespace, Name: m.Action.Name, Version: m.Version, ID: m.ID, Start: time.Now(), End: time.Now(),
		Response: whisk.Response{Result: m.Content},
	}
}

func (p *platform) flush(t *testing.T) {
	t.Helper()
	if err := p.recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (p *platform) wantInFlight(t *testing.T, want int) {
	t.Helper()
	if got := p.InFlight(); got != want {
		t.Errorf("got %d activations in flight, want %d", got, want)
	}
	if got := p.placed.Load(); got != int64(want) {
		t.Errorf("the balancer believes that %d activations are in flight, want %d", got, want)
	}
}

// accept makes a call that must be accepted.
func (p *platform) accept(t *testing.T, c dispatch.Call) *dispatch.Ticket {
	t.Helper()
	ticket, err := p.Invoke(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// conduct runs the dispatcher until stop is called, which must go well.
func (p *platform) conduct(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	conducted := make(chan error)
	go func() { conducted <- p.Conduct(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-conducted; err != nil {
			t.Fatal(err)
		}
	}
}

// wantNoRecords wants the dispatcher to have written none.
func (p *platform) wantNoRecords(t *testing.T) {
	t.Helper()
	p.flush(t)
	if len(p.memory.found()) != 0 {
		t.Errorf("got the records %v, want none", p.memory.found())
	}
}

func TestBlockingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		l := new(lease)
		ticket := p.accept(t, call(true, l))
		m := p.receive(t)
		if m.ID != ticket.ID || m.Journaled || !m.Blocking || m.Controller != 2 || m.Revision != "7" || m.Binding != "ns/bound" ||
			m.Action.ID() != "provider/pkg/a" || string(m.Content) != `{"a":1,"b":3}` || len(m.InitNames) != 1 || time.Until(m.Deadline) != 3*time.Minute {
			t.Errorf("the invoker got %+v", m)
		}
		p.report(t, &message.Ack{ID: m.ID, Activation: recordOf(m)})
		record := <-ticket.Result
		if record == nil || record.ID != m.ID {
			t.Fatalf("got the record %+v, want that of %s", record, m.ID)
		}
		synctest.Wait()
		wantReleased(t, l, 0) // its logs are still collected
		p.wantInFlight(t, 1)
		for range 2 { // an acknowledgement may come again
			p.report(t, &message.Ack{ID: m.ID, Activation: recordOf(m), Done: true})
		}
		synctest.Wait()
		wantReleased(t, l, 1)
		p.wantInFlight(t, 0)
		if again, open := <-ticket.Result; open {
			t.Errorf("a second result: %+v", again)
		}
		if p.memory.counts().accepted != 0 {
			t.Error("a blocking call was written to the journal")
		}
		time.Sleep(time.Hour) // its deadline passes
		wantReleased(t, l, 1)
		p.wantNoRecords(t) // the invoker writes those that end well
	})
}

func TestNonBlockingCallIsInTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		l := new(lease)
		ticket := p.accept(t, call(false, l))
		if ticket.Result != nil {
			t.Error("a non-blocking call has a channel for its result")
		}
		entries, _ := p.memory.Entries(t.Context(), store.JournalQuery{})
		if len(entries) != 1 || entries[0].ID != ticket.ID || entries[0].Taker != "" || entries[0].Owner != "controller2" {
			t.Fatalf("journal: got %+v, want %s", entries, ticket.ID)
		}
		m := p.receive(t)
		journaled, err := message.AsActivation(bus.Raw(entries[0].Message))
		if err != nil || journaled.ID != m.ID || !journaled.Journaled || string(journaled.Content) != string(m.Content) {
			t.Errorf("the journal has %+v, %v; the invoker got %+v", journaled, err, m)
		}
		p.report(t, &message.Ack{ID: m.ID, Done: true})
		synctest.Wait()
		wantReleased(t, l, 1)
		p.wantInFlight(t, 0)
	})
}

func TestFullBusRefuses(t *testing.T) {
	for _, blocking := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform(t, 1)
			p.accept(t, call(blocking, new(lease)))
			l := new(lease)
			ticket, err := p.Invoke(t.Context(), call(blocking, l))
			var refusal *whisk.Error
			if !errors.As(err, &refusal) || refusal.Kind != whisk.TooManyRequests || refusal.RetryAfter <= 0 || ticket != nil {
				t.Fatalf("blocking %t: got %+v, %v; want too many requests", blocking, ticket, err)
			}
			wantReleased(t, l, 1)
			p.wantInFlight(t, 1)
			p.flush(t)
			entries, _ := p.memory.Entries(t.Context(), store.JournalQuery{})
			if want := p.memory.counts().accepted / 2; len(entries) != want || len(p.memory.found()) != 0 {
				t.Errorf("blocking %t: got journal %+v and records %v; want nothing of the refused call", blocking, entries, p.memory.found())
			}
			time.Sleep(time.Hour)
			wantReleased(t, l, 1)
		})
	}
}

func TestRefusedCallsGiveTheLeaseBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		bad := new(lease)
		c := call(true, bad)
		c.Payload = []byte("[1]")
		if _, err := p.Invoke(t.Context(), c); whisk.KindOf(err) != whisk.BadRequest {
			t.Errorf("arguments that are no object: got %v", err)
		}
		wantReleased(t, bad, 1)

		p.memory.full = errors.New("disk is full")
		unsafe := new(lease)
		if _, err := p.Invoke(t.Context(), call(false, unsafe)); !errors.Is(err, p.memory.full) {
			t.Errorf("a journal that cannot be written: got %v, want %v", err, p.memory.full)
		}
		wantReleased(t, unsafe, 1)

		p.nowhere = &whisk.Error{Kind: whisk.Unavailable, Message: "no invoker"}
		homeless := new(lease)
		if _, err := p.Invoke(t.Context(), call(true, homeless)); !errors.Is(err, p.nowhere) {
			t.Errorf("no invoker: got %v, want %v", err, p.nowhere)
		}
		wantReleased(t, homeless, 1)
		p.nowhere = nil

		p.bus.Close()
		late := new(lease)
		if _, err := p.Invoke(t.Context(), call(true, late)); whisk.KindOf(err) != whisk.Unavailable {
			t.Errorf("a closed bus: got %v, want unavailable", err)
		}
		wantReleased(t, late, 1)
		p.wantInFlight(t, 0)
	})
}

func TestDeadlineGivesUpOnce(t *testing.T) {
	for _, blocking := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform(t, 10)
			l := new(lease)
			began := time.Now()
			ticket := p.accept(t, call(blocking, l))
			m := p.receive(t)
			if blocking {
				record := <-ticket.Result
				if record == nil || record.ID != m.ID || record.Response.Status != whisk.InternalError {
					t.Errorf("got the record %+v, want an internal error", record)
				}
				if took := time.Since(began); took < 3*time.Minute || took > 4*time.Minute {
					t.Errorf("given up after %v", took)
				}
				if _, open := <-ticket.Result; open {
					t.Error("a second result")
				}
			}
			time.Sleep(time.Hour)
			wantReleased(t, l, 1)
			p.wantInFlight(t, 0)
			// The invoker wakes up after all.
			p.recorder.Put(store.Record{Activation: recordOf(m)})
			p.report(t, &message.Ack{ID: m.ID, Activation: recordOf(m), Done: true})
			synctest.Wait()
			p.flush(t)
			wantReleased(t, l, 1)
			record := p.memory.found()[m.ID]
			if record == nil || record.Response.Status != whisk.InternalError || p.memory.counts().refused != 1 || record.FilterName() != "bound/a" {
				t.Errorf("blocking %t: got record %+v and %d refused, want the dispatcher's record to stay", blocking, record, p.memory.counts().refused)
			}
			if p.memory.counts().entries != 0 {
				t.Errorf("blocking %t: the journal has %+v", blocking, p.memory.counts())
			}
		})
	}
}

func TestStrangeAcknowledgementsDoNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 10)
		l := new(lease)
		ticket := p.accept(t, call(true, l))
		m := p.receive(t)
		if err := p.bus.Send(t.Context(), message.CompletedTopic(2), bus.Raw("nonsense")); err != nil {
			t.Fatal(err)
		}
		p.report(t, &message.Ack{ID: whisk.NewActivationID(time.Now()), Done: true})
		p.report(t, &message.Ack{ID: m.ID, Activation: recordOf(m), Done: true})
		if record := <-ticket.Result; record == nil || record.ID != m.ID {
			t.Errorf("got %+v, want the record of %s", record, m.ID)
		}
		synctest.Wait()
		wantReleased(t, l, 1)
	})
}

func TestManyCallsEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, 1000)
		leases := make([]lease, 300)
		var wg sync.WaitGroup
		for i := range leases {
			wg.Go(func() {
				ticket, err := p.Invoke(t.Context(), call(i%2 == 0, &leases[i]))
				if err != nil {
					t.Errorf("call %d: %v", i, err)
					return
				}
				if i%2 == 0 {
					if record := <-ticket.Result; record == nil || record.ID != ticket.ID {
						t.Errorf("call %d: got %+v", i, record)
					}
				}
			})
		}
		for range leases {
			m := p.receive(t)
			go p.report(t, &message.Ack{ID: m.ID, Activation: recordOf(m), Done: true})
		}
		wg.Wait()
		synctest.Wait()
		p.wantInFlight(t, 0)
		for i := range leases {
			if got := leases[i].released.Load(); got != 1 {
				t.Errorf("lease %d was released %d times", i, got)
			}
		}
	})
}

func TestRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entry := func(deadline time.Duration, taker string) (store.JournalEntry, whisk.ActivationID) {
			now := time.Now()
			c := call(false, nil)
			m := &message.Activation{
				ID: whisk.NewActivationID(now), Received: now, Action: c.Action.FullName(), Version: c.Action.Version, User: c.Caller,
				Content: []byte(`{"a":1}`), Deadline: now.Add(deadline), Journaled: true,
			}
			return store.JournalEntry{ID: m.ID, Message: m.Encode(), Owner: "controller2", Taker: taker}, m.ID
		}
		taken, takenID := entry(time.Minute, "invoker0")
		expired, expiredID := entry(-time.Second, "")
		first, firstID := entry(time.Minute, "")
		second, secondID := entry(time.Minute, "")
		damaged := store.JournalEntry{ID: "damaged", Owner: "controller2", Message: []byte(`{"torn`)}
		p := newPlatform(t, 1, damaged, taken, expired, first, second)
		p.inherit(t)
		recovered := make(chan error)
		go func() { recovered <- p.Recover(t.Context()) }()
		for _, want := range []whisk.ActivationID{firstID, secondID} { // the bus has room for one
			m := p.receive(t)
			if m.ID != want || !m.Journaled || string(m.Content) != `{"a":1}` {
				t.Errorf("sent again: got %+v, want %s", m, want)
			}
		}
		if err := <-recovered; err != nil {
			t.Fatal(err)
		}
		p.wantInFlight(t, 2)
		p.flush(t)
		if len(p.memory.found()) != 2 {
			t.Errorf("got the records %v, want those of what was taken and what expired", p.memory.found())
		}
		for what, id := range map[string]whisk.ActivationID{"taken": takenID, "expired": expiredID} {
			if r := p.memory.found()[id]; r == nil || r.Response.Status != whisk.InternalError || r.Namespace != "ns" {
				t.Errorf("%s: got the record %+v, want an internal error", what, r)
			}
		}
		p.report(t, &message.Ack{ID: firstID, Done: true})
		synctest.Wait()
		p.wantInFlight(t, 1)
		time.Sleep(time.Hour) // nobody reports the other one
		p.flush(t)
		p.wantInFlight(t, 0)
		if r := p.memory.found()[secondID]; r == nil || r.Response.Status != whisk.InternalError {
			t.Errorf("what was sent again and never ended: got the record %+v", r)
		}
	})
}
