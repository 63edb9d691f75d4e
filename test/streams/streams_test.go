// Package streams_test follows activations on the real program: by waiting for
// one record, by the event stream of a namespace, and by that of a log.
package streams_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"quirl/test/quirltest"
	"quirl/whisk"
)

// A site is a server with three users: guest, ann, and silent whose records are not kept.
type site struct {
	*quirltest.Server
	t    *testing.T
	keys map[string]string
}

func open(t *testing.T) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real program")
	}
	keys, off := map[string]string{"guest": quirltest.GuestKey}, false
	var subjects []whisk.Subject
	for _, name := range []string{"ann", "silent"} {
		key := whisk.NewKey()
		keys[name] = key.String()
		subjects = append(subjects, whisk.Subject{Name: name, Namespaces: []whisk.SubjectNamespace{{Name: name, Key: key}}})
	}
	return &site{quirltest.Start(t, quirltest.Options{
		Args: []string{quirltest.Containers()}, Subjects: subjects,
		Limits: map[string]whisk.NamespaceLimits{"silent": {StoreActivations: &off}},
	}), t, keys}
}

func (s *site) request(user, method, path, body string, headers ...string) *http.Response {
	s.t.Helper()
	req := quirltest.Request(s.t, method, s.URL+"/api/v1/namespaces/_/"+path, s.keys[user], body)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	return res
}

// send wants an answer of that status and returns its object.
func (s *site) send(user, method, path, body string, want int) map[string]any {
	s.t.Helper()
	res := s.request(user, method, path, body)
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != want {
		s.t.Errorf("%s %s: got %d, want %d\n%s", method, path, res.StatusCode, want, text)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		s.t.Errorf("%s %s: %v\n%s", method, path, err, text)
	}
	return object
}

func (s *site) create(user, name, code string) {
	s.t.Helper()
	s.send(user, "PUT", "actions/"+name, string(whisk.Marshal(map[string]any{"exec": map[string]string{"kind": "nodejs:default", "code": code}})), 200)
}

// start invokes an action and returns the activation's id.
func (s *site) start(user, name string) string {
	s.t.Helper()
	id, _ := s.send(user, "POST", "actions/"+name, "{}", 202)["activationId"].(string)
	return id
}

// An event is one of a stream.
type event struct{ name, id, data string }

// events opens a stream and returns a function that waits for its next event;
// at the end of the stream the event is empty.
func (s *site) events(user, path string, headers ...string) func() event {
	s.t.Helper()
	res := s.request(user, "GET", path, "", append(headers, "Accept", "text/event-stream")...)
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != "text/event-stream" {
		s.t.Fatalf("%s: got %d %s, want a stream", path, res.StatusCode, got)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	return func() event {
		var e event
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case field == "event":
				e.name = value
			case field == "id":
				e.id = value
			case field == "data":
				e.data = value
			case field == "" && e.name != "":
				return e
			}
		}
		return event{}
	}
}

// slow prints, waits and prints again.
const slow = `function main() {
	console.log("one\rtwo")
	return new Promise(done => setTimeout(() => { console.error("three"); done({}) }, 1500))
}`

// text is what a line of a log says, without its time.
func text(t *testing.T, e event) string {
	t.Helper()
	var line string
	if err := json.Unmarshal([]byte(e.data), &line); err != nil || len(line) < 31 {
		t.Fatalf("the event %+v has no line: %v", e, err)
	}
	return line[31:]
}

func TestLogWhileItRuns(t *testing.T) {
	s := open(t)
	s.create("guest", "slow", slow)
	id := s.start("guest", "slow")
	next := s.events("guest", "activations/"+id+"/logs")
	first := next()
	if got := text(t, first); first.name != "line" || first.id != "1" || got != "stdout: one\rtwo" {
		t.Errorf("got %+v, want the first line", first)
	}
	s.send("guest", "GET", "activations/"+id, "", 404) // it still runs
	if second := next(); second.id != "2" || text(t, second) != "stderr: three" {
		t.Errorf("got %+v, want the second line", second)
	}
	var end map[string]any
	if e := next(); e.name != "end" || json.Unmarshal([]byte(e.data), &end) != nil || end["activationId"] != id || end["statusCode"] != 0.0 {
		t.Errorf("got %+v, want the end of %s", e, id)
	}
	if e := next(); e != (event{}) {
		t.Errorf("after the end came %+v", e)
	}

	// What has ended is told at once; who has seen some of it gets the rest.
	for last, want := range map[string][]string{"": {"line 1", "line 2", "end "}, "1": {"line 2", "end "}, "2": {"end "}, "99": {"end "}, "x": {"line 1", "line 2", "end "}} {
		next := s.events("guest", "activations/"+id+"/logs", "Last-Event-ID", last)
		var got []string
		for e := next(); e != (event{}); e = next() {
			got = append(got, e.name+" "+e.id)
		}
		if !slices.Equal(got, want) {
			t.Errorf("after the end, from %q: got %q, want %q", last, got, want)
		}
	}
}

func TestLogOfASequenceAndOfNobody(t *testing.T) {
	s := open(t)
	s.create("guest", "slow", slow)
	s.send("guest", "PUT", "actions/s", `{"exec":{"kind":"sequence","components":["/_/slow"]}}`, 200)
	next := s.events("guest", "activations/"+s.start("guest", "s")+"/logs")
	if e := next(); e.name != "line" || len(e.data) != 34 {
		t.Errorf("got %+v, want the id of the component", e)
	}
	if e := next(); e.name != "end" {
		t.Errorf("got %+v, want the end", e)
	}
	id := s.start("guest", "slow")
	for _, tt := range []struct{ user, id string }{{"ann", id}, {"guest", strings.Repeat("0", 32)}} {
		res := s.request(tt.user, "GET", "activations/"+tt.id+"/logs", "", "Accept", "text/event-stream")
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s follows %s: got %d, want 404", tt.user, tt.id, res.StatusCode)
		}
	}
	// Where no record is kept the lines can be followed all the same.
	s.create("silent", "slow", slow)
	next = s.events("silent", "activations/"+s.start("silent", "slow")+"/logs")
	var got []string
	for e := next(); e != (event{}); e = next() {
		got = append(got, e.name)
	}
	if want := []string{"line", "line", "end"}; !slices.Equal(got, want) {
		t.Errorf("without records: got %q, want %q", got, want)
	}
}

func TestActivations(t *testing.T) {
	s := open(t)
	s.create("guest", "a", `function main() { console.log("hello"); return {n: 1} }`)
	s.create("guest", "b", `function main() { throw new Error("no") }`)
	s.create("ann", "a", `function main() { return {} }`)
	all, named := s.events("guest", "activations?docs=true"), s.events("guest", "activations?name=b")
	s.start("ann", "a")
	first := s.start("guest", "a")
	e := all()
	var record struct {
		ActivationID string
		Logs         []string
		Response     struct{ Result struct{ N int } }
	}
	if err := json.Unmarshal([]byte(e.data), &record); err != nil || e.name != "activation" || e.id != first || record.ActivationID != first ||
		len(record.Logs) != 1 || record.Response.Result.N != 1 {
		t.Errorf("got %+v, %v; want the record of %s", e, err, first)
	}
	second := s.start("guest", "b")
	if e := all(); e.id != second {
		t.Errorf("got %+v, want %s", e, second)
	}
	if e := named(); e.id != second || strings.Contains(e.data, `"response"`) || !strings.Contains(e.data, `"statusCode":2`) {
		t.Errorf("filtered by name: got %+v, want %s without its response", e, second)
	}

	// From a time, and from an event on.
	ids := []string{first, second}
	for _, from := range []struct{ query, last string }{{"?since=1", ""}, {"", first}} {
		again := s.events("guest", "activations"+from.query, "Last-Event-ID", from.last)
		ids = append(ids, s.start("guest", "a"))
		for _, id := range ids {
			if id == from.last {
				continue
			}
			if e := again(); e.id != id {
				t.Errorf("from %+v: got %s, want %s", from, e.id, id)
			}
		}
		if e := all(); e.id != ids[len(ids)-1] {
			t.Errorf("got %s, want %s", e.id, ids[len(ids)-1])
		}
	}
	res := s.request("guest", "GET", "activations?since=x", "", "Accept", "text/event-stream")
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("a bad query: got %d, want 400", res.StatusCode)
	}
	s.Stop() // open streams must not keep it
	if e := all(); e != (event{}) {
		t.Errorf("after the stop came %+v", e)
	}
}

func TestWait(t *testing.T) {
	s := open(t)
	s.create("guest", "slow", slow)
	id := s.start("guest", "slow")
	s.send("guest", "GET", "activations/"+id, "", 404)
	if got := s.send("guest", "GET", "activations/"+id+"?wait=60000", "", 200); got["activationId"] != id {
		t.Errorf("got %v, want the record of %s", got, id)
	}
	id = s.start("guest", "slow")
	if got := s.send("guest", "GET", "activations/"+id+"/result?wait=60000", "", 200); got["success"] != true {
		t.Errorf("got %v, want the result of %s", got, id)
	}
	id = s.start("guest", "slow")
	if got := s.send("guest", "GET", "activations/"+id+"/logs?wait=60000", "", 200); len(got["logs"].([]any)) != 2 {
		t.Errorf("got %v, want the logs of %s", got, id)
	}
	began := time.Now()
	s.send("guest", "GET", "activations/"+strings.Repeat("0", 32)+"?wait=300", "", 404)
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("nobody was waited for %v, want 300 ms at least", took)
	}
	for _, bad := range []string{"-1", "60001", "x", ""} {
		got := s.send("guest", "GET", "activations/"+id+"?wait="+bad, "", 400)
		if want := "The query parameter 'wait' was malformed:\nWait must be number of milliseconds up to 60000."; got["error"] != want {
			t.Errorf("wait=%q: got %q, want %q", bad, got["error"], want)
		}
	}
}
