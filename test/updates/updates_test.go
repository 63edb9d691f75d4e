// Package updates_test has several clients change the same things at once on the
// real program: of two writers of one revision one wins, and nothing that was
// answered 200 is lost.
package updates_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"quirl/test/quirltest"
)

// An answer is what a client gets for a request about an entity.
type answer struct {
	status  int
	Error   string
	Version string
	Status  string // of a rule
	// Annotations hold the mark of the client who wrote them.
	Annotations []struct {
		Key   string
		Value any
	}
	Action nameOf
	Rules  map[string]struct {
		Action nameOf
		Status string
	}
}

type nameOf struct{ Path, Name string }

func (a *answer) mark() any {
	for _, n := range a.Annotations {
		if n.Key == "mark" {
			return n.Value
		}
	}
	return nil
}

type clients struct {
	*quirltest.Server
	t *testing.T
}

func start(t *testing.T) *clients {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the program")
	}
	s := quirltest.Start(t, quirltest.Options{Args: []string{"--containers=process://", "--stem-cells=false"}})
	t.Cleanup(http.DefaultClient.CloseIdleConnections) // a stop waits seconds for those on which nothing came yet
	return &clients{s, t}
}

// send sends a request; errors of the connection fail the test. It may be called from any goroutine.
func (c *clients) send(method, path string, body any) answer {
	c.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.URL+"/api/v1/namespaces/_/"+path, bytes.NewReader(text))
	if err != nil {
		c.t.Error(err)
		return answer{}
	}
	user, password, _ := strings.Cut(quirltest.GuestKey, ":")
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
		return answer{}
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode}
	if text, err = io.ReadAll(res.Body); err == nil && bytes.HasPrefix(text, []byte("{")) {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		c.t.Errorf("%s %s: %v in %s", method, path, err, text)
	}
	return a
}

// want is send for requests that must succeed.
func (c *clients) want(method, path string, body any) answer {
	c.t.Helper()
	a := c.send(method, path, body)
	if a.status != http.StatusOK {
		c.t.Fatalf("%s %s: status %d: %s", method, path, a.status, a.Error)
	}
	return a
}

// atOnce does n things at the same time and returns the answers.
func atOnce(n int, do func(i int) answer) []answer {
	answers := make([]answer, n)
	var together, done sync.WaitGroup
	together.Add(n)
	for i := range n {
		done.Go(func() {
			together.Done()
			together.Wait()
			answers[i] = do(i)
		})
	}
	done.Wait()
	return answers
}

const (
	rounds  = 100
	writers = 3
)

func function(code string) map[string]any {
	return map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": code}}
}

// prepare makes what the entities of the tests refer to.
func prepare(t *testing.T) *clients {
	t.Helper()
	c := start(t)
	for i := range writers {
		c.want(http.MethodPut, fmt.Sprintf("actions/target%d", i), function("function main() {}"))
	}
	c.want(http.MethodPut, "triggers/t", map[string]any{})
	return c
}

// TestUpdatesAtOnce updates one entity of each collection from several clients:
// each revision is made by one of them, who was answered 200; the others were
// answered 409. What is stored in the end is the last revision's.
func TestUpdatesAtOnce(t *testing.T) {
	server := prepare(t).Server
	refused := 0
	empty := func(int) map[string]any { return map[string]any{} }
	for _, e := range []struct {
		path string
		body func(writer int) map[string]any
	}{
		{"actions/a", func(i int) map[string]any { return function(fmt.Sprintf("function main() { return %d }", i)) }},
		{"packages/p", empty},
		{"triggers/u", empty},
		{"rules/r", func(i int) map[string]any {
			return map[string]any{"trigger": "/_/t", "action": fmt.Sprintf("/_/target%d", i)}
		}},
	} {
		t.Run(e.path[:len(e.path)-2], func(t *testing.T) {
			c := &clients{server, t}
			c.want(http.MethodPut, e.path, e.body(0))
			patch := 1 // of the version that is stored
			for round := range rounds {
				answers := atOnce(writers, func(i int) answer {
					b := e.body(i)
					b["annotations"] = []map[string]any{{"key": "mark", "value": fmt.Sprint(round, "/", i)}}
					return c.send(http.MethodPut, e.path+"?overwrite=true", b)
				})
				patch = c.checkUpdates(e.path, patch, answers)
			}
			t.Logf("%d rounds of %d updates: %d made a revision, the others were refused", rounds, writers, patch-1)
			refused += rounds*writers - (patch - 1)
		})
	}
	if refused == 0 {
		t.Error("no update was refused: the test shows nothing")
	}
}

// checkUpdates holds what the writers of one round were answered against each
// other and against what is stored, and returns the last version's patch number.
func (c *clients) checkUpdates(path string, patch int, answers []answer) int {
	c.t.Helper()
	made := map[string]*answer{} // by version
	for i, a := range answers {
		switch {
		case a.status == http.StatusConflict && a.Error == "Concurrent modification to resource detected.":
		case a.status != http.StatusOK:
			c.t.Errorf("after 0.0.%d, client %d: got %d %s, want 200 or a conflict", patch, i, a.status, a.Error)
		case made[a.Version] != nil:
			c.t.Errorf("after 0.0.%d: two clients made version %s", patch, a.Version)
		default:
			made[a.Version] = &a
		}
	}
	var last *answer
	for range made {
		patch++
		if last = made[fmt.Sprint("0.0.", patch)]; last == nil {
			c.t.Fatalf("nobody made version 0.0.%d; %d versions were made", patch, len(made))
		}
	}
	if last == nil {
		c.t.Fatalf("after 0.0.%d: all clients were refused", patch)
	}
	stored := c.want(http.MethodGet, path, nil)
	if stored.Version != last.Version || stored.mark() != last.mark() || stored.Action != last.Action {
		c.t.Errorf("stored is %+v, want what the last client wrote: %+v", stored, *last)
	}
	if strings.HasPrefix(path, "rules/") {
		link := c.want(http.MethodGet, "triggers/t", nil).Rules["guest/r"]
		if link.Action != stored.Action || link.Status != "active" {
			c.t.Errorf("at %s the rule calls %v, and its trigger %v, %q", stored.Version, stored.Action, link.Action, link.Status)
		}
	}
	return patch
}

// TestRulesAtOnce makes, disables and deletes many rules of one trigger at the
// same time: all are answered 200, and the trigger knows all of them.
func TestRulesAtOnce(t *testing.T) {
	const rules = 100
	c := prepare(t)
	links := func(want int, status string) {
		t.Helper()
		got := c.want(http.MethodGet, "triggers/t", nil).Rules
		if len(got) != want {
			t.Errorf("the trigger knows %d rules, want %d", len(got), want)
		}
		for name, link := range got {
			if link.Status != status {
				t.Errorf("rule %s is %s, want %s", name, link.Status, status)
			}
		}
	}
	all := func(what, method string, body any) {
		t.Helper()
		for i, a := range atOnce(rules, func(i int) answer { return c.send(method, fmt.Sprint("rules/r", i), body) }) {
			if a.status != http.StatusOK {
				t.Errorf("%s rule %d of %d at once: got %d %s, want 200", what, i, rules, a.status, a.Error)
			}
		}
	}
	all("create", http.MethodPut, map[string]any{"trigger": "/_/t", "action": "/_/target0"})
	links(rules, "active")
	all("disable", http.MethodPost, map[string]any{"status": "inactive"})
	links(rules, "inactive")
	all("delete", http.MethodDelete, nil)
	links(0, "")
}

// TestRuleIsChangedAndDeletedAtOnce: a rule whose deletion was refused is as it was.
func TestRuleIsChangedAndDeletedAtOnce(t *testing.T) {
	c := prepare(t)
	body := map[string]any{"trigger": "/_/t", "action": "/_/target0"}
	refused := 0
	for round := range rounds {
		c.want(http.MethodPut, "rules/r?overwrite=true", body)
		answers := atOnce(2, func(i int) answer {
			if i == 0 {
				return c.send(http.MethodDelete, "rules/r", nil)
			}
			return c.send(http.MethodPut, "rules/r?overwrite=true", body)
		})
		deleted, changed := answers[0], answers[1]
		links := c.want(http.MethodGet, "triggers/t", nil).Rules
		rule := c.send(http.MethodGet, "rules/r", nil)
		if deleted.status == http.StatusConflict {
			refused++
			if rule.status != http.StatusOK || rule.Status != "active" || len(links) != 1 {
				t.Errorf("round %d: the deletion was refused, the update was answered %d; then the rule is %d %q and the trigger has %v",
					round, changed.status, rule.status, rule.Status, links)
			}
		}
		if (rule.status == http.StatusOK) != (len(links) == 1) {
			t.Errorf("round %d: deletion %d, update %d, then the rule is %d and the trigger has %v", round, deleted.status, changed.status, rule.status, links)
		}
	}
	t.Logf("%d rounds, %d deletions refused", rounds, refused)
}
