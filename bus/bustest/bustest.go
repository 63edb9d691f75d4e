// Package bustest checks that a Bus keeps the promises of package bus.
package bustest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"quirl/bus"
)

// Run checks a Bus; open must return a fresh, empty one on each call, on whose
// topics at most capacity messages can wait (0: too many to try).
func Run(t *testing.T, capacity int, open func(*testing.T) bus.Bus) {
	for _, c := range []struct {
		name string
		fn   func(*testing.T, bus.Bus)
	}{
		{"messages sent before the first receiver arrive in order", testOrder},
		{"a group shares, groups do not", testGroups},
		{"nack returns the message first", testNack},
		{"topics are apart", testTopics},
		{"receive ends with its context", testContext},
		{"close unblocks receivers", testClose},
		{"many senders and receivers lose and repeat nothing", testMany},
		{"a full topic refuses and recovers", func(t *testing.T, b bus.Bus) { testFull(t, b, capacity) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t)
			t.Cleanup(func() { b.Close() })
			c.fn(t, b)
		})
	}
}

func send(t *testing.T, b bus.Bus, topic string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := b.Send(t.Context(), topic, bus.Raw(text)); err != nil {
			t.Fatalf("send %q to %s: %v", text, topic, err)
		}
	}
}

func receive(t *testing.T, b bus.Bus, topic, group string) bus.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := b.Receive(ctx, topic, group)
	if err != nil {
		t.Fatalf("receive from %s as %s: %v", topic, group, err)
	}
	return d
}

func expect(t *testing.T, b bus.Bus, topic, group string, want ...string) {
	t.Helper()
	for _, w := range want {
		d := receive(t, b, topic, group)
		if got := string(d.Message().Encode()); got != w {
			t.Fatalf("receive from %s as %s: got %q, want %q", topic, group, got, w)
		}
		d.Ack()
	}
}

func testOrder(t *testing.T, b bus.Bus) {
	send(t, b, "invoker0", "1", "2", "3")
	expect(t, b, "invoker0", "g", "1", "2")
	send(t, b, "invoker0", "4")
	expect(t, b, "invoker0", "g", "3", "4")
}

func testGroups(t *testing.T, b bus.Bus) {
	send(t, b, "events", "early")
	expect(t, b, "events", "a", "early")
	ready := make(chan string, 1)
	go func() {
		d, err := b.Receive(t.Context(), "events", "b")
		if err != nil {
			ready <- err.Error()
			return
		}
		d.Ack()
		ready <- string(d.Message().Encode())
	}()
	// Group b exists from its first Receive on; "x" is repeated until b gets one.
	got := ""
	sent := 0
	for got == "" {
		send(t, b, "events", "x")
		sent++
		select {
		case got = <-ready:
		case <-time.After(time.Millisecond):
		}
	}
	if got != "x" && got != "early" {
		t.Errorf("group b received %q", got)
	}
	for range sent {
		expect(t, b, "events", "a", "x")
	}
}

func testNack(t *testing.T, b bus.Bus) {
	send(t, b, "invoker0", "1", "2")
	receive(t, b, "invoker0", "g").Nack()
	expect(t, b, "invoker0", "g", "1", "2")
}

func testTopics(t *testing.T, b bus.Bus) {
	send(t, b, "invoker0", "a")
	send(t, b, "invoker1", "b")
	expect(t, b, "invoker1", "g", "b")
	expect(t, b, "invoker0", "g", "a")
}

func testContext(t *testing.T, b bus.Bus) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := b.Receive(ctx, "invoker0", "g")
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("receive with an ended context: %v, want %v", err, context.Canceled)
	}
}

func testClose(t *testing.T, b bus.Bus) {
	var wg sync.WaitGroup
	ended := make(chan error, 4)
	for range cap(ended) {
		wg.Go(func() {
			_, err := b.Receive(context.Background(), "invoker0", "g")
			ended <- err
		})
	}
	if err := b.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	wg.Wait()
	close(ended)
	for err := range ended {
		if !errors.Is(err, bus.ErrClosed) {
			t.Errorf("receive on a closed bus: %v, want %v", err, bus.ErrClosed)
		}
	}
	if err := b.Send(t.Context(), "invoker0", bus.Raw("late")); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("send on a closed bus: %v, want %v", err, bus.ErrClosed)
	}
}

func testMany(t *testing.T, b bus.Bus) {
	const senders, each, receivers = 4, 250, 3
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for i := range each {
				for {
					err := b.Send(t.Context(), "invoker0", bus.Raw(fmt.Sprintf("%d/%d", s, i)))
					if err == nil {
						break
					}
					if !errors.Is(err, bus.ErrFull) {
						t.Errorf("send: %v", err)
						return
					}
				}
			}
		})
	}
	got := make(chan string, senders*each)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range receivers {
		go func() {
			for {
				d, err := b.Receive(ctx, "invoker0", "g")
				if err != nil {
					return
				}
				d.Ack()
				got <- string(d.Message().Encode())
			}
		}()
	}
	seen := make(map[string]int)
	for range senders * each {
		select {
		case m := <-got:
			seen[m]++
		case <-ctx.Done():
			t.Fatalf("received %d of %d messages", len(seen), senders*each)
		}
	}
	sending.Wait()
	if len(seen) != senders*each {
		t.Errorf("received %d different messages, want %d", len(seen), senders*each)
	}
}

func testFull(t *testing.T, b bus.Bus, capacity int) {
	if capacity == 0 {
		t.Skip("the bus declares no bound that a test can reach")
	}
	for i := range capacity {
		send(t, b, "invoker0", fmt.Sprint(i))
	}
	if err := b.Send(t.Context(), "invoker0", bus.Raw("too much")); !errors.Is(err, bus.ErrFull) {
		t.Errorf("send to a full topic: %v, want %v", err, bus.ErrFull)
	}
	expect(t, b, "invoker0", "g", "0")
	send(t, b, "invoker0", "again")
}
