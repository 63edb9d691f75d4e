// Package balancertest checks that a Balancer keeps the promises of package balancer.
package balancertest

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"quirl/balancer"
	"quirl/whisk"
)

// Run checks a Balancer; open must return a fresh one on each call, with healthy
// invokers 0 to invokers-1 that have room for all the work of a case.
func Run(t *testing.T, invokers int, open func(*testing.T) balancer.Balancer) {
	t.Run("work goes to invokers that are there", func(t *testing.T) {
		b := open(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					w := balancer.Work{
						Activation: whisk.NewActivationID(time.Now()), Namespace: "ns",
						Action: whisk.FullName{Path: "ns", Name: "a"}, MemoryMB: 128,
					}
					invoker, err := b.Place(t.Context(), w)
					if err != nil || invoker < 0 || invoker >= invokers {
						t.Errorf("place %s: got invoker %d, %v; there are %d", w.Activation, invoker, err, invokers)
						return
					}
					b.Ended(w, invoker, balancer.Completed)
				}
			})
		}
		wg.Wait()
	})
	t.Run("all invokers are known", func(t *testing.T) {
		all := open(t).Invokers()
		if len(all) != invokers {
			t.Errorf("got the invokers %v, want %d", all, invokers)
		}
		for n, i := range all {
			if !strings.HasPrefix(i.Name, "invoker"+strconv.Itoa(n)+"/") || i.State != balancer.Up {
				t.Errorf("invoker %d: got %+v, want its number and that it is up", n, i)
			}
		}
	})
}
