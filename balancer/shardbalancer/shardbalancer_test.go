package shardbalancer

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"quirl/balancer"
	"quirl/balancer/balancertest"
	"quirl/internal/logtest"
	"quirl/whisk"
)

func TestCoprimes(t *testing.T) {
	for n, want := range map[int][]int{1: {1}, 2: {1}, 5: {1, 2, 3}, 9: {1, 2, 5, 7}, 10: {1, 3, 7}, 12: {1, 5, 7, 11}} {
		if got := coprimes(n); !slices.Equal(got, want) {
			t.Errorf("%d: got %v, want %v", n, got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	for n, want := range map[int][2]int{0: {0, 0}, 1: {1, 1}, 2: {2, 1}, 9: {9, 1}, 10: {9, 1}, 11: {10, 1}, 20: {18, 2}, 101: {91, 10}} {
		if m, b := groups(n); m != want[0] || b != want[1] {
			t.Errorf("%d invokers: got %d and %d, want %v", n, m, b, want)
		}
	}
}

// TestVisit: every invoker is tried once, whatever the hash.
func TestVisit(t *testing.T) {
	for n := range 40 {
		p := newPlan(n)
		for hash := range uint64(200) {
			var seen []int
			if got := p.visit(hash, func(i int) bool { seen = append(seen, i); return false }); got != -1 {
				t.Fatalf("nothing was taken, and visit returns %d", got)
			}
			slices.Sort(seen)
			if len(slices.Compact(seen)) != n || n > 0 && seen[n-1] != n-1 {
				t.Fatalf("%d invokers, hash %d: tried %v", n, hash, seen)
			}
		}
	}
}

func TestSlots(t *testing.T) {
	s := &slots{free: 512}
	expect := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	expect("the first one", s.take("a", 256, 1), true)
	expect("one with room for three", s.take("b", 256, 3), true)
	expect("another action", s.take("c", 256, 1), false)
	expect("the second in its container", s.take("b", 256, 3), true)
	expect("the third", s.take("b", 256, 3), true)
	expect("a fourth", s.take("b", 256, 3), false)
	s.force("b", 256, 3)
	expect("memory after it was forced", s.free, -256)
	for range 4 {
		s.give("b", 256, 3)
	}
	s.give("a", 256, 1)
	expect("memory when all has ended", s.free, 512)
	expect("shared room", len(s.shared), 0)
}

// A cluster is a balancer with invokers of 1024 MB each, and a clock of the test's.
type cluster struct {
	*Balancer
	now  time.Time
	lost []int
}

func newCluster(t *testing.T, invokers, controllers int) *cluster {
	t.Helper()
	c := &cluster{now: time.Unix(1_000_000, 0)}
	c.Balancer = New(Config{
		Controllers: controllers, Smallest: 128, Queue: 3, Log: logtest.New(t), Now: func() time.Time { return c.now },
		Lost: func(n int) { c.lost = append(c.lost, n) },
	})
	for n := range invokers {
		c.ping(n)
	}
	return c
}

func (c *cluster) ping(n int) {
	c.Heard(Word{Number: n, Name: fmt.Sprint("host", n), MemoryMB: 1024, Enabled: true})
}

func work(action string) balancer.Work {
	return balancer.Work{Activation: whisk.NewActivationID(time.Now()), Namespace: "ns", Action: whisk.FullName{Path: "ns", Name: action}, MemoryMB: 256, Concurrency: 1}
}

func (c *cluster) place(t *testing.T, w balancer.Work) int {
	t.Helper()
	n, err := c.Place(t.Context(), w)
	if err != nil {
		t.Fatalf("place %s: %v", w.Action.Name, err)
	}
	return n
}

func (c *cluster) state(n int) balancer.State { return c.Invokers()[n].State }

func TestBalancer(t *testing.T) {
	balancertest.Run(t, 5, func(t *testing.T) balancer.Balancer { return newCluster(t, 5, 1).Balancer })
}

// TestHome: an action stays where it was while there is room, and then takes the next invoker.
func TestHome(t *testing.T) {
	c := newCluster(t, 10, 2) // 512 MB each: two activations
	home := c.place(t, work("a"))
	if n := c.place(t, work("a")); n != home {
		t.Errorf("the second one went to %d, want %d", n, home)
	}
	third := c.place(t, work("a"))
	if third == home {
		t.Errorf("the third one went to %d, where there is no room", third)
	}
	c.Ended(work("a"), home, balancer.Completed)
	if n := c.place(t, work("a")); n != home {
		t.Errorf("after one ended: got %d, want %d", n, home)
	}
	c = newCluster(t, 10, 2)
	homes := map[int]int{}
	for i := range 900 {
		w := work(fmt.Sprint("other", i))
		n := c.place(t, w)
		c.Ended(w, n, balancer.Completed)
		homes[n]++
	}
	for n := range 9 {
		if homes[n] < 50 || homes[n] > 200 {
			t.Errorf("%d of 900 actions are at home on invoker %d", homes[n], n)
		}
	}
}

// TestFull: beyond the room a bounded number waits, spread over the invokers; then work is refused.
func TestFull(t *testing.T) {
	c := newCluster(t, 2, 1) // room for 4 each
	perInvoker := map[int]int{}
	for range 8 + 2*3 {
		perInvoker[c.place(t, work("a"))]++
	}
	if perInvoker[0] != 7 || perInvoker[1] != 7 || c.Overload() != 6 {
		t.Errorf("got %v, %d of them without room; want 7 each, 6 without", perInvoker, c.Overload())
	}
	if n, err := c.Place(t.Context(), work("a")); !errors.Is(err, balancer.ErrFull) {
		t.Errorf("one more: got %d, %v; want %v", n, err, balancer.ErrFull)
	}
	c.Ended(work("a"), 1, balancer.Completed)
	if n := c.place(t, work("a")); n != 1 {
		t.Errorf("after one ended on 1: got %d", n)
	}
}

func TestNobody(t *testing.T) {
	c := newCluster(t, 0, 1)
	if n, err := c.Place(t.Context(), work("a")); whisk.KindOf(err) != whisk.Unavailable {
		t.Errorf("without invokers: got %d, %v", n, err)
	}
	c.ping(2) // 0 and 1 were never heard of
	for range 3 {
		if n := c.place(t, work("a")); n != 2 {
			t.Errorf("got %d, want the only one that is there", n)
		}
	}
}

func TestBlackbox(t *testing.T) {
	c := newCluster(t, 20, 1)
	for i := range 50 {
		w := work(fmt.Sprint("a", i))
		n := c.place(t, w)
		if n > 17 {
			t.Errorf("invoker %d is for images of users", n)
		}
		c.Ended(w, n, balancer.Completed)
		w.Blackbox = true
		if n = c.place(t, w); n < 18 {
			t.Errorf("a user's image went to %d, want 18 or 19", n)
		}
		c.Ended(w, n, balancer.Completed)
	}
}

func TestHealth(t *testing.T) {
	c := newCluster(t, 2, 1)
	want := func(when string, n int, s balancer.State) {
		t.Helper()
		if got := c.state(n); got != s {
			t.Errorf("%s: invoker %d is %s, want %s", when, n, got, s)
		}
	}
	want("at first", 0, balancer.Up)
	pass := func(d time.Duration, speaking ...int) {
		for end := c.now.Add(d); c.now.Before(end); {
			c.now = c.now.Add(time.Second)
			for _, n := range speaking {
				c.ping(n)
			}
			c.look()
		}
	}
	pass(11*time.Second, 1)
	want("after a silence", 0, balancer.Down)
	if !slices.Equal(c.lost, []int{0}) {
		t.Errorf("lost: got %v, want 0", c.lost)
	}
	for range 4 {
		if n := c.place(t, work("a")); n != 1 {
			t.Errorf("work went to %d, which is down", n)
		}
	}
	pass(time.Second, 0, 1)
	want("when it speaks again", 0, balancer.Up)

	for range 4 {
		c.Ended(work("a"), 1, balancer.SystemError)
	}
	want("after 4 errors", 1, balancer.Unhealthy)
	for range 3 {
		if n := c.place(t, work("b")); n != 0 {
			t.Errorf("work went to %d, which is unhealthy", n)
		}
	}
	pass(50*time.Second, 0, 1)
	want("within a minute", 1, balancer.Unhealthy)
	pass(20*time.Second, 0, 1)
	want("after a minute", 1, balancer.Up)
	for range 4 {
		c.Ended(work("a"), 1, balancer.SystemError)
	}
	want("after 4 more errors", 1, balancer.Unhealthy)
	for range 7 {
		c.Ended(work("a"), 1, balancer.Completed) // of what was there before
	}
	want("after as many good ends", 1, balancer.Up)
	for range 4 {
		c.Ended(work("a"), 0, balancer.TimedOut)
	}
	want("after 4 that were never heard of", 0, balancer.Unresponsive)
	c.Heard(Word{Number: 0, Name: "host0", MemoryMB: 1024})
	want("when it takes nothing", 0, balancer.Down)
	c.Heard(Word{Number: -1, Enabled: true})
	c.Heard(Word{Number: mostInvokers, Enabled: true})
	if len(c.Invokers()) != 2 {
		t.Errorf("numbers that cannot be: got %v", c.Invokers())
	}
}

// TestMemoryChanges: an invoker that comes back with more memory has more room, whatever runs there.
func TestMemoryChanges(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.place(t, work("a"))
	c.Heard(Word{Number: 0, MemoryMB: 2048, Enabled: true})
	if got := c.invokers[0].free; got != 2048-256 {
		t.Errorf("got %d MB free, want %d", got, 2048-256)
	}
}
