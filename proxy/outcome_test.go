package proxy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/proxy"
)

var limit = proxy.Limit{Response: 100, Truncation: 5}

// answer is a complete Outcome.
func answer(status int, body string) proxy.Outcome {
	return proxy.Outcome{Status: status, Body: []byte(body), Length: int64(len(body)), Duration: time.Millisecond}
}

func tooLong(status int, kept string, length int64) proxy.Outcome {
	return proxy.Outcome{Status: status, Body: []byte(kept), Length: length, Truncated: true}
}

// failure wraps an error as the Client does.
func failure(err error) error { return fmt.Errorf("%w: broken pipe", err) }

// response is written as the record has it: status code, result, and size (-1 for none).
func response(status int, result string, size int) proxy.Response {
	r := proxy.Response{StatusCode: status, Result: json.RawMessage(result)}
	if size >= 0 {
		r.Size = &size
	}
	return r
}

func errorText(text string) string {
	quoted, _ := json.Marshal(map[string]string{"error": text})
	return strings.ReplaceAll(string(quoted), `\u003e`, ">")
}

func TestInitResponse(t *testing.T) {
	const timeout = 2 * time.Second
	for _, tt := range []struct {
		name    string
		out     proxy.Outcome
		err     error
		want    proxy.Response
		verdict proxy.Verdict
		ok      bool
	}{
		{name: "200", out: answer(200, `{"OK":true}`), ok: true},
		{name: "200, any body", out: answer(200, `nonsense`), ok: true},
		{name: "200, body over the limit", out: tooLong(200, "xxxxx", 500), ok: true},
		{
			name: "error text", out: answer(502, `{"error":"Initialization has failed due to: x"}`),
			want: response(2, `{"error":"Initialization has failed due to: x"}`, 47),
		},
		{
			name: "error object, others dropped", out: answer(400, `{"a":1,"error":{"b":[2]}}`),
			want: response(2, `{"error":{"b":[2]}}`, 25),
		},
		{
			name: "no error member", out: answer(500, `{"a":1}`),
			want: response(2, errorText(`The action failed during initialization: {"a":1}`), 7),
		},
		{
			name: "no JSON", out: answer(500, `oops`),
			want: response(2, errorText(`The action failed during initialization: oops`), 4),
		},
		{
			name: "empty body", out: answer(500, ``),
			want: response(2, errorText(`The action failed during initialization.`), 0),
		},
		{
			name: "503 is an answer like others", out: answer(503, `{"error":"later"}`),
			want: response(2, `{"error":"later"}`, 17),
		},
		{
			name: "failure over the limit", out: tooLong(502, "{\"err", 200),
			want: response(2, errorText(`The action produced a response that exceeded the allowed length: 200 > 100 bytes. The truncated response was: {"err`), 200),
		},
		{
			name: "connection closed", err: failure(proxy.ErrConnection),
			want: response(2, errorText(`The action did not initialize and exited unexpectedly.`), -1),
		},
		{
			name: "time out", err: failure(proxy.ErrTimeout), verdict: proxy.TimedOut,
			want: response(2, errorText(`The action exceeded its time limits of 2000 milliseconds during initialization.`), -1),
		},
		{
			name: "answer too late", out: proxy.Outcome{Status: 200, Duration: timeout}, verdict: proxy.TimedOut,
			want: response(2, errorText(`The action exceeded its time limits of 2000 milliseconds during initialization.`), -1),
		},
		{name: "not started", err: failure(proxy.ErrNotStarted), verdict: proxy.Elsewhere},
		{
			name: "no connection until the limit", err: errors.Join(proxy.ErrTimeout, proxy.ErrNotStarted), verdict: proxy.TimedOut,
			want: response(2, errorText(`The action exceeded its time limits of 2000 milliseconds during initialization.`), -1),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, verdict, ok := proxy.InitResponse(tt.out, tt.err, timeout, limit)
			if diff := cmp.Diff(tt.want, got); diff != "" || verdict != tt.verdict || ok != tt.ok {
				t.Errorf("got verdict %d, ok %v, want %d, %v\n%s", verdict, ok, tt.verdict, tt.ok, diff)
			}
		})
	}
}

func TestRunResponse(t *testing.T) {
	const timeout = 100 * time.Millisecond
	for _, tt := range []struct {
		name    string
		out     proxy.Outcome
		err     error
		want    proxy.Response
		verdict proxy.Verdict
	}{
		{name: "object", out: answer(200, ` {"a":1} `), want: response(0, `{"a":1}`, 9)},
		{name: "array", out: answer(200, `[1,{"error":2}]`), want: response(0, `[1,{"error":2}]`, 15)},
		{name: "size counts UTF-16", out: answer(200, `{"a":"é😀"}`), want: response(0, `{"a":"é😀"}`, 11)},
		{name: "error in a nested object", out: answer(200, `{"a":{"error":1}}`), want: response(0, `{"a":{"error":1}}`, 17)},
		{name: "error", out: answer(200, `{"error":"sorry","a":1}`), want: response(1, `{"error":"sorry"}`, 23)},
		{name: "error null", out: answer(200, `{"error":null}`), want: response(1, `{"error":null}`, 14)},
		{name: "error, name escaped", out: answer(200, `{"\u0065rror":1}`), want: response(1, `{"error":1}`, 16)},
		{
			name: "string", out: answer(200, `"hello"`),
			want: response(2, errorText(`The action did not produce a valid JSON or JSON Array response: "hello"`), 7),
		},
		{
			name: "null", out: answer(200, `null`),
			want: response(2, errorText(`The action did not produce a valid JSON or JSON Array response: null`), 4),
		},
		{
			name: "no JSON", out: answer(200, `{"a":`),
			want: response(2, errorText(`The action did not produce a valid JSON or JSON Array response: {"a":`), 5),
		},
		{
			name: "empty", out: answer(200, ``),
			want: response(2, errorText(`The action did not produce a valid JSON or JSON Array response.`), 0),
		},
		{
			name: "non-200 with error", out: answer(502, `{"error":"An error has occurred: nooooo","a":1}`),
			want: response(2, `{"error":"An error has occurred: nooooo"}`, 47),
		},
		{
			name: "non-200 without error", out: answer(500, `{"a":1}`),
			want: response(2, errorText(`The action did not produce a valid JSON or JSON Array response: {"a":1}`), 7),
		},
		{
			name: "non-200 array", out: answer(500, `[1]`),
			want: response(2, errorText(`The action did not produce a valid JSON or JSON Array response: [1]`), 3),
		},
		{
			name: "non-200 empty", out: answer(404, ``),
			want: response(2, errorText(`The action did not produce a valid JSON or JSON Array response.`), 0),
		},
		{
			name: "over the limit, cut inside a character", out: tooLong(200, "{\"a\"\xe2", 110),
			want: response(1, errorText("The action produced a response that exceeded the allowed length: 110 > 100 bytes. The truncated response was: {\"a\"\ufffd"), 110),
		},
		{
			name: "connection closed", err: failure(proxy.ErrConnection),
			want: response(2, errorText(`The action did not produce a valid response and exited unexpectedly.`), -1),
		},
		{
			name: "time out", err: failure(proxy.ErrTimeout), verdict: proxy.TimedOut,
			want: response(2, errorText(`The action exceeded its time limits of 100 milliseconds.`), -1),
		},
		{
			name: "answer too late", out: proxy.Outcome{Status: 200, Body: []byte("{}"), Duration: timeout}, verdict: proxy.TimedOut,
			want: response(2, errorText(`The action exceeded its time limits of 100 milliseconds.`), -1),
		},
		{name: "503", out: answer(503, `{}`), verdict: proxy.Elsewhere},
		{name: "not started", err: failure(proxy.ErrNotStarted), verdict: proxy.Elsewhere},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, verdict := proxy.RunResponse(tt.out, tt.err, timeout, limit)
			if diff := cmp.Diff(tt.want, got); diff != "" || verdict != tt.verdict {
				t.Errorf("got verdict %d, want %d\n%s", verdict, tt.verdict, diff)
			}
			if tt.verdict != proxy.Elsewhere && !json.Valid(got.Result) {
				t.Errorf("result is no JSON: %s", got.Result)
			}
		})
	}
}

func TestPlatformErrors(t *testing.T) {
	for _, tt := range []struct{ got, want proxy.Response }{
		{proxy.DeveloperError(proxy.TextOutOfMemory), response(2, `{"error":"The action exhausted its memory and was aborted."}`, -1)},
		{proxy.InternalError(proxy.TextNoResources), response(3, `{"error":"Failed to provision resources to run the action."}`, -1)},
		{proxy.ApplicationError(proxy.TextBlacklisted), response(1, `{"error":"The action was not invoked due to a blacklisted namespace."}`, -1)},
		{proxy.PullFailed("a/b:c"), response(2, `{"error":"Failed to pull container image 'a/b:c'."}`, -1)},
		{proxy.CommandMissing("a/b"), response(2, `{"error":"executable file not found in image a/b"}`, -1)},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzRunResponse(f *testing.F) {
	f.Add(200, []byte(`{"error":{"a":"b"}}`))
	f.Add(502, []byte("\xff"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		r, verdict := proxy.RunResponse(answer(status, string(body)), nil, time.Second, limit)
		if verdict == proxy.Elsewhere {
			return
		}
		var members map[string]json.RawMessage
		err := json.Unmarshal(r.Result, &members)
		_, failed := members["error"]
		switch {
		case !json.Valid(r.Result):
			t.Errorf("%q: result is no JSON: %q", body, r.Result)
		case r.StatusCode != proxy.StatusSuccess && (err != nil || len(members) != 1 || !failed):
			t.Errorf("%q: status %d without a lone error: %s", body, r.StatusCode, r.Result)
		case r.StatusCode == proxy.StatusSuccess && failed:
			t.Errorf("%q: a success with an error", body)
		}
	})
}
