package schema_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quirl/test/quirltest"
	"quirl/test/schema"
)

// numbers are placeholders that stand for a number, others for a text.
var numbers = regexp.MustCompile(`"<(time|duration)>"`)

// operator is the paths that only a cluster's operator uses.
var operator = regexp.MustCompile(`^/(invokers|activation|disable)(/|$)`)

// TestRecordedAnswers holds what a real OpenWhisk server answered against the
// descriptions: so they describe the API, and not only this server.
func TestRecordedAnswers(t *testing.T) {
	checker, err := schema.Open(quirltest.Root())
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(quirltest.Root(), "test", "recorded", "testdata", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded exchanges: %v", err)
	}
	for _, file := range files {
		for _, x := range read(t, file) {
			if operator.MatchString(x.Path) {
				continue // endpoints of a cluster's operator, which no document describes
			}
			for _, problem := range checker.Check(x.Exchange) {
				t.Errorf("%s: %s", x.name, problem)
			}
		}
	}
}

type recorded struct {
	name string
	schema.Exchange
}

func read(t *testing.T, file string) []recorded {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var topic struct {
		Scenarios []struct {
			Steps []struct {
				Name    string
				Request struct {
					Method, Path string
					Body         json.RawMessage
				}
				Response struct {
					Status     int
					Body       json.RawMessage
					BodyLength int `json:"body_length"`
				}
			}
		}
	}
	if err := json.Unmarshal(text, &topic); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var list []recorded
	for _, scenario := range topic.Scenarios {
		for _, s := range scenario.Steps {
			path, query, _ := strings.Cut(s.Request.Path, "?")
			values, err := url.ParseQuery(query)
			// Long bodies were not kept, and connections closed without an answer say nothing.
			if err != nil || s.Response.BodyLength > 0 || s.Response.Status == 0 {
				continue
			}
			list = append(list, recorded{s.Name, schema.Exchange{
				Method: s.Request.Method, Path: path, Query: values, Request: requestBody(s.Request.Body),
				Status: s.Response.Status, Body: answer(s.Response.Body),
			}})
		}
	}
	return list
}

// requestBody is the body of a request, which is kept as text unless it is bytes or long.
func requestBody(raw json.RawMessage) []byte {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return []byte("{}")
	}
	return []byte(text)
}

// answer is a body as the server sent it; numbers stand in place of placeholders, as do ids.
func answer(raw json.RawMessage) []byte {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	raw = numbers.ReplaceAll(raw, []byte("1"))
	return regexp.MustCompile(`<activationId:\d+>`).ReplaceAll(raw, []byte("0123456789abcdef0123456789abcdef"))
}
