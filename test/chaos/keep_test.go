package chaos_test

import (
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"quirl/test/quirltest"
)

// TestCallsThatWereNotWaitedForOutliveKills makes blocking calls whose callers
// lose patience, and kills the server once all of them were told 202.
func TestCallsThatWereNotWaitedForOutliveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program")
	}
	witness := filepath.Join(t.TempDir(), "runs")
	s := quirltest.Start(t, quirltest.Options{Args: plain})
	putFunction(t, s, "step", witnessing(witness, 20_000))
	putSequence(t, s, "both", "step", "step")
	ids := map[string]bool{}
	var mu sync.Mutex
	var callers sync.WaitGroup
	for i := range 3 * slots { // most of them find no room
		callers.Go(func() {
			var a accepted
			name := []string{"step", "both"}[i%2]
			if status := do(t, s.URL, http.MethodPost, "actions/"+name+"?blocking=true&timeout=100", map[string]any{}, &a); status != http.StatusAccepted {
				t.Errorf("a call that takes 20 s, with a timeout of 100 ms: status %d, want 202", status)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[a.ID] = true
		})
	}
	callers.Wait()
	s.Kill()
	s = quirltest.Start(t, quirltest.Options{Data: s.Data, Args: plain})
	all := settled(t, s, ids)
	runs := readWitness(t, witness)
	wantRunsOnce(t, runs, all)
	seen := map[string]bool{}
	for id := range ids {
		all.walk(t, all[id], seen, func(step *record) {
			if !isLost(step) {
				t.Errorf("%s of %s was under way when the server was killed; got %s %v", step.ID, id, step.Response.Status, step.Response.Result)
			}
		})
	}
	t.Logf("told 202: %d; functions begun: %d; records: %d", len(ids), len(runs), len(all))
}
