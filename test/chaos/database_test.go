package chaos_test

import (
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"quirl/internal/realtest"
	"quirl/test/quirltest"
)

// TestDatabaseKilled kills the database twice under load, so that it is away for some seconds, longer
// than a call waits and shorter: what was accepted has one record, ran once, and succeeded; nothing
// is restarted but the database.
func TestDatabaseKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program and a database")
	}
	for _, program := range []string{"postgres", "couchdb"} {
		t.Run(program, func(t *testing.T) {
			database, err := realtest.NewServer(program)
			realtest.Require(t, err)
			defer func() {
				if err := database.Remove(); err != nil {
					t.Error(err)
				}
			}()
			killDatabase(t, database)
		})
	}
}

func killDatabase(t *testing.T, database *realtest.Server) {
	witness := filepath.Join(t.TempDir(), "runs")
	s := quirltest.Start(t, quirltest.Options{Args: []string{"--containers=process://", "--store=" + database.URL}})
	putFunction(t, s, "step", witnessing(witness, 20))
	ids, statuses := map[string]bool{}, map[int]int{}
	var mu sync.Mutex
	var sending sync.WaitGroup
	done := make(chan struct{})
	for i := range senders {
		sending.Go(func() {
			blocking := []string{"false", "true"}[i%2]
			for {
				select {
				case <-done:
					return
				case <-time.After(100 * time.Millisecond):
				}
				var a accepted
				status := do(t, s.URL, http.MethodPost, "actions/step?blocking="+blocking, map[string]any{}, &a)
				mu.Lock()
				if statuses[status]++; status == http.StatusOK || status == http.StatusAccepted {
					ids[a.ID] = true
				}
				mu.Unlock()
			}
		})
	}
	for _, away := range []time.Duration{2 * time.Second, 13 * time.Second} {
		awaitRuns(t, witness, 100)
		if err := database.Kill(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(away)
		if err := database.Start(); err != nil {
			t.Fatal(err)
		}
	}
	awaitRuns(t, witness, 100)
	close(done)
	sending.Wait()
	all := settled(t, s, ids)
	wantRunsOnce(t, readWitness(t, witness), all)
	for id := range ids {
		if r := all[id]; r != nil && r.Response.Status != "success" {
			t.Errorf("activation %s was accepted, and ended with %s %v", id, r.Response.Status, r.Response.Result)
		}
	}
	for status := range statuses {
		switch status {
		case http.StatusOK, http.StatusAccepted, http.StatusServiceUnavailable:
		default:
			t.Errorf("%d calls were answered with status %d", statuses[status], status)
		}
	}
	t.Logf("calls by status: %v; accepted: %d; records: %d", statuses, len(ids), len(all))
}
