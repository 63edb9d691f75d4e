package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"quirl/whisk"
)

// twoKinds are runtimes of which one wants an entry point to be named.
type twoKinds struct{}

func (twoKinds) ResolveKind(kind string) (string, bool) {
	resolved, ok := map[string]string{"nodejs:default": "nodejs:20", "nodejs:20": "nodejs:20", "java:8": "java:8"}[kind]
	return resolved, ok
}
func (twoKinds) Names() []string               { return []string{"nodejs:20", "java:8"} }
func (twoKinds) RequiresMain(kind string) bool { return kind == "java:8" }
func (twoKinds) ValidImage(image string) bool  { return image != "" && !strings.Contains(image, " ") }
func (twoKinds) Info() json.RawMessage         { return json.RawMessage(`{}`) }

// fuzzRequest is a request of ann about ns/name with that body and query.
func fuzzRequest(body []byte, query string) *request {
	r := httptest.NewRequest(http.MethodPut, "/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.URL = &url.URL{Path: "/", RawQuery: query}
	return &request{
		Request: r, api: New(Config{Kinds: twoKinds{}, Limits: whisk.DefaultLimits()}), caller: &whisk.Identity{Subject: "ann", Namespace: "ns"},
		namespace: "ns", name: whisk.FullName{Path: "ns", Name: "name"},
	}
}

// wantUsers checks that an error, if there is one, is about what the user sent.
func wantUsers(t *testing.T, what any, err error) (failed bool) {
	t.Helper()
	var e *whisk.Error
	if err == nil {
		return false
	}
	if !errors.As(err, &e) || statuses[e.Kind] < 400 || statuses[e.Kind] >= 500 {
		t.Fatalf("%s: got the error %v, want one that the user can mend", what, err)
	}
	return true
}

// wantStorable checks that an entity comes back from the store as it went there,
// and that its view is JSON.
func wantStorable(t *testing.T, body []byte, e whisk.Entity, view any) {
	t.Helper()
	document := whisk.EncodeEntity(e)
	again, err := whisk.DecodeEntity(document, "1")
	if err != nil {
		t.Fatalf("%s makes the document %s, which cannot be read: %v", body, document, err)
	}
	if got := whisk.EncodeEntity(again); string(got) != string(document) {
		t.Fatalf("%s makes the document %s, which comes back as %s", body, document, got)
	}
	if shown := whisk.Marshal(view); !json.Valid(shown) {
		t.Fatalf("%s is shown as %s", body, shown)
	}
}

var later = time.UnixMilli(1_700_000_000_000)

const common = `"parameters":[{"key":"a","value":{"b":1.00}}],"annotations":[{"key":"final","value":true}],"version":"1.2.3","publish":true`

func FuzzActionBody(f *testing.F) {
	for _, s := range []string{
		`{"exec":{"kind":"nodejs:default","code":"function main() {}","main":"x"},"limits":{"timeout":1000,"memory":256,"logs":1,"concurrency":1},` + common + `}`,
		`{"exec":{"kind":"sequence","components":["/_/a","/ns/p/b","c"]},"delAnnotations":["x"]}`,
		`{"exec":{"kind":"blackbox","image":"a/b","code":""},"limits":{"memory":1e9,"instances":-1}}`,
		`{"exec":{"kind":"java:8","jar":"UEsDBAo=","main":null}}`,
		`{"exec":null,"annotations":[{"key":"exec","value":1}]}`,
		`[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := fuzzRequest(body, "")
		m, err := r.entity()
		if wantUsers(t, body, err) {
			return
		}
		change, err := r.api.parseAction(r, m)
		if wantUsers(t, body, err) {
			return
		}
		limits := r.api.Limits
		if wantUsers(t, body, change.checkSizes(&limits)) || wantUsers(t, body, change.limits.Check(&limits)) || change.exec == nil {
			return
		}
		created := change.create(r.name, &limits)
		created.Touch(later)
		wantStorable(t, body, created, viewAction(created))
		updated := change.update(created)
		updated.Touch(later)
		wantStorable(t, body, updated, viewAction(updated))
		if updated.Exec.IsSequence() != change.exec.IsSequence() {
			t.Fatalf("%s: updated with a %s, the action is a %s", body, change.exec.Kind, updated.Exec.Kind)
		}
	})
}

func FuzzPackageBody(f *testing.F) {
	f.Add([]byte(`{"binding":{"namespace":"_","name":"p"},` + common + `}`))
	f.Add([]byte(`{"binding":{},"publish":null}`))
	f.Add([]byte(`{"binding":{"name":"p"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := fuzzRequest(body, "")
		m, err := r.entity()
		if wantUsers(t, body, err) {
			return
		}
		binding, err := r.binding(m)
		if wantUsers(t, body, err) {
			return
		}
		c, err := m.change()
		if wantUsers(t, body, err) {
			return
		}
		p := &whisk.Package{Meta: c.meta(r.name, nil), Parameters: c.over(nil), Binding: binding}
		if binding != nil && (binding.Namespace == whisk.DefaultNamespace || binding.Name == "") {
			t.Fatalf("%s binds to %+v", body, binding)
		}
		wantStorable(t, body, p, viewPackage(p))
	})
}

func FuzzTriggerBody(f *testing.F) {
	f.Add([]byte(`{` + common + `}`))
	f.Add([]byte(`{"annotations":[{"key":"feed","value":"/whisk.system/alarms/alarm"}]}`))
	f.Add([]byte(`{"annotations":[{"key":"feed","value":"//"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := fuzzRequest(body, "overwrite=true")
		_, c, overwrite, err := r.readChange()
		if wantUsers(t, body, err) {
			return
		}
		if !overwrite {
			t.Fatal("overwrite=true was not read")
		}
		if feed := c.annotations.Get("feed"); feed != nil && validFeed(feed) && !json.Valid(feed) {
			t.Fatalf("%s has the feed %s", body, feed)
		}
		fresh := &whisk.Trigger{Meta: c.meta(r.name, nil), Parameters: c.over(nil)}
		wantStorable(t, body, fresh, viewTrigger(fresh))
		updated := &whisk.Trigger{Meta: c.meta(r.name, &fresh.Meta), Parameters: c.over(fresh.Parameters), Rules: whisk.RuleLinks{}}
		wantStorable(t, body, updated, viewTrigger(updated))
	})
}

func FuzzRuleBody(f *testing.F) {
	f.Add([]byte(`{"trigger":"/_/t","action":"/ns/p/a",` + common + `}`))
	f.Add([]byte(`{"trigger":{"path":"_","name":"t"},"action":{"path":"ns/p","name":"a"}}`))
	f.Add([]byte(`{"trigger":null,"action":{"path":"","name":"a"}}`))
	f.Add([]byte(`{"status":"active"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := fuzzRequest(body, "").ruleState(unlimited) // the body of a POST
		wantUsers(t, body, err)
		r := fuzzRequest(body, "")
		m, c, _, err := r.readChange()
		if wantUsers(t, body, err) {
			return
		}
		rule := &whisk.Rule{Meta: c.meta(r.name, nil)}
		for key, into := range map[string]*whisk.FullName{"trigger": &rule.Trigger, "action": &rule.Action} {
			name, err := r.reference(m, key)
			if wantUsers(t, body, err) || name == nil {
				return
			}
			if name.Path.Root() == whisk.DefaultNamespace || name.Name == "" {
				t.Fatalf("%s names the %s %q", body, key, name)
			}
			*into = *name
		}
		wantStorable(t, body, rule, viewRule(rule, true))
	})
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "blocking=true&result=YES&timeout=60000", "timeout=0", "limit=200&skip=2147483647", "limit=0&docs=1&count=off",
		"name=/p/a&since=1&upto=9223372036854775807", "name=a%20b&limit=+1", "%zz", "skip=1&skip=x", "count=true&docs=true",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		o, err := fuzzRequest(nil, query).invokeOptions()
		if !wantUsers(t, query, err) && (o.wait < time.Millisecond || o.wait > maxWait) {
			t.Fatalf("%q: a call waits for %v", query, o.wait)
		}
		q, count, err := fuzzRequest(nil, query).activationQuery()
		if wantUsers(t, query, err) {
			return
		}
		if q.Limit < 1 || q.Limit > maxList || q.Skip < 0 || count && q.Full || strings.Count(q.Name, "/") > 1 {
			t.Fatalf("%q asks for %+v, count %v", query, q, count)
		}
	})
}
