package main

import (
	"context"
	"fmt"
	"time"
)

// conductorSteps is how many actions the conductor of this benchmark asks for.
const conductorSteps = 5

const conductorCode = `function main(args) {
	const done = args.done || 0;
	return done < 5 ? {action: "noop", state: {done: done + 1}} : {};
}`

// fast are the flags for a server whose limits and pauses are not to be seen.
var fast = []string{
	"--stem-cells=false", "--pause-after=0s", "--invocations-per-minute=100000000", "--fires-per-minute=100000000", "--concurrent-invocations=1000000",
}

// warmServer starts a server with a function that does nothing, in a warm
// container, and the floor under it.
func warmServer(ctx context.Context, o options) (*server, *floor, error) {
	s, err := start(ctx, fast...)
	if err != nil {
		return nil, nil, err
	}
	f, err := s.warmNoop(o)
	if err != nil {
		s.stop()
		return nil, nil, err
	}
	return s, f, nil
}

func (s *server) warmNoop(o options) (*floor, error) {
	err := s.put("actions/noop", map[string]any{
		"exec": map[string]any{"kind": "nodejs:default", "code": noop}, "annotations": []any{map[string]any{"key": "web-export", "value": true}},
	})
	if err != nil {
		return nil, err
	}
	for range o.calls / 3 {
		if _, err := s.invoke("noop"); err != nil {
			return nil, err
		}
	}
	sockets, err := s.sockets()
	if err != nil || len(sockets) != 1 {
		return nil, fmt.Errorf("%d containers after serial calls, want 1: %w", len(sockets), err)
	}
	return newFloor(sockets[0])
}

// turns measures something and the floor under it by turns, so that a change in
// the machine's load meets both alike. The times are per step.
func turns(n, steps int, f *floor, do func() (time.Duration, error)) (measured, straight []time.Duration, err error) {
	for range 10 {
		for range n / 10 {
			d, err := do()
			if err != nil {
				return nil, nil, err
			}
			measured = append(measured, d/time.Duration(steps))
		}
		for range n / 10 {
			d, err := f.run()
			if err != nil {
				return nil, nil, err
			}
			straight = append(straight, d)
		}
	}
	return measured, straight, nil
}

// compositions measures warm sequences and a conductor, per activation, and a web action.
func compositions(ctx context.Context, o options) ([]row, error) {
	s, f, err := warmServer(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	defer f.close()
	for name, length := range map[string]int{"two": 2, "ten": 10} {
		components := make([]string, length)
		for i := range components {
			components[i] = "/_/noop"
		}
		if err := s.put("actions/"+name, map[string]any{"exec": map[string]any{"kind": "sequence", "components": components}}); err != nil {
			return nil, err
		}
	}
	err = s.put("actions/conductor", map[string]any{
		"exec": map[string]any{"kind": "nodejs:default", "code": conductorCode}, "annotations": []any{map[string]any{"key": "conductor", "value": true}},
	})
	if err != nil {
		return nil, err
	}
	invoke := func(name string) func() (time.Duration, error) {
		return func() (time.Duration, error) { return s.invoke(name) }
	}
	var rows []row
	for _, m := range []struct {
		what   string
		steps  int
		do     func() (time.Duration, error)
		target string
	}{
		{"sequence of 2 warm no-ops, per step", 2, invoke("two"), "+0.5 ms P50"},
		{"sequence of 10 warm no-ops, per step", 10, invoke("ten"), "+0.5 ms P50"},
		{"conductor with 5 warm steps, per activation (11)", 2*conductorSteps + 1, invoke("conductor"), "+0.5 ms P50"},
		{"warm web action, GET", 1, func() (time.Duration, error) { return s.timed("GET", "/api/v1/web/guest/default/noop.json", nil) }, "+0.5 ms P50, +2 ms P99"},
	} {
		for range 50 {
			if _, err := m.do(); err != nil {
				return nil, err
			}
		}
		measured, straight, err := turns(o.calls/3, m.steps, f, m.do)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{what: m.what, stats: measured, floor: straight, target: m.target})
	}
	return rows, nil
}

// events measures the time from the event to the answer 202.
func events(ctx context.Context, o options) ([]row, error) {
	s, f, err := warmServer(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	f.close()
	var rows []row
	for _, m := range []struct {
		rules  int
		what   string
		target string
	}{{1, "trigger with 1 rule, to the 202", "≤ 1 ms P50"}, {10, "trigger with 10 rules, to the 202", "≤ 3 ms P50"}} {
		trigger := fmt.Sprint("rules", m.rules)
		if err := s.put("triggers/"+trigger, struct{}{}); err != nil {
			return nil, err
		}
		for i := range m.rules {
			err := s.put(fmt.Sprintf("rules/%s-%d", trigger, i), map[string]string{"trigger": "/_/" + trigger, "action": "/_/noop"})
			if err != nil {
				return nil, err
			}
		}
		var times []time.Duration
		for range o.calls / 10 {
			time.Sleep(time.Duration(m.rules) * 2 * time.Millisecond) // for the calls, which are not measured
			d, err := s.timed("POST", "/api/v1/namespaces/_/triggers/"+trigger, []byte(`{"n":1}`))
			if err != nil {
				return nil, err
			}
			times = append(times, d)
		}
		rows = append(rows, row{what: m.what, stats: times, target: m.target})
	}
	return rows, nil
}
