package chaos_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"quirl/test/quirltest"
)

// slots is how many functions can run at once: no more can be lost by one kill.
const slots = 8

// plain are the flags for functions that a test can watch, with that many slots.
var plain = []string{"--containers=process://", "--stem-cells=false", "--memory=" + strconv.Itoa(slots*256)}

// conductor asks for three steps and goes on when one of them is lost.
const conductor = `
const step = main;
main = function (args) {
	const done = args.done || 0;
	return step(args).then(() => done < 3 ? {action: "step", params: {n: done}, state: {done: done + 1}} : {params: {done}});
}`

// TestCompositionsOutliveKills accepts compositions without waiting for them and
// kills the server three times while they run. Each ends in one record, and so
// does each of its steps; no step runs twice; and what had not begun goes on.
func TestCompositionsOutliveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program")
	}
	for _, c := range []struct {
		name  string
		calls int
		// steps is how many functions run in each.
		steps  int
		define func(t *testing.T, s *quirltest.Server)
	}{
		{"sequences", 300, 3, func(t *testing.T, s *quirltest.Server) {
			putSequence(t, s, "target", "step", "step", "step")
		}},
		{"nested sequences", 150, 4, func(t *testing.T, s *quirltest.Server) {
			putSequence(t, s, "inner", "step", "step")
			putSequence(t, s, "target", "step", "inner", "step")
		}},
		{"conductors", 100, 7, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			witness := filepath.Join(t.TempDir(), "runs")
			s := quirltest.Start(t, quirltest.Options{Args: plain})
			putFunction(t, s, "step", witnessing(witness, 20))
			if c.define != nil {
				c.define(t, s)
			} else {
				putFunction(t, s, "target", witnessing(witness, 5)+conductor, map[string]any{"key": "conductor", "value": true})
			}
			ids := acceptMany(t, s, "actions/target", c.calls)
			for range 2 {
				s = quirltest.Start(t, quirltest.Options{Data: s.Data, Args: plain})
				awaitRuns(t, witness, c.calls*c.steps/5)
				s.Kill()
			}
			s = quirltest.Start(t, quirltest.Options{Data: s.Data, Args: plain})
			all := settled(t, s, ids)
			runs := readWitness(t, witness)
			wantRunsOnce(t, runs, all)
			tally := all.checkCompositions(t, ids, c.steps, runs)
			t.Logf("accepted: %d; whole: %d; with a step lost by a kill: %d; functions begun: %d; records: %d", len(ids), tally.whole, tally.hurt, len(runs), len(all))
			if tally.lost == 0 || tally.lost > 3*slots {
				t.Errorf("%d steps were lost by three kills, want 1 to %d: what ran when the server was killed, and no more", tally.lost, 3*slots)
			}
			if err := s.Stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
}

// A tally counts what became of compositions.
type tally struct{ whole, hurt, lost int }

// checkCompositions follows each composition through its logs, which must name
// all that was done for it and nothing else.
func (all ledger) checkCompositions(t *testing.T, ids map[string]bool, steps int, runs map[string]int) tally {
	t.Helper()
	var sum tally
	seen := map[string]bool{}
	for id, r := range all {
		if r.Cause != "" {
			continue
		}
		lost, ran := 0, 0
		all.walk(t, r, seen, func(step *record) {
			switch {
			case isLost(step):
				lost++
			case runs[step.ID] != 1:
				t.Errorf("%s of %s: its record says %s %v, but no function ran", step.ID, id, step.Response.Status, step.Response.Result)
			default:
				ran++
			}
		})
		sum.lost += lost
		switch {
		case lost > 0:
			sum.hurt++
		case r.Response.Status != "success" || ran != steps:
			t.Errorf("composition %s lost nothing, and ended with %s %v after %d of %d steps", id, r.Response.Status, r.Response.Result, ran, steps)
		case ids[id]:
			sum.whole++
		}
	}
	for id := range all {
		if !seen[id] {
			t.Errorf("activation %s is in no composition's logs", id)
		}
	}
	return sum
}

// walk visits the steps of a composition; seen collects all records on the way.
func (all ledger) walk(t *testing.T, r *record, seen map[string]bool, visit func(*record)) {
	t.Helper()
	if seen[r.ID] {
		t.Errorf("activation %s is in two logs", r.ID)
	}
	seen[r.ID] = true
	if r.note("kind") != "sequence" { // compositions have that kind too
		visit(r)
		return
	}
	for _, id := range r.Logs {
		switch step := all[id]; {
		case step == nil:
			t.Errorf("the logs of %s name %s, which has no record", r.ID, id)
		case step.Cause != r.ID:
			t.Errorf("the logs of %s name %s, whose cause is %q", r.ID, id, step.Cause)
		default:
			all.walk(t, step, seen, visit)
		}
	}
}

// isLost says that a function was under way when the server was killed.
func isLost(r *record) bool {
	text, _ := r.Response.Result["error"].(string)
	return r.Response.Status == "whisk internal error" && strings.Contains(text, "the platform stopped while it ran")
}
