package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// printing prints one line on each stream.
const printing = "function main() { console.log('a line'); console.error('a line'); return {} }"

// batch is how many calls of a turn are sent without waiting for their ends.
const batch = 4000

// logs measures what log lines cost: throughput of calls that nobody waits for,
// from the first to the last record, and how soon a container is free again.
func logs(ctx context.Context, o options) ([]row, error) {
	s, err := start(ctx, "--stem-cells=false", "--pause-after=0s", "--invocations-per-minute=100000000", "--concurrent-invocations=100000")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	for _, a := range []struct {
		name, code string
		logs       int
	}{{"silent", noop, 10}, {"prints", printing, 10}, {"unheard", printing, 0}} {
		if err := s.createLimited(a.name, a.code, map[string]int{"logs": a.logs}); err != nil {
			return nil, err
		}
	}
	reuse, err := s.reuse(o)
	if err != nil {
		return nil, err
	}
	beside, err := s.turns("prints", "silent")
	if err != nil {
		return nil, err
	}
	unheard, err := s.turns("prints", "unheard")
	if err != nil {
		return nil, err
	}
	beside.what, beside.target = "non-blocking calls with log lines, accepted to recorded, beside a function that prints nothing", "≥ 90 %"
	unheard.what = "the same beside a log limit of 0"
	return []row{beside, unheard, reuse}, nil
}

// createLimited creates a function with limits.
func (c *conn) createLimited(name, code string, limits map[string]int) error {
	return c.put("actions/"+name, map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": code}, "limits": limits})
}

// turns measures two functions in turns and takes the turn with the median ratio.
func (s *server) turns(name, beside string) (row, error) {
	type turn struct{ of, floor float64 }
	turns := make([]turn, 8)
	for i := range turns {
		var err error
		if turns[i].of, err = s.recorded(name); err != nil {
			return row{}, err
		}
		if turns[i].floor, err = s.recorded(beside); err != nil {
			return row{}, err
		}
	}
	turns = turns[1:] // until then containers are started
	slices.SortFunc(turns, func(a, b turn) int { return int(1e6 * (a.of/a.floor - b.of/b.floor)) })
	t := turns[len(turns)/2]
	return row{text: fmt.Sprintf("%.0f/s", t.of), base: fmt.Sprintf("%.0f/s", t.floor), ratio: fmt.Sprintf("%.0f %%", 100*t.of/t.floor)}, nil
}

// recorded is how many calls per second are accepted, run and recorded.
func (s *server) recorded(name string) (float64, error) {
	began := time.Now()
	if err := s.send(name); err != nil {
		return 0, err
	}
	for {
		n, err := s.recordsSince(name, began)
		if err != nil {
			return 0, err
		}
		if n >= batch {
			return batch / time.Since(began).Seconds(), nil
		}
		if time.Since(began) > time.Minute {
			return 0, fmt.Errorf("%d records of %d calls of %s after a minute", n, batch, name)
		}
		time.Sleep(10 * time.Millisecond) // asking is work for the server, too
	}
}

// send sends a batch of calls, by as many callers as elsewhere.
func (s *server) send(name string) error {
	errs := make(chan error)
	for range workers {
		go func() {
			c, err := s.connect()
			for i := 0; i < batch/workers && err == nil; i++ {
				_, err = c.call("POST", "/api/v1/namespaces/_/actions/"+name, []byte("{}"))
			}
			errs <- err
		}()
	}
	var err error
	for range workers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// recordsSince counts the records of an action.
func (s *server) recordsSince(name string, began time.Time) (int, error) {
	answer, err := s.call("GET", fmt.Sprintf("/api/v1/namespaces/_/activations?count=true&name=%s&since=%d", name, began.UnixMilli()), nil)
	if err != nil {
		return 0, err
	}
	var count struct{ Activations int }
	err = json.Unmarshal(answer, &count)
	return count.Activations, err
}

// reuse measures serial calls: each needs the container that the one before it
// had, so that what delays the reuse of a container delays them.
func (s *server) reuse(o options) (row, error) {
	prints, silent, err := s.inTurns(o.calls, "prints", "silent")
	if err != nil {
		return row{}, err
	}
	sockets, err := s.sockets()
	if err == nil && len(sockets) != 2 {
		err = fmt.Errorf("%d containers after serial calls of two functions, want 2: one was not free in time", len(sockets))
	}
	return row{
		what:  "warm call of a function that prints a line on each stream, serial, so that its container must be free again; beside one that prints nothing",
		stats: prints, floor: silent, target: "+1 ms P50",
	}, err
}

// inTurns calls two functions n times each.
func (s *server) inTurns(n int, one, other string) (ones, others []time.Duration, err error) {
	for i := range n + n/10 {
		a, err := s.invoke(one)
		if err != nil {
			return nil, nil, err
		}
		b, err := s.invoke(other)
		if err != nil {
			return nil, nil, err
		}
		if i >= n/10 { // until then everything gets warm
			ones, others = append(ones, a), append(others, b)
		}
	}
	return ones, others, nil
}
