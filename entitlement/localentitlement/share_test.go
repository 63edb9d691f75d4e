package localentitlement

import (
	"testing"
	"time"

	"quirl/entitlement"
	"quirl/whisk"
)

func TestPart(t *testing.T) {
	for _, c := range []struct{ limit, controllers, want int }{
		{60, 1, 60}, {60, 2, 36}, {30, 3, 12}, {1, 5, 1}, {0, 2, 0}, {7, 2, 4}, {100, 0, 100},
	} {
		if got := part(c.limit, c.controllers); got != c.want {
			t.Errorf("%d for one of %d: got %d, want %d", c.limit, c.controllers, got, c.want)
		}
	}
}

// TestShare counts what one of two controllers admits.
func TestShare(t *testing.T) {
	e := NewShare(nil, whisk.SystemLimits{InvocationsPerMinute: 10, FiresPerMinute: 5, ConcurrentInvocations: 100}, 2, func() time.Time { return time.Unix(1_000_000, 0) })
	caller := &whisk.Identity{Namespace: "ns"}
	for load, want := range map[entitlement.Load]int{entitlement.Invocation: 6, entitlement.Fire: 3} {
		admitted := 0
		for range 10 {
			if _, err := e.Admit(t.Context(), caller, load); err == nil {
				admitted++
			}
		}
		if admitted != want {
			t.Errorf("load %v: %d of 10 were admitted, want %d", load, admitted, want)
		}
	}
}
