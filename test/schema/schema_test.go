package schema_test

import (
	"net/url"
	"strings"
	"testing"

	"quirl/test/quirltest"
	"quirl/test/schema"
)

const (
	ns     = "/api/v1/namespaces/guest"
	meta   = `"namespace":"guest","name":"a","version":"0.0.1","publish":false,"annotations":[],"updated":1`
	action = `{` + meta + `,"exec":{"kind":"nodejs:20","code":"","binary":false},"parameters":[],"limits":{"timeout":1000}}`
	errors = `{"error":"no","code":"abc"}`
	id     = "0123456789abcdef0123456789abcdef"
)

// TestCheck gives the Checker what is right and what is wrong.
func TestCheck(t *testing.T) {
	checker, err := schema.Open(quirltest.Root())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, target, request string
		status                  int
		body                    string
		problem                 string // part of it, empty when there is none
	}{
		{"GET", "/api/v1/namespaces", "", 200, `["guest"]`, ""},
		{"GET", "/api/v1/namespaces", "", 200, `[7]`, "must be of type string"},
		{"GET", "/api/v1/namespaces/", "", 200, `"guest"`, "must be of type array"},
		{"GET", "/api/v1/namespaces", "", 418, errors, "status 418 is not described"},
		{"GET", "/api/v1/nothing", "", 200, `{}`, "is answered 200, but is not described"},
		{"GET", "/api/v1/nothing", "", 404, errors, ""},
		{"GET", "/api/v1/nothing", "", 404, `{"error":"no"}`, "code in body is required"},
		{"PATCH", ns + "/actions/a", "", 200, action, "is answered 200, but is not described"},

		{"GET", ns + "/actions/a", "", 200, action, ""},
		{"GET", ns + "/actions/p/a", "", 200, action, ""},
		{"GET", ns + "/actions/a?code=maybe", "", 200, action, `the parameter code is "maybe", not boolean`},
		{"GET", ns + "/actions/a?code=maybe", "", 400, errors, ""},
		{"GET", ns + "/actions/a", "", 200, strings.Replace(action, `"parameters":[],`, "", 1), "parameters in body is required"},
		{"GET", ns + "/actions/a", "", 200, strings.Replace(action, `1000`, `"long"`, 1), "limits.timeout in body must be of type integer"},
		{"GET", ns + "/actions/a", "", 200, `<html>`, "the body is no JSON"},
		{"GET", ns + "/actions/a", "", 404, `{"error":7,"code":"abc"}`, "error in body must be of type string"},
		{"PUT", ns + "/actions/a", `{"exec":{"kind":"nodejs:20","code":""}}`, 200, action, ""},
		{"PUT", ns + "/actions/a", `{"exec":7}`, 200, action, "exec in body must be of type object"},
		{"PUT", ns + "/actions/a", `{"exec":7}`, 400, errors, ""},
		{"PUT", ns + "/actions/a", ``, 200, action, "the request's body is no JSON"},

		{"GET", ns + "/actions", "", 200, `[]`, ""},
		{"GET", ns + "/actions/", "", 200, `[{}]`, "namespace in body is required"},
		{"GET", ns + "/actions?limit=201", "", 200, `[]`, "limit"},
		{"GET", ns + "/actions?count=true", "", 200, `{"actions":7}`, ""},
		{"GET", ns + "/actions?count=true", "", 200, `{"actions":"7"}`, "must be of type integer"},
		{"GET", ns + "/actions/p/", "", 200, `[7]`, "must be of type object"},

		{"POST", ns + "/actions/a", `{"a":1}`, 202, `{"activationId":"` + id + `"}`, ""},
		{"POST", ns + "/actions/a", ``, 202, `{"activationId":"abc"}`, "should match"},
		{"POST", ns + "/actions/a?blocking=true&result=true", `{}`, 200, `[1]`, ""},
		{"POST", ns + "/actions/a", `[1]`, 202, `{"activationId":"` + id + `"}`, "must be of type object"},

		{"POST", ns + "/rules/r", `{"status":"active"}`, 200, `OK`, ""},
		{"POST", ns + "/rules/r", `{"status":"asleep"}`, 200, `OK`, "should be one of"},
		{"POST", ns + "/triggers/t", ``, 204, ``, ""},
		{"GET", ns + "/packages", "", 200, `[{` + meta + `,"binding":false}]`, ""},
		{"GET", ns + "/activations/" + id + "/logs", "", 200, `{"logs":[{}]}`, "must be of type string"},

		{"POST", "/api/v1/web/guest/default/a.json/more/path", `a=b`, 201, `anything`, ""},
		{"GET", "/ping", "", 200, `pong`, ""},
		{"GET", "/", "", 200, `{"description":"x"}`, "support in body is required"},
	} {
		path, query, _ := strings.Cut(c.target, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		problems := checker.Check(schema.Exchange{
			Method: c.method, Path: path, Query: values, Request: []byte(c.request), Status: c.status, Body: []byte(c.body),
		})
		got := strings.Join(problems, "\n")
		if c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
			t.Errorf("%s %s %s answered %d %s: problems %q, want %q", c.method, c.target, c.request, c.status, c.body, got, c.problem)
		}
	}
}
