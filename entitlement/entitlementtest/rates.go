package entitlementtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quirl/entitlement"
	"quirl/whisk"
)

// caller is somebody with a namespace that nobody else has.
func caller(limits whisk.NamespaceLimits) *whisk.Identity {
	return &whisk.Identity{Subject: "ann", Namespace: whisk.RandomText(12), Key: whisk.NewKey(), Limits: limits}
}

// admit wants the call to be admitted.
func admit(t *testing.T, e entitlement.Entitlement, who *whisk.Identity, load entitlement.Load) entitlement.Lease {
	t.Helper()
	lease, err := e.Admit(t.Context(), who, load)
	if err != nil {
		t.Fatalf("load %d: refused: %v", load, err)
	}
	return lease
}

// refuse wants the call to be refused with the text, for so long.
func refuse(t *testing.T, e entitlement.Entitlement, who *whisk.Identity, load entitlement.Load, text string, retry time.Duration) {
	t.Helper()
	lease, err := e.Admit(t.Context(), who, load)
	if err == nil {
		lease.Release()
		t.Fatalf("load %d: admitted, want %q", load, text)
	}
	refusal, ok := err.(*whisk.Error)
	if !ok || refusal.Kind != whisk.TooManyRequests || refusal.Message != text || refusal.RetryAfter != retry {
		t.Errorf("load %d: got %#v, want %q and to try again after %v", load, err, text, retry)
	}
}

func tooMany(count, allowed int) string {
	return fmt.Sprintf("Too many requests in the last minute (count: %d, allowed: %d).", count, allowed)
}

func inFlight(count, allowed int) string {
	return fmt.Sprintf("Too many concurrent requests in flight (count: %d, allowed: %d).", count, allowed)
}

// rest is what the suite's clock lacks to the next minute.
const rest = 39*time.Second + 500*time.Millisecond

func testRates(t *testing.T, e entitlement.Entitlement, clock *Clock) {
	one, two := caller(whisk.NamespaceLimits{}), caller(whisk.NamespaceLimits{})
	for _, who := range []*whisk.Identity{one, two} {
		for i := range 5 {
			colleague := *who
			if i%2 == 1 { // by another key of the namespace
				colleague.Subject, colleague.Key = "bob", whisk.NewKey()
			}
			admit(t, e, &colleague, entitlement.Invocation).Release()
		}
		refuse(t, e, who, entitlement.Invocation, tooMany(6, 5), rest)
	}
	clock.Move(rest - time.Nanosecond)
	refuse(t, e, one, entitlement.Invocation, tooMany(7, 5), time.Nanosecond)
	clock.Move(time.Nanosecond) // the minute of the wall clock
	for range 5 {
		admit(t, e, one, entitlement.Invocation).Release()
	}
	refuse(t, e, one, entitlement.Invocation, tooMany(6, 5), time.Minute)
	clock.Move(time.Hour)
	admit(t, e, two, entitlement.Invocation).Release()
}

func testLoads(t *testing.T, e entitlement.Entitlement, _ *Clock) {
	who := caller(whisk.NamespaceLimits{})
	for range 3 {
		admit(t, e, who, entitlement.Fire) // never given back: fires are not in flight
	}
	refuse(t, e, who, entitlement.Fire, tooMany(4, 3), rest)
	for range 4 {
		admit(t, e, who, entitlement.Invocation)
	}
	refuse(t, e, who, entitlement.Invocation, inFlight(4, 4), time.Second)
}

func testRefusedCount(t *testing.T, e entitlement.Entitlement, _ *Clock) {
	who := caller(whisk.NamespaceLimits{})
	leases := make([]entitlement.Lease, 4)
	for i := range leases {
		leases[i] = admit(t, e, who, entitlement.Invocation)
	}
	refuse(t, e, who, entitlement.Invocation, inFlight(4, 4), time.Second) // counts for the rate
	for _, l := range leases {
		l.Release()
	}
	for n := 6; n < 9; n++ {
		refuse(t, e, who, entitlement.Invocation, tooMany(n, 5), rest)
	}
}

func testZero(t *testing.T, e entitlement.Entitlement, clock *Clock) {
	zero := 0
	who := caller(whisk.NamespaceLimits{InvocationsPerMinute: &zero, FiresPerMinute: &zero})
	for range 2 {
		refuse(t, e, who, entitlement.Invocation, tooMany(1, 0), rest)
		refuse(t, e, who, entitlement.Fire, tooMany(1, 0), rest)
		clock.Move(time.Minute)
	}
	refuse(t, e, caller(whisk.NamespaceLimits{ConcurrentInvocations: &zero}), entitlement.Invocation, inFlight(0, 0), time.Second)
}

func testOwnLimits(t *testing.T, e entitlement.Entitlement, _ *Clock) {
	one, many := 1, 50
	small := caller(whisk.NamespaceLimits{InvocationsPerMinute: &one, FiresPerMinute: &one})
	large := caller(whisk.NamespaceLimits{InvocationsPerMinute: &many, ConcurrentInvocations: &many})
	admit(t, e, small, entitlement.Invocation)
	refuse(t, e, small, entitlement.Invocation, tooMany(2, 1), rest)
	admit(t, e, small, entitlement.Fire)
	refuse(t, e, small, entitlement.Fire, tooMany(2, 1), rest)
	for range many {
		admit(t, e, large, entitlement.Invocation)
	}
	refuse(t, e, large, entitlement.Invocation, tooMany(51, 50), rest)
}

func testConcurrency(t *testing.T, e entitlement.Entitlement, clock *Clock) {
	who := caller(whisk.NamespaceLimits{})
	leases := make([]entitlement.Lease, 4)
	for i := range leases {
		leases[i] = admit(t, e, who, entitlement.Invocation)
	}
	clock.Move(time.Minute) // what is in flight stays so
	refuse(t, e, who, entitlement.Invocation, inFlight(4, 4), time.Second)
	admit(t, e, caller(whisk.NamespaceLimits{}), entitlement.Invocation)
	clock.Move(time.Hour)
	refuse(t, e, who, entitlement.Invocation, inFlight(4, 4), time.Second)
	leases[2].Release()
	admit(t, e, who, entitlement.Invocation)
	refuse(t, e, who, entitlement.Invocation, inFlight(4, 4), time.Second)
}

func testLeaseOnce(t *testing.T, e entitlement.Entitlement, _ *Clock) {
	two := 2
	many := 1000
	who := caller(whisk.NamespaceLimits{ConcurrentInvocations: &two, InvocationsPerMinute: &many})
	first := admit(t, e, who, entitlement.Invocation)
	admit(t, e, who, entitlement.Invocation)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(first.Release)
	}
	wg.Wait()
	admit(t, e, who, entitlement.Invocation)
	refuse(t, e, who, entitlement.Invocation, inFlight(2, 2), time.Second)
}

func testLoad(t *testing.T, e entitlement.Entitlement, clock *Clock) {
	rate, flights := 1000, 7
	who := caller(whisk.NamespaceLimits{ConcurrentInvocations: &flights, InvocationsPerMinute: &rate})
	var wg sync.WaitGroup
	var flying, admitted atomic.Int64
	for range 20 {
		wg.Go(func() {
			for range 100 {
				lease, err := e.Admit(t.Context(), who, entitlement.Invocation)
				if err != nil {
					continue
				}
				admitted.Add(1)
				if n := flying.Add(1); n > int64(flights) {
					t.Errorf("%d in flight, allowed are %d", n, flights)
				}
				flying.Add(-1)
				lease.Release()
			}
		})
	}
	wg.Wait()
	if n := admitted.Load(); n == 0 || n > int64(rate) {
		t.Errorf("admitted %d calls in a minute, allowed are %d", n, rate)
	}
	refuse(t, e, who, entitlement.Invocation, tooMany(2001, rate), rest)
	clock.Move(time.Minute)
	for range flights { // nothing is left in flight
		admit(t, e, who, entitlement.Invocation)
	}
}
