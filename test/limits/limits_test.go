// Package limits_test holds namespaces to limits of their own on the real
// program, and tries what an operator can switch.
package limits_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"quirl/test/quirltest"
	"quirl/whisk"
)

// A site is a server with guest and tight, whose sizes are small.
type site struct {
	*quirltest.Server
	client *http.Client
	keys   map[string]string
	extra  bool // send X-OW-EXTRA-LOGGING
}

func open(t *testing.T, args ...string) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real program")
	}
	key, payload, truncation, parameters := whisk.NewKey(), whisk.Size(1000), whisk.Size(100), whisk.Size(500)
	seven, timeout := 7, "10 minutes"
	s := quirltest.Start(t, quirltest.Options{
		Args:     append([]string{quirltest.Containers()}, args...),
		Subjects: []whisk.Subject{{Name: "tight", Namespaces: []whisk.SubjectNamespace{{Name: "tight", Key: key}}}},
		Limits: map[string]whisk.NamespaceLimits{"tight": {
			MaxPayloadSize: &payload, TruncationSize: &truncation, MaxParameterSize: &parameters, MaxActionInstances: &seven,
			WarmedContainerKeepingCount: &seven, WarmedContainerKeepingTimeout: &timeout,
		}},
	})
	return &site{s, http.DefaultClient, map[string]string{"guest": quirltest.GuestKey, "tight": key.String()}, false}
}

// send wants an answer of that status whose body has the text, and returns the body.
func (s *site) send(t *testing.T, user, method, path, body string, status int, text string) string {
	t.Helper()
	req := quirltest.Request(t, method, s.URL+"/api/v1/"+path, s.keys[user], body)
	if s.extra {
		req.Header.Set("X-OW-EXTRA-LOGGING", "on")
	}
	res, answer := quirltest.Do(t, s.client, req)
	if res.StatusCode != status || !strings.Contains(string(answer), text) || text == "" && len(answer) > 0 {
		t.Errorf("%s %s: got %d %s, want %d with %q", method, path, res.StatusCode, answer, status, text)
	}
	return string(answer)
}

const echo = `"exec":{"kind":"nodejs:default","code":"function main(a) { return a.size ? {text: 'x'.repeat(a.size)} : {got: true} }"}`

func TestSizesOfANamespace(t *testing.T) {
	s := open(t)
	var limits map[string]any
	if err := json.Unmarshal([]byte(s.send(t, "tight", "GET", "namespaces/_/limits", "", 200, "{")), &limits); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"maxPayloadSize": "1000 B", "truncationSize": "100 B", "maxParameterSize": "500 B", "maxActionInstances": 7.0,
		"warmedContainerKeepingCount": 7.0, "warmedContainerKeepingTimeout": "10 minutes",
	} {
		if limits[key] != want {
			t.Errorf("limits: %s is %v, want %v", key, limits[key], want)
		}
	}
	long := func(n int) string { return fmt.Sprintf(`{"a":"%s"}`, strings.Repeat("x", n-8)) }
	const tooLarge = "Request larger than allowed: 1001 > 1000 bytes."
	for _, user := range []string{"tight", "guest"} {
		s.send(t, user, "PUT", "namespaces/_/actions/a", `{`+echo+`,"annotations":[{"key":"web-export","value":true}]}`, 200, "{")
		s.send(t, user, "PUT", "namespaces/_/triggers/t", `{"parameters":[{"key":"p","value":"`+strings.Repeat("p", 400)+`"}]}`, 200, "{")
		s.send(t, user, "PUT", "namespaces/_/rules/r", `{"trigger":"/_/t","action":"/_/a"}`, 200, "{")
	}
	s.send(t, "tight", "POST", "namespaces/_/actions/a?blocking=true", long(1000), 200, `"got":true`)
	s.send(t, "tight", "POST", "namespaces/_/actions/a", long(1001), 413, tooLarge)
	s.send(t, "tight", "POST", "namespaces/_/triggers/t", long(1001), 413, tooLarge)
	s.send(t, "", "POST", "web/tight/default/a.json", long(1001), 413, tooLarge)
	s.send(t, "guest", "POST", "namespaces/_/actions/a?blocking=true", long(1001), 200, `"got":true`)
	s.send(t, "", "POST", "web/guest/default/a.json", long(1001), 200, "got")

	// A result is cut to what the namespace of the caller may have.
	cut := `The action produced a response that exceeded the allowed length: 1511 > 1000 bytes. The truncated response was: {\"text\":\"` + strings.Repeat("x", 91)
	s.send(t, "tight", "POST", "namespaces/_/actions/a?blocking=true&result=true", `{"size":1500}`, 502, cut)
	s.send(t, "guest", "POST", "namespaces/_/actions/a?blocking=true&result=true", `{"size":1500}`, 200, strings.Repeat("x", 1500))

	// With the trigger's parameters the rule's call is too large, which its log tells.
	var fired struct{ ActivationID string }
	if err := json.Unmarshal([]byte(s.send(t, "tight", "POST", "namespaces/_/triggers/t", long(900), 202, "{")), &fired); err != nil {
		t.Fatal(err)
	}
	s.send(t, "tight", "GET", "namespaces/_/activations/"+fired.ActivationID+"/logs?wait=10000", "", 200, "Request larger than allowed: ")

	for _, collection := range []string{"actions/b", "packages/b", "triggers/b"} {
		body := `{` + echo + `,"parameters":[{"key":"p","value":"` + strings.Repeat("p", 498) + `"}]}`
		s.send(t, "tight", "PUT", "namespaces/_/"+collection, body, 413, "parameters larger than allowed: 501 > 500 bytes.")
		body = strings.Replace(body, `"parameters"`, `"annotations"`, 1)
		s.send(t, "tight", "PUT", "namespaces/_/"+collection, body, 413, "annotations larger than allowed: 501 > 500 bytes.")
	}
	s.send(t, "tight", "PUT", "namespaces/_/actions/b", `{`+echo+`,"limits":{"instances":8}}`, 400, "Max action instance concurrency must not exceed your namespace concurrency of 7.")
}

// TestStoreLevels: which records are kept, and that extra logging keeps them.
func TestStoreLevels(t *testing.T) {
	s := open(t, "--store-blocking-result-level=STORE_FAILURES", "--store-non-blocking-result-level=STORE_FAILURES_NOT_APPLICATION_ERRORS")
	s.send(t, "guest", "PUT", "namespaces/_/actions/a", `{"exec":{"kind":"nodejs:default","code":"function main(a) { return a.fail ? {error: 'no'} : {} }"}}`, 200, "{")
	s.send(t, "guest", "PUT", "namespaces/_/actions/s", `{"exec":{"kind":"sequence","components":["/_/a"]}}`, 200, "{")
	s.send(t, "guest", "PUT", "namespaces/_/triggers/t", `{}`, 200, "{")
	s.send(t, "guest", "PUT", "namespaces/_/rules/r", `{"trigger":"/_/t","action":"/_/a"}`, 200, "{")
	for _, tt := range []struct {
		path, body string
		status     int
		kept       bool
	}{
		{"actions/a?blocking=true", `{}`, 200, false},
		{"actions/a?blocking=true", `{"fail":true}`, 502, true},
		{"actions/s?blocking=true", `{}`, 200, false},
		{"actions/s?blocking=true", `{"fail":true}`, 502, true},
		{"actions/a", `{"fail":true}`, 202, false},
		{"actions/s", `{"fail":true}`, 202, false},
		{"triggers/t", `{}`, 202, false},
	} {
		for _, extra := range []bool{false, true} {
			s.extra = extra
			var answer struct{ ActivationID string }
			if err := json.Unmarshal([]byte(s.send(t, "guest", "POST", "namespaces/_/"+tt.path, tt.body, tt.status, "{")), &answer); err != nil {
				t.Fatal(err)
			}
			wait, status := "?wait=10000", 200
			if !tt.kept && !extra {
				wait, status = "?wait=300", 404
			}
			s.send(t, "guest", "GET", "namespaces/_/activations/"+answer.ActivationID+wait, "", status, "{")
		}
	}
	s.extra = false
}

// TestAllowedKinds: what the deployment allows, and beside it the namespace.
func TestAllowedKinds(t *testing.T) {
	s := open(t, "--allowed-kinds=sequence,blackbox")
	s.send(t, "guest", "PUT", "namespaces/_/actions/b", `{"exec":{"kind":"blackbox","image":"a/b"}}`, 200, "{")
	const refused = "The supplied authentication is not authorized to access actions of kind 'nodejs:"
	s.send(t, "guest", "PUT", "namespaces/_/actions/a", `{`+echo+`}`, 403, refused)
	s.send(t, "tight", "PUT", "namespaces/_/actions/a", `{`+echo+`}`, 403, refused)
	s.send(t, "guest", "PUT", "namespaces/_/actions/s", `{"exec":{"kind":"sequence","components":["/_/b"]}}`, 200, "{")
}

func TestExecuteOnlyAndBareWrites(t *testing.T) {
	s := open(t, "--shared-packages-execute-only", "--bare-writes")
	s.client = new(http.Client) // empty answers are not what the description says
	for _, path := range []string{"packages/shared", "packages/private"} {
		s.send(t, "tight", "PUT", "namespaces/_/"+path, fmt.Sprintf(`{"publish":%t}`, path == "packages/shared"), 200, "")
	}
	s.send(t, "tight", "PUT", "namespaces/_/actions/shared/a", `{`+echo+`}`, 200, "")
	s.send(t, "tight", "PUT", "namespaces/_/actions/b", `{`+echo+`}`, 200, "")
	s.send(t, "guest", "PUT", "namespaces/_/packages/bound", `{"binding":{"namespace":"tight","name":"shared"}}`, 200, "")

	s.send(t, "guest", "GET", "namespaces/tight/actions/shared/a", "", 403, "GET not permitted for 'tight/shared/a' since it's an action in a shared package")
	s.send(t, "guest", "GET", "namespaces/_/actions/bound/a", "", 403, "GET not permitted for 'guest/bound/a'. Resource does not exist or is an action in a shared package binding.")
	s.send(t, "guest", "GET", "namespaces/_/packages/bound", "", 403, "GET not permitted since bound is a binding of a shared package")
	s.send(t, "guest", "GET", "namespaces/tight/packages/shared", "", 403, "GET not permitted for 'tight/shared' since it's a shared package")
	s.send(t, "guest", "GET", "namespaces/tight/packages/private", "", 403, "is not authorized to access 'tight/private'.")
	for _, path := range []string{"packages/shared", "actions/shared/a", "actions/b"} {
		s.send(t, "tight", "GET", "namespaces/_/"+path, "", 200, "{")
	}
	for _, path := range []string{"namespaces/tight/actions/shared/a", "namespaces/_/actions/bound/a"} {
		s.send(t, "guest", "POST", path+"?blocking=true&result=true", "", 200, `{"got":true}`)
	}
	s.send(t, "tight", "DELETE", "namespaces/_/actions/b", "", 204, "")
	s.send(t, "tight", "DELETE", "namespaces/_/actions/b", "", 404, "The requested resource does not exist.")
}
