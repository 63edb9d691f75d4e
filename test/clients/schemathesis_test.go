package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quirl/test/quirltest"
)

// exceptions are the checks of schemathesis that are off: for all operations
// where none is named. All others hold for all requests, those that the
// description allows and those that it does not.
var exceptions = []struct{ operations, check, reason string }{
	{"", "unsupported_method", "OpenWhisk answers 404, or 405 with other methods, where schemathesis wants 405"},
	{"", "allow_header_conformance", "as above: the header Allow is OpenWhisk's"},
	{"^GET /namespaces/.namespace./packages$", "negative_data_rejection", "OpenWhisk takes the parameter public and ignores it"},
	{"^OPTIONS ", "negative_data_rejection", "OPTIONS is answered on every path"},
	{"^PUT /namespaces/", "positive_data_acceptance", "which kinds, versions, images and references are good is not in the description"},
	{"^POST /namespaces/.namespace./triggers/", "content_type_conformance", "204 has no body, and so no type"},
	{"^[A-Z]+ /web/", "content_type_conformance", "a function answers what it likes, also nothing"},
	{"^[A-Z]+ /web/", "response_schema_conformance", "as above"},
}

// seed makes runs equal: the same requests for the same version of schemathesis.
const seed = "1"

// budget is how long the requests may go on.
const budget = 2 * time.Minute

// TestSchemathesis reads the description that the server serves, and makes
// requests of it: some as it says, some against it. No answer may be a 5xx, or
// another one than the description allows, and what it forbids must be refused.
func TestSchemathesis(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	python := pip(t, "schemathesis")
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}})
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-m", "schemathesis.cli",
		"--config-file", configuration(t, furnish(t, server.URL)),
		"run", server.URL+"/api/v1/api-docs", "--auth", quirltest.GuestKey, "--seed", seed, "--no-color")
	cmd.Dir = t.TempDir() // it keeps notes there
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("schemathesis: %v\n%s", errors.Join(err, ctx.Err()), out)
	}
}

// furnish makes one entity of each kind, so that requests find something, and
// returns the id of an activation.
func furnish(t *testing.T, url string) string {
	t.Helper()
	const code = `"exec": {"kind": "nodejs:default", "code": "function main(args) { return args }"}, "annotations": [{"key": "web-export", "value": true}]`
	for _, e := range []struct{ path, body string }{
		{"packages/tools", `{"publish": true}`},
		{"actions/hello", `{` + code + `}`},
		{"actions/tools/hello", `{` + code + `}`},
		{"triggers/dawn", `{}`},
		{"rules/morning", `{"trigger": "/_/dawn", "action": "/_/hello"}`},
	} {
		ask(t, http.MethodPut, url+"/api/v1/namespaces/_/"+e.path, e.body)
	}
	answer := ask(t, http.MethodPost, url+"/api/v1/namespaces/_/actions/hello?blocking=true", `{}`)
	var record struct {
		ActivationID string `json:"activationId"`
	}
	if err := json.Unmarshal(answer, &record); err != nil {
		t.Fatal(err)
	}
	return record.ActivationID
}

// ask sends a request as the guest and returns the body of the answer, which must be a success.
func ask(t *testing.T, method, url, body string) []byte {
	t.Helper()
	res, answer := quirltest.Do(t, http.DefaultClient, quirltest.Request(t, method, url, quirltest.GuestKey, body))
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: got %d, want 200\n%s", method, url, res.StatusCode, answer)
	}
	return answer
}

// settings bound the run, and lead most requests to what furnish has made. With
// count=true lists answer a number, which OpenAPI 2 has no words for; package
// test/schema checks that.
const settings = `
suppress-health-check = ["all"]
continue-on-failure = true
request-timeout = 20
warnings = false

[generation]
max-examples = 40
database = "none"
allow-extra-parameters = false # OpenWhisk ignores them
with-security-parameters = false # TestOpenWhiskForNode asks without

[phases.coverage]
unexpected-methods = ["PUT", "PATCH", "DELETE"] # not QUERY: OpenWhisk answers 501 to methods that HTTP 1.1 does not have

[phases.stateful]
enabled = false # takes minutes, and the description has no links to follow

[parameters]
"query.count" = false
"query.wait" = 20 # else a request for an activation that is not there takes its time
"path.namespace" = { dictionary = "namespaces", probability = 0.9 }
"path.packageName" = { dictionary = "packages", probability = 0.7 }
"path.actionName" = { dictionary = "actions", probability = 0.7 }
"path.triggerName" = { dictionary = "triggers", probability = 0.7 }
"path.ruleName" = { dictionary = "rules", probability = 0.7 }
"path.activationid" = { dictionary = "activations", probability = 0.7 }

[dictionaries]
namespaces = { values = ["_", "guest"] }
packages = { values = ["tools", "default"] }
actions = { values = ["hello"] }
triggers = { values = ["dawn"] }
rules = { values = ["morning"] }
`

// configuration writes the settings with the exceptions to a file.
func configuration(t *testing.T, activation string) string {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%sactivations = { values = [%q] }\n", settings, activation)
	for _, e := range exceptions {
		if e.operations == "" {
			fmt.Fprintf(&text, "\n[checks.%s] # %s\nenabled = false\n", e.check, e.reason)
		} else {
			fmt.Fprintf(&text, "\n[[operations]] # %s\ninclude-name-regex = %q\nchecks.%s.enabled = false\n", e.reason, e.operations, e.check)
		}
	}
	path := filepath.Join(t.TempDir(), "schemathesis.toml")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
