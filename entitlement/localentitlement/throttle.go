package localentitlement

import (
	"context"
	"sync"
	"time"

	"quirl/entitlement"
	"quirl/whisk"
)

// A counter counts the calls of one namespace: per wall-clock minute, and in flight.
type counter struct {
	minute             int64 // since the epoch
	invocations, fires int   // within minute, refused ones too
	inFlight           int
}

// throttles hold the counters of all namespaces, by the namespace's UUID.
type throttles struct {
	mu       sync.Mutex
	counters map[string]*counter
	swept    int64 // the minute in which idle counters were last dropped
}

// admit counts a call at now and decides; refused calls count for the rate too.
func (t *throttles) admit(now time.Time, uuid string, load entitlement.Load, limits *whisk.SystemLimits) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	minute := now.Unix() / 60
	t.sweep(minute)
	c := t.counters[uuid]
	if c == nil {
		c = new(counter)
		t.counters[uuid] = c
	}
	if c.minute != minute {
		c.minute, c.invocations, c.fires = minute, 0, 0
	}
	count, allowed := &c.invocations, limits.InvocationsPerMinute
	if load == entitlement.Fire {
		count, allowed = &c.fires, limits.FiresPerMinute
	}
	*count++
	if *count > allowed {
		e := whisk.Errorf(whisk.TooManyRequests, "Too many requests in the last minute (count: %d, allowed: %d).", *count, allowed)
		e.RetryAfter = time.Unix((minute+1)*60, 0).Sub(now)
		return e
	}
	if load == entitlement.Fire {
		return nil
	}
	if c.inFlight >= limits.ConcurrentInvocations {
		e := whisk.Errorf(whisk.TooManyRequests, "Too many concurrent requests in flight (count: %d, allowed: %d).", c.inFlight, limits.ConcurrentInvocations)
		e.RetryAfter = time.Second
		return e
	}
	c.inFlight++
	return nil
}

// sweep drops, once a minute, the counters of namespaces that are idle, so that
// memory follows the namespaces in use. t.mu is held.
func (t *throttles) sweep(minute int64) {
	if t.swept == minute {
		return
	}
	t.swept = minute
	for uuid, c := range t.counters {
		if c.inFlight == 0 && c.minute != minute {
			delete(t.counters, uuid)
		}
	}
}

func (t *throttles) release(uuid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.counters[uuid]; c != nil {
		c.inFlight--
	}
}

// Admit is that of entitlement.Entitlement.
func (e *Entitlement) Admit(_ context.Context, caller *whisk.Identity, load entitlement.Load) (entitlement.Lease, error) {
	limits := caller.Effective(&e.limits)
	limits.InvocationsPerMinute = part(limits.InvocationsPerMinute, e.share)
	limits.FiresPerMinute = part(limits.FiresPerMinute, e.share)
	limits.ConcurrentInvocations = part(limits.ConcurrentInvocations, e.share)
	if err := e.throttles.admit(e.now(), caller.Namespace, load, &limits); err != nil {
		return nil, err
	}
	if load == entitlement.Fire {
		return new(lease), nil
	}
	return &lease{release: func() { e.throttles.release(caller.Namespace) }}, nil
}

type lease struct {
	once    sync.Once
	release func() // nil when nothing is held
}

func (l *lease) Release() {
	if l.release != nil {
		l.once.Do(l.release)
	}
}
