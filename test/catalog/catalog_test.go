// Package catalog_test calls every function of the catalog in the real program.
package catalog_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/catalog"
	"quirl/client"
	"quirl/test/quirltest"
)

// A call is one function, what it is given and what must come of it.
type call struct {
	name  string // package/function
	input string // JSON
	want  string // the result as JSON; a text in it that begins with ~ is a pattern
	log   []string
}

// pure are the functions that need nothing but themselves.
var pure = []call{
	{"utils/echo", `{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, nil},
	{"utils/cat", `{"lines":["one","two"]}`, `{"lines":["one","two"],"payload":"one\ntwo"}`, nil},
	{"utils/cat", `{}`, `{"lines":[],"payload":""}`, nil},
	{"utils/split", `{"payload":"one\ntwo\r\nthree"}`, `{"lines":["one","two","three"],"payload":"one\ntwo\r\nthree"}`, nil},
	{"utils/split", `{"payload":"a, b","separator":", "}`, `{"lines":["a","b"],"payload":"a, b"}`, nil},
	{"utils/sort", `{"lines":["b","10","a","9"]}`, `{"lines":["10","9","a","b"],"length":4}`, nil},
	{"utils/head", `{"lines":["one","two","three"]}`, `{"lines":["one"],"num":1}`, nil},
	{"utils/head", `{"lines":["one","two","three"],"num":2}`, `{"lines":["one","two"],"num":2}`, nil},
	{"utils/smash", `{"$fieldName":"p","a":1,"b":[2]}`, `{"p":{"a":1,"b":[2]}}`, nil},
	{"utils/smash", `{"a":1}`, `{"error":"Expected an argument '$fieldName' of type 'string'."}`, nil},
	{"utils/smash", `{"$fieldName":7}`, `{"error":"Expected an argument '$fieldName' of type 'string'."}`, nil},
	{"utils/date", `{}`, `{"date":"~\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"}`, nil},
	{"utils/namespace", `{}`, `{"namespace":"guest"}`, nil},
	{"utils/hosturl", `{}`, `{"url":"~.*/api/v1/namespaces/guest/actions"}`, nil},
	{"utils/hosturl", `{"path":"hello"}`, `{"url":"~.*/api/v1/namespaces/guest/actions/hello"}`, nil},
	{"utils/hosturl", `{"path":"p/hello","trigger":false}`, `{"url":"~.*/api/v1/namespaces/guest/actions/p/hello"}`, nil},
	{"utils/hosturl", `{"path":"t1","trigger":true}`, `{"url":"~.*/api/v1/namespaces/guest/triggers/t1"}`, nil},
	{"utils/hosturl", `{"path":"hello","web":true,"ext":".json"}`, `{"url":"~http://[0-9.:]+/api/v1/web/guest/default/hello.json"}`, nil},
	{"utils/hosturl", `{"path":"p/hello","web":true}`, `{"url":"~.*/api/v1/web/guest/p/hello"}`, nil},
	{"utils/hosturl", `{"web":true,"trigger":true}`, `{"error":"The arguments 'web' and 'trigger' exclude each other."}`, nil},
	{"utils/hosturl", `{"path":"x","ext":".json"}`, `{"error":"The argument 'ext' is for web actions only."}`, nil},
	{"utils/hosturl", `{"path":"x","web":true,"ext":".png"}`, `{"error":"The argument 'ext' is none of .http, .json, .html, .svg and .text."}`, nil},
	{"utils/hosturl", `{"path":"p/t","trigger":true}`, `{"error":"The argument 'path' must be the name of an action or a trigger."}`, nil},

	{"samples/helloWorld", `{"payload":"Cat"}`, `{}`, []string{"hello Cat!"}},
	{"samples/greeting", `{}`, `{"payload":"Hello, stranger from somewhere!"}`, nil},
	{"samples/greeting", `{"name":"N","place":"P"}`, `{"payload":"Hello, N from P!"}`, nil},
	{"samples/helloPromises", `{}`, `{"lines":["Hello,","stranger from","somewhere!"]}`, nil},
	{"samples/wordCount", `{"payload":"one two  three"}`, `{"count":3}`, []string{"The message 'one two  three' has 3 words"}},
	{"samples/wordCount", `{}`, `{"count":0}`, []string{"The message '' has 0 words"}},
	{"samples/wordCountAsync", `{"payload":"one two"}`, `{"count":2}`, []string{"The message 'one two' has 2 words"}},
	{"samples/printParams", `{"b":"x","a":1}`, `{"params":{"a":1,"b":"x"}}`, []string{"params.a: 1", "params.b: x"}},
	{"samples/cat", `{"lines":["one","two"]}`, `{"lines":["one","two"],"payload":"one\ntwo"}`, nil},
	{"samples/split", `{"payload":"a,b","separator":","}`, `{"lines":["a","b"],"payload":"a,b"}`, nil},
	{"samples/sort", `{"lines":["b","a"]}`, `{"lines":["a","b"],"length":2}`, nil},
	{"samples/head", `{"lines":["b","a"]}`, `{"lines":["b"],"num":1}`, nil},

	{"samples/curl", `{"payload":"file:///etc/passwd"}`, `{"error":"Expected an argument 'payload', a URL that begins with http:// or https://."}`, nil},
	{"samples/httpGet", `{}`, `{"error":"Expected an argument 'url' that begins with http:// or https://."}`, nil},
	{"samples/countdown", `{"n":0}`, `{"n":0}`, []string{"0", "Happy New Year!"}},
	{"samples/countdown", `{"n":"x"}`, `{"error":"Expected an argument 'n', a whole number that is not negative."}`, nil},
	{"samples/trigger", `{}`, `{"error":"Expected an argument 'triggerName' of type 'string'."}`, nil},
	{"websocket/send", `{"payload":"x"}`, `{"error":"You must specify a uri parameter."}`, nil},
	{"websocket/send", `{"uri":"ws://x"}`, `{"error":"You must specify a payload parameter."}`, nil},
	{"websocket/send", `{"uri":"http://x","payload":"x"}`, `{"error":"The uri http://x does not begin with ws:// or wss://."}`, nil},
	{"slack/post", `{"url":"http://x","channel":"#c"}`, `{"error":"No text provided"}`, nil},
	{"slack/post", `{"text":"x","channel":"#c"}`, `{"error":"No Webhook URL provided"}`, nil},
	{"slack/post", `{"text":"x","url":"http://x"}`, `{"error":"No channel provided"}`, nil},
	{"github/webhook", `{"username":"u","repository":"r"}`, `{"error":"You must specify the accessToken parameter."}`, nil},
	{"github/webhook", hook(`"lifecycleEvent":"CREATE"`), `{"error":"You must specify the events parameter."}`, nil},
	{"github/webhook", hook(`"lifecycleEvent":"PAUSE"`), `{"error":"unsupported lifecycleEvent PAUSE"}`, nil},
	{"github/webhook", hook(`"lifecycleEvent":"CREATE","triggerName":"t"`), `{"error":"The triggerName t is not /namespace/trigger."}`, nil},
}

// hook is the input of the GitHub feed with more members.
func hook(more string) string {
	return `{"username":"octo","repository":"hello","accessToken":"secret","triggerName":"/_/t1",` + more + `}`
}

// TestFunctions runs in the best containers of this machine.
func TestFunctions(t *testing.T) {
	c := start(t, quirltest.Containers())
	for _, call := range pure {
		t.Run(call.name, func(t *testing.T) { check(t, c, call) })
	}
}

// TestSamplesAreTrue calls every function that has a sample input with it,
// unless it needs the network, and wants the sample output.
func TestSamplesAreTrue(t *testing.T) {
	c := start(t, quirltest.Containers())
	network := []string{"samples/curl", "samples/httpGet", "samples/countdown", "samples/trigger", "utils/hosturl", "websocket/send", "slack/post", "github/webhook"}
	for _, p := range catalog.Packages() {
		for _, a := range p.Actions {
			name, input := p.Name+"/"+a.Name, a.Annotations.Get("sampleInput")
			if input != nil && !slices.Contains(network, name) {
				t.Run(name, func(t *testing.T) {
					check(t, c, call{name: name, input: string(input), want: string(a.Annotations.Get("sampleOutput"))})
				})
			}
		}
	}
}

func TestEveryFunctionIsCalled(t *testing.T) {
	for _, p := range catalog.Packages() {
		for _, a := range p.Actions {
			name := p.Name + "/" + a.Name
			if !slices.ContainsFunc(pure, func(c call) bool { return c.name == name }) && name != "samples/invoke" {
				t.Errorf("no test calls %s", name)
			}
		}
	}
}

// TestBinding calls a function through a package of the caller's own, which
// adds parameters to it.
func TestBinding(t *testing.T) {
	c := start(t, quirltest.Containers())
	do(t, c, client.Request{Method: http.MethodPut, Path: "namespaces/_/packages/mine", Body: map[string]any{
		"binding":    map[string]string{"namespace": catalog.Namespace, "name": "samples"},
		"parameters": []map[string]string{{"key": "place", "value": "Bonn"}},
	}})
	got := invoke(t, c, "_", "mine/greeting", `{"name":"you"}`)
	if want := `{"payload":"Hello, you from Bonn!"}`; string(got.Response.Result) != want {
		t.Errorf("mine/greeting returned %s, want %s", got.Response.Result, want)
	}
}

// TestOff wants no catalog where the operator wants none.
func TestOff(t *testing.T) {
	c := start(t, quirltest.Containers(), "--catalog=false")
	var packages []client.Package
	do(t, c, client.Request{Path: "namespaces/whisk.system/packages", Into: &packages})
	if len(packages) > 0 {
		t.Errorf("there are %d packages although the catalog is switched off", len(packages))
	}
}

// start returns a client of a new server, as guest.
func start(t *testing.T, args ...string) *client.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real program")
	}
	srv := quirltest.Start(t, quirltest.Options{Args: args})
	return &client.Client{Host: srv.URL, Key: quirltest.GuestKey}
}

func do(t *testing.T, c *client.Client, r client.Request) {
	t.Helper()
	if _, err := c.Do(t.Context(), r); err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
}

// invoke calls a function and returns its record, whether it succeeded or not.
func invoke(t *testing.T, c *client.Client, namespace, name, input string) client.Activation {
	t.Helper()
	var record client.Activation
	_, err := c.Do(t.Context(), client.Request{
		Method: http.MethodPost, Path: client.Path("namespaces", namespace, "actions", name),
		Query: url.Values{"blocking": {"true"}}, Body: json.RawMessage(input), Into: &record,
	})
	var refused *client.Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadGateway {
		err = json.Unmarshal(refused.Body, &record)
	}
	if err != nil {
		t.Fatalf("invoke %s: %v", name, err)
	}
	return record
}

func check(t *testing.T, c *client.Client, call call) {
	t.Helper()
	record := invoke(t, c, catalog.Namespace, call.name, call.input)
	var got, want any
	if err := json.Unmarshal(record.Response.Result, &got); err != nil {
		t.Fatalf("%s %s: result %s: %v", call.name, call.input, record.Response.Result, err)
	}
	if err := json.Unmarshal([]byte(call.want), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(cmp.Path) bool { return true }, cmp.FilterValues(isPattern, cmp.Comparer(matches)))); diff != "" {
		t.Errorf("%s %s returned %s (-want +got):\n%s", call.name, call.input, record.Response.Result, diff)
	}
	if _, failed := want.(map[string]any)["error"]; failed == record.Response.Success {
		t.Errorf("%s %s ended with status %q", call.name, call.input, record.Response.Status)
	}
	if call.log == nil {
		return
	}
	var lines []string
	for _, line := range logs(t, c, record.ActivationID) {
		_, text, _ := strings.Cut(line, "stdout: ")
		lines = append(lines, text)
	}
	if !slices.Equal(lines, call.log) {
		t.Errorf("%s %s logged %q, want %q", call.name, call.input, lines, call.log)
	}
}

func logs(t *testing.T, c *client.Client, id string) []string {
	t.Helper()
	var answer struct{ Logs []string }
	do(t, c, client.Request{Path: "namespaces/_/activations/" + id + "/logs", Into: &answer})
	return answer.Logs
}

func isPattern(a, b string) bool { return strings.HasPrefix(a, "~") != strings.HasPrefix(b, "~") }

// matches compares a text with a pattern, in either order.
func matches(a, b string) bool {
	if strings.HasPrefix(b, "~") {
		a, b = b, a
	}
	return regexp.MustCompile("^" + a[1:] + "$").MatchString(b)
}
