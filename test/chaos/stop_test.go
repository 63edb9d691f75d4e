package chaos_test

import (
	"path/filepath"
	"testing"

	"quirl/test/quirltest"
)

// TestStopInTheMiddleOfSequences stops the server in order, twice, in the middle
// of long sequences. It exits with 0, having waited for the functions that ran;
// after the next start all sequences go on, as if nothing had happened.
func TestStopInTheMiddleOfSequences(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program")
	}
	witness := filepath.Join(t.TempDir(), "runs")
	s := quirltest.Start(t, quirltest.Options{Args: plain})
	putFunction(t, s, "step", witnessing(witness, 200))
	putSequence(t, s, "target", "step", "step", "step", "step")
	ids := map[string]bool{}
	for range 3 * slots {
		var a accepted
		if status := do(t, s.URL, "POST", "actions/target", map[string]any{}, &a); status != 202 {
			t.Fatalf("invoke: status %d", status)
		}
		ids[a.ID] = true
	}
	for range 2 {
		awaitRuns(t, witness, 2*slots)
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		s = quirltest.Start(t, quirltest.Options{Data: s.Data, Args: plain})
	}
	if done := len(readWitness(t, witness)); done >= 4*len(ids) {
		t.Errorf("all %d functions had run before the last start: the test shows nothing", done)
	}
	all := settled(t, s, ids)
	runs := readWitness(t, witness)
	wantRunsOnce(t, runs, all)
	sum := all.checkCompositions(t, ids, 4, runs)
	t.Logf("accepted: %d; whole: %d; functions begun: %d; records: %d", len(ids), sum.whole, len(runs), len(all))
	if sum.whole != len(ids) {
		t.Errorf("%d of %d sequences went through as if nothing had happened", sum.whole, len(ids))
	}
}
