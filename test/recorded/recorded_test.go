// Package recorded_test replays what a real OpenWhisk server answered and holds
// our answers against it. testdata holds the exchanges, one file per topic, and
// skips.txt those that do not apply, each with its reason.
package recorded_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quirl/test/quirltest"
	"quirl/test/schema"
	"quirl/whisk"
)

type topic struct {
	Scenarios []scenario
}

type scenario struct {
	Name  string
	Setup []struct {
		Before  int `json:"before_step"`
		Request request
		Status  int
	}
	Steps []step
}

type step struct {
	Name     string
	Request  request
	Response struct {
		Status     int
		Headers    map[string]any
		Body       json.RawMessage
		BodyText   string `json:"body_text"` // exact, where the layout matters
		BodyLength int    `json:"body_length"`
		BodyStarts string `json:"body_starts"`
	}
}

type request struct {
	Method, Path, Auth string
	Headers            map[string]string
	Body               json.RawMessage
	RepeatUntil        string `json:"repeat_until"`
}

func TestReplay(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program")
	}
	users := newUsers()
	srv := quirltest.Start(t, quirltest.Options{
		Args:     []string{quirltest.Containers(), "--invocations-per-minute=60", "--fires-per-minute=60", "--concurrent-invocations=30", "--catalog=false"},
		Subjects: users.subjects, Limits: users.limits,
	})
	skips := loadSkips(t)
	checker, err := schema.Open(quirltest.Root())
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded exchanges: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var top topic
		if err := json.Unmarshal(text, &top); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, s := range top.Scenarios {
			name := strings.TrimSuffix(filepath.Base(file), ".json") + "/" + s.Name
			t.Run(name, func(t *testing.T) {
				r := replayer{url: srv.URL, users: users, checker: checker, bound: map[string]string{}}
				r.scenario(t, s, skips)
			})
		}
	}
	skips.check(t)
}

// A skip is a pattern of step names and why such steps do not apply.
type skip struct {
	pattern *regexp.Regexp
	reason  string
	used    bool
}

type skipList []*skip

func loadSkips(t *testing.T) skipList {
	t.Helper()
	text, err := os.ReadFile("testdata/skips.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list skipList
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, reason, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("skips.txt: no reason in %q", line)
		}
		list = append(list, &skip{pattern: regexp.MustCompile(pattern), reason: strings.TrimSpace(reason)})
	}
	return list
}

// reason returns why a step does not apply, by its name or its request.
func (l skipList) reason(s *step) string {
	subject := s.Name + " " + s.Request.Method + " " + s.Request.Path
	for _, k := range l {
		if k.pattern.MatchString(subject) {
			k.used = true
			return k.reason
		}
	}
	return ""
}

// check finds skips that match nothing any more.
func (l skipList) check(t *testing.T) {
	for _, k := range l {
		if !k.used {
			t.Errorf("skips.txt: nothing matches %s", k.pattern)
		}
	}
}

type users struct {
	subjects []whisk.Subject
	limits   map[string]whisk.NamespaceLimits
	keys     map[string]whisk.Key
}

func newUsers() *users {
	one, high, zero, thousand, off := 1, 100_000, 0, 1000, false
	u := &users{limits: map[string]whisk.NamespaceLimits{
		"guest":     {InvocationsPerMinute: &high, FiresPerMinute: &high},
		"second":    {InvocationsPerMinute: &high, FiresPerMinute: &high},
		"throttled": {InvocationsPerMinute: &one, FiresPerMinute: &one},
		"ovkinds":   {AllowedKinds: []string{"nodejs:18"}},
		"ovstore":   {StoreActivations: &off},
		"ovzero":    {InvocationsPerMinute: &zero, FiresPerMinute: &zero, ConcurrentInvocations: &zero},
		"ovconc":    {InvocationsPerMinute: &thousand, FiresPerMinute: &thousand, ConcurrentInvocations: &zero},
	}, keys: map[string]whisk.Key{}}
	for _, name := range []string{"second", "throttled", "blockme", "ovkinds", "ovstore", "ovzero", "ovconc", "ovblock"} {
		key := whisk.NewKey()
		u.keys[name] = key
		u.subjects = append(u.subjects, whisk.Subject{Name: name, Blocked: name == "ovblock", Namespaces: []whisk.SubjectNamespace{{Name: name, Key: key}}})
	}
	uuid, secret, _ := strings.Cut(quirltest.GuestKey, ":")
	u.keys["guest"] = whisk.Key{UUID: uuid, Secret: secret}
	return u
}

// A replayer plays one scenario; bound holds what placeholders stand for.
type replayer struct {
	url     string
	users   *users
	checker *schema.Checker // sees every exchange
	bound   map[string]string
}

func (r *replayer) scenario(t *testing.T, s scenario, skips skipList) {
	defer r.tidy(t, s)
	for i := range s.Steps {
		st := &s.Steps[i]
		for _, setup := range s.Setup {
			if setup.Before == i+1 {
				res, _ := r.send(t, &setup.Request)
				if res.StatusCode != setup.Status {
					t.Logf("setup %s %s: status %d, want %d", setup.Request.Method, setup.Request.Path, res.StatusCode, setup.Status)
				}
			}
		}
		if reason := skips.reason(st); reason != "" {
			if strings.HasPrefix(reason, "sent only: ") {
				r.send(t, &st.Request)
			}
			continue
		}
		if problem := r.step(t, st); problem != "" {
			t.Errorf("%s\n%s %s %s\n%s", st.Name, st.Request.Method, st.Request.Path, abbreviate(string(st.Request.Body)), problem)
		}
	}
}

// tidy deletes what the scenario may have left.
func (r *replayer) tidy(t *testing.T, s scenario) {
	for i := len(s.Steps) - 1; i >= 0; i-- {
		req := s.Steps[i].Request
		path, _, _ := strings.Cut(req.Path, "?")
		if req.Method == http.MethodPut {
			r.send(t, &request{Method: http.MethodDelete, Path: path + "?force=true", Auth: req.Auth})
		}
	}
}

func (r *replayer) step(t *testing.T, st *step) (problem string) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		res, body := r.send(t, &st.Request)
		problem = r.compare(st, res, body)
		if problem == "" || st.Request.RepeatUntil == "" || time.Now().After(deadline) {
			return problem
		}
	}
}

// client sends what was recorded and nothing else, and follows no redirects.
var client = http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// recordedHost is as long as the host was when the exchanges were recorded, for
// web actions are told the host and some answers have sizes.
const recordedHost = "localhost:3233"

func (r *replayer) send(t *testing.T, q *request) (*http.Response, []byte) {
	t.Helper()
	body := decodeBody(t, q.Body)
	req, err := http.NewRequestWithContext(t.Context(), q.Method, r.url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(r.fill(q.Path), "?")
	target.Opaque, target.RawQuery = "//"+recordedHost+path, query
	req.URL = target
	req.Header.Set("User-Agent", "")
	for name, value := range q.Headers {
		req.Header.Set(name, r.fill(value))
	}
	r.authorize(req, q.Auth)
	res, err := client.Do(req)
	if err != nil {
		return &http.Response{Header: http.Header{}}, []byte(err.Error())
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.describe(t, target, q.Method, body, res.StatusCode, answer)
	return res, answer
}

// describe holds an exchange against the descriptions of the API.
func (r *replayer) describe(t *testing.T, target *url.URL, method string, body []byte, status int, answer []byte) {
	t.Helper()
	path := strings.TrimPrefix(target.Opaque, "//"+recordedHost)
	query, err := url.ParseQuery(target.RawQuery)
	if err != nil {
		return // the server refuses it too, or reads it in its own way
	}
	for _, problem := range r.checker.Check(schema.Exchange{Method: method, Path: path, Query: query, Request: body, Status: status, Body: answer}) {
		t.Errorf("%s\n%s", problem, abbreviate(string(answer)))
	}
}

func (r *replayer) authorize(req *http.Request, auth string) {
	switch {
	case auth == "none" || auth == "":
	case strings.HasPrefix(auth, "pair "):
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(r.fill(auth[5:]))))
	case strings.HasPrefix(auth, "raw "):
		req.Header.Set("Authorization", r.fill(auth[4:]))
	default:
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(r.users.keys[auth].String())))
	}
}

func decodeBody(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	if len(raw) == 0 {
		return nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	var form struct {
		Base64, Before, After string
		Repeat                []any
	}
	if err := json.Unmarshal(raw, &form); err != nil {
		t.Fatal(err)
	}
	if form.Repeat != nil {
		return []byte(form.Before + strings.Repeat(form.Repeat[0].(string), int(form.Repeat[1].(float64))) + form.After)
	}
	data, err := base64.StdEncoding.DecodeString(form.Base64)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// repeated is an abbreviation in a path or header: <y 9000 times>.
var repeated = regexp.MustCompile(`<(.) (\d+) times>`)

// fill puts what placeholders stand for into text.
func (r *replayer) fill(text string) string {
	text = repeated.ReplaceAllStringFunc(text, func(p string) string {
		m := repeated.FindStringSubmatch(p)
		n, _ := strconv.Atoi(m[2]) // digits by the pattern
		return strings.Repeat(m[1], n)
	})
	return regexp.MustCompile(`<[^<> ]+>`).ReplaceAllStringFunc(text, func(p string) string {
		if v, ok := r.bound[p]; ok {
			return v
		}
		name, user, ok := strings.Cut(strings.Trim(p, "<>"), ":")
		key := r.users.keys[user]
		switch {
		case p == "<tid>":
			return "recorded0000000000000000000000ti"
		case !ok:
			return p
		case name == "key":
			return key.String()
		case name == "uuid":
			return key.UUID
		case name == "basic":
			return base64.StdEncoding.EncodeToString([]byte(key.String()))
		}
		return p
	})
}

// comparedHeaders must be as recorded, or absent. Others that were recorded are
// compared too, but may be there when they were not.
var comparedHeaders = []string{
	"access-control-allow-origin", "access-control-allow-headers", "access-control-allow-methods", "content-type",
	"x-openwhisk-activation-id", "allow", "www-authenticate", "set-cookie", "location",
}

// uncomparedHeaders are the edge's and of static pages.
var uncomparedHeaders = []string{"x-request-id", "accept-ranges", "etag", "last-modified"}

func (r *replayer) compareHeaders(st *step, res *http.Response) string {
	names := slices.Clone(comparedHeaders)
	for name := range st.Response.Headers {
		if !slices.Contains(names, name) && !slices.Contains(uncomparedHeaders, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		want := headerValues(st.Response.Headers[name])
		got := strings.Join(res.Header.Values(name), "\n")
		if strings.HasPrefix(want, "<") {
			r.bound[want] = got
			continue
		}
		if !strings.EqualFold(got, want) {
			return fmt.Sprintf("header %s is %q, want %q", name, got, want)
		}
	}
	return ""
}

// headerValues are the values of a recorded header, one a line.
func headerValues(recorded any) string {
	switch v := recorded.(type) {
	case string:
		return v
	case []any:
		lines := make([]string, len(v))
		for i := range v {
			lines[i] = fmt.Sprint(v[i])
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

func (r *replayer) compare(st *step, res *http.Response, body []byte) string {
	want := st.Response
	if res.StatusCode != want.Status {
		return fmt.Sprintf("status %d %s, want %d %s", res.StatusCode, abbreviate(string(body)), want.Status, abbreviate(compact(want.Body)))
	}
	if problem := r.compareHeaders(st, res); problem != "" {
		return problem
	}
	if len(want.Body) == 0 || want.BodyLength > 0 {
		return ""
	}
	var w any
	if err := json.Unmarshal(want.Body, &w); err != nil {
		return err.Error()
	}
	if diff := r.diff("", inFormOf(w, body), w); diff != "" {
		return fmt.Sprintf("%s\n  got  %s\n  want %s", diff, abbreviate(string(body)), abbreviate(compact(want.Body)))
	}
	if want.BodyText != "" {
		return r.diffText("the layout", string(body), want.BodyText)
	}
	return ""
}

// inFormOf returns a body in the form in which bodies are recorded: as JSON where
// it is JSON, else as text, or {"base64"} where it is no text.
func inFormOf(want any, body []byte) any {
	if m, ok := want.(map[string]any); ok && len(m) == 1 && m["base64"] != nil {
		return map[string]any{"base64": base64.StdEncoding.EncodeToString(body)}
	}
	var got any
	if json.Unmarshal(body, &got) != nil || got == nil {
		return string(body)
	}
	return got
}

func compact(raw json.RawMessage) string {
	var buf bytes.Buffer
	if json.Compact(&buf, raw) != nil {
		return string(raw)
	}
	return buf.String()
}

func abbreviate(text string) string {
	if len(text) > 1200 {
		return text[:1200] + "…"
	}
	return text
}
