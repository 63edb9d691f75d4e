// Package chaos_test kills the real program in the middle of its work and counts
// what is left.
package chaos_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quirl/bus/kafkabus/kafkatest"
	"quirl/test/quirltest"
)

// calls is how many non-blocking calls are accepted at most before the kill.
const calls = 1000

// senders is how many goroutines make them.
const senders = 8

func do(t *testing.T, url, method, path string, body any, into any) int {
	t.Helper()
	var r io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url+"/api/v1/namespaces/_/"+path, r)
	if err != nil {
		t.Fatal(err)
	}
	user, password, _ := strings.Cut(quirltest.GuestKey, ":")
	req.SetBasicAuth(user, password)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0 // killed meanwhile
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0
	}
	if into != nil && res.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return res.StatusCode
}

type accepted struct {
	ID string `json:"activationId"`
}

type record struct {
	accepted
	Cause    string
	Response struct {
		Status string
		Result map[string]any
	}
	Logs        []string
	Annotations []struct {
		Key   string
		Value any
	}
}

// note returns an annotation's value, nil when there is none.
func (r *record) note(key string) any {
	for _, n := range r.Annotations {
		if n.Key == key {
			return n.Value
		}
	}
	return nil
}

// TestKillInTheMiddle accepts a thousand calls, kills the server while they run,
// starts it again and finds exactly one record for each and no container left
// over. No function ran twice: plain processes, which can write to a file of the
// test, leave a line for every run.
func TestKillInTheMiddle(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program")
	}
	t.Run("processes", func(t *testing.T) { killInTheMiddle(t, "--containers=process://") })
	t.Run("processes with Kafka", func(t *testing.T) {
		killInTheMiddle(t, "--containers=process://", "--bus="+kafkatest.Start(t).Prefix(t).String())
	})
	t.Run("sandboxes", func(t *testing.T) {
		if quirltest.Containers() == "--containers=process://" {
			t.Skip("no sandbox for this user")
		}
		killInTheMiddle(t, quirltest.Containers())
	})
}

func killInTheMiddle(t *testing.T, args ...string) {
	witness := filepath.Join(t.TempDir(), "runs")
	first := quirltest.Start(t, quirltest.Options{Args: args})
	code := fmt.Sprintf(`const fs = require("fs");
function main() {
	try { fs.appendFileSync(%q, process.env.__OW_ACTIVATION_ID + "\n"); } catch (e) {} // not from a sandbox
	console.log("ran");
	return new Promise(r => setTimeout(() => r({ok: true}), 20));
}`, witness)
	if status := do(t, first.URL, http.MethodPut, "actions/count", map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": code}}, nil); status != 200 {
		t.Fatalf("create: status %d", status)
	}
	if status := do(t, first.URL, http.MethodPost, "actions/count?blocking=true", map[string]any{}, nil); status != 200 {
		t.Fatalf("invoke: status %d", status)
	}
	ids := acceptMany(t, first, "actions/count", calls)
	if len(ids) < calls {
		t.Fatalf("only %d calls were accepted before the kill", len(ids))
	}

	second := quirltest.Start(t, quirltest.Options{Data: first.Data, Args: args})
	statuses := map[string]int{}
	for id := range ids {
		statuses[await(t, second, id)]++
	}
	records := map[string]int{}
	for _, r := range listAll(t, second) {
		records[r.ID]++
		if r.Response.Status == "success" && len(r.Logs) != 1 {
			t.Errorf("activation %s has the logs %q, want one line", r.ID, r.Logs)
		}
	}
	for id := range ids {
		if records[id] != 1 {
			t.Errorf("activation %s has %d records, want 1", id, records[id])
		}
	}
	if err := second.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	nothingLeft(t, first.Data)
	runs := countRuns(t, witness, ids, records)
	t.Logf("accepted before the kill: %d; records: %d, by status: %v; runs witnessed: %d; containers left: 0", len(ids), len(records), statuses, runs)
	if statuses["whisk internal error"] == 0 {
		t.Error("no activation was under way when the server was killed: the test shows nothing")
	}
}

// countRuns reads the lines that the functions left and wants no id twice, and a
// record for each.
func countRuns(t *testing.T, witness string, ids map[string]bool, records map[string]int) int {
	t.Helper()
	runs := readWitness(t, witness) // none from sandboxes, which cannot write there
	for id, n := range runs {
		if n != 1 {
			t.Errorf("the function ran %d times for activation %s", n, id)
		}
	}
	// Each sender may have lost one answer by the kill: its call was accepted all
	// the same. The first call was a blocking one.
	unanswered := 0
	for id := range runs {
		if records[id] != 1 {
			t.Errorf("the function ran for activation %s, which has %d records, want 1", id, records[id])
		}
		if !ids[id] {
			unanswered++
		}
	}
	if unanswered > senders+1 {
		t.Errorf("%d runs of calls that were not answered, want at most %d", unanswered, senders+1)
	}
	return len(runs)
}

// acceptMany sends calls from all senders and kills the server when
// enough are accepted: most of them wait, some run. It returns the accepted ones.
func acceptMany(t *testing.T, s *quirltest.Server, path string, calls int) map[string]bool {
	t.Helper()
	enough := make(chan struct{})
	ids := make(map[string]bool)
	var mu sync.Mutex
	var once sync.Once
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for {
				mu.Lock()
				n := len(ids)
				mu.Unlock()
				if n >= calls {
					return
				}
				var a accepted
				if status := do(t, s.URL, http.MethodPost, path, map[string]any{}, &a); status != http.StatusAccepted {
					if status == http.StatusTooManyRequests {
						continue
					}
					return
				}
				mu.Lock()
				ids[a.ID] = true
				if len(ids) == calls {
					once.Do(func() { close(enough) })
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(2 * time.Minute):
		t.Error("the calls were not accepted in time")
	}
	s.Kill()
	sending.Wait()
	return ids
}

// await returns the status of the record of id, waiting for it to be there.
func await(t *testing.T, s *quirltest.Server, id string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		var r record
		if do(t, s.URL, http.MethodGet, "activations/"+id, nil, &r) == http.StatusOK {
			return r.Response.Status
		}
		select {
		case <-ctx.Done():
			t.Errorf("activation %s has no record", id)
			return "none"
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func listAll(t *testing.T, s *quirltest.Server) []record {
	t.Helper()
	var all []record
	for {
		var page []record
		if status := do(t, s.URL, http.MethodGet, fmt.Sprintf("activations?docs=true&limit=200&skip=%d", len(all)), nil, &page); status != http.StatusOK {
			t.Fatalf("list: status %d", status)
		}
		all = append(all, page...)
		if len(page) == 0 {
			return all
		}
	}
}

// nothingLeft looks for processes, cgroups and files of the instance.
func nothingLeft(t *testing.T, data string) {
	t.Helper()
	if !quirltest.Isolated() {
		return
	}
	sum := sha256.Sum256([]byte(data))
	instance := hex.EncodeToString(sum[:4])
	for _, pattern := range []string{"/sys/fs/cgroup/*/quirl/" + instance + "/*", "/sys/fs/cgroup/quirl/" + instance + "/*", "/run/quirl/" + instance + "/sockets/*"} {
		left, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range left {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				t.Errorf("left over: %s", path)
			}
		}
	}
}

// TestAnsweredCallsHaveRecords makes blocking calls, kills the server right
// after an answer, and finds the record of every call that was answered.
func TestAnsweredCallsHaveRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program")
	}
	args := []string{quirltest.Containers()}
	data := t.TempDir()
	var answered []string
	for round := range 5 {
		s := quirltest.Start(t, quirltest.Options{Data: data, Args: args})
		code := `function main() { console.log("hello"); return {ok: true} }`
		if status := do(t, s.URL, http.MethodPut, "actions/hello?overwrite=true", map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": code}}, nil); status != 200 {
			t.Fatalf("create: status %d", status)
		}
		for range 20 + round {
			var r record
			if status := do(t, s.URL, http.MethodPost, "actions/hello?blocking=true", map[string]any{}, &r); status != 200 {
				t.Fatalf("invoke: status %d", status)
			}
			answered = append(answered, r.ID)
		}
		s.Kill()
	}
	s := quirltest.Start(t, quirltest.Options{Data: data, Args: args})
	for _, id := range answered {
		var r record
		if status := do(t, s.URL, http.MethodGet, "activations/"+id, nil, &r); status != 200 || len(r.Logs) != 1 {
			t.Errorf("activation %s was answered; after the kill: status %d, logs %v", id, status, r.Logs)
		}
	}
	t.Logf("%d calls answered before five kills, %d found", len(answered), len(answered))
}
