package chaos_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"quirl/test/quirltest"
)

// firings is how many events are accepted at least.
const firings = 300

// TestFiringsOutliveKills fires a trigger with two rules, of which one calls a
// sequence, and kills the server in the middle and once more. What a firing was
// answered 202 for is there: its record, and one record of each call.
func TestFiringsOutliveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program")
	}
	witness := filepath.Join(t.TempDir(), "runs")
	s := quirltest.Start(t, quirltest.Options{Args: plain})
	putFunction(t, s, "step", witnessing(witness, 10))
	putSequence(t, s, "both", "step", "step")
	put(t, s, "triggers/dawn", map[string]any{})
	for rule, action := range map[string]string{"one": "step", "two": "both"} {
		put(t, s, "rules/"+rule, map[string]any{"trigger": "/_/dawn", "action": "/_/" + action})
	}
	fired := acceptMany(t, s, "triggers/dawn", firings)

	s = quirltest.Start(t, quirltest.Options{Data: s.Data, Args: plain})
	calls := map[string]bool{}
	for id := range fired {
		for _, call := range firedCalls(t, s, id) {
			if calls[call] {
				t.Errorf("activation %s is named by two firings", call)
			}
			calls[call] = true
		}
	}
	s.Kill()
	s = quirltest.Start(t, quirltest.Options{Data: s.Data, Args: plain})
	ids := maps.Clone(calls)
	maps.Copy(ids, fired)
	all := settled(t, s, ids)
	runs := readWitness(t, witness)
	wantRunsOnce(t, runs, all)
	lost := 0
	for _, r := range all {
		if isLost(r) && r.note("kind") != "sequence" {
			lost++
		}
	}
	t.Logf("fired: %d; calls of their rules: %d; functions begun: %d, lost by two kills: %d; records: %d", len(fired), len(calls), len(runs), lost, len(all))
	if lost == 0 || lost > 2*slots {
		t.Errorf("%d functions were lost by two kills, want 1 to %d", lost, 2*slots)
	}
}

// firedCalls returns the activations that the record of a firing names: one for each rule.
func firedCalls(t *testing.T, s *quirltest.Server, id string) []string {
	t.Helper()
	var r record
	if status := do(t, s.URL, "GET", "activations/"+id, nil, &r); status != 200 {
		t.Errorf("firing %s was accepted; after the kill: status %d", id, status)
		return nil
	}
	var calls []string
	for _, line := range r.Logs {
		var entry struct {
			accepted
			Success bool
			Error   string
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(fmt.Errorf("the logs of firing %s have %q: %w", id, line, err))
		}
		if !entry.Success || entry.ID == "" {
			t.Errorf("firing %s called an action in vain: %s", id, line)
			continue
		}
		calls = append(calls, entry.ID)
	}
	if len(calls) != 2 {
		t.Errorf("firing %s names %d activations, want one for each of its two rules", id, len(calls))
	}
	return calls
}
