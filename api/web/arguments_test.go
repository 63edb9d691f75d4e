package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/api/web"
	"quirl/whisk"
)

// request makes a request to the query with a Content-Type, "-" for none.
func request(query, contentType string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://host.example/api/v1/web/ns/default/a.json", nil)
	r.URL.RawQuery = query
	if contentType != "-" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// arguments decodes and returns the payload without __ow_method, __ow_headers and __ow_path.
func arguments(t *testing.T, r *http.Request, body string, raw bool) map[string]any {
	t.Helper()
	decode := web.Decode
	if raw {
		decode = web.DecodeRaw
	}
	a, err := decode(r, []byte(body))
	if err != nil {
		t.Errorf("query %q, type %q, body %q: %v", r.URL.RawQuery, r.Header.Get("Content-Type"), body, err)
		return nil
	}
	payload := object(t, a.Payload(r, "", ""))
	for _, key := range []string{"__ow_method", "__ow_headers", "__ow_path"} {
		if _, ok := payload[key]; !ok {
			t.Errorf("query %q, body %q: %s is missing", r.URL.RawQuery, body, key)
		}
		delete(payload, key)
	}
	return payload
}

func object(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

// TestBodies has section 4.1 and the bodies of 9.2.
func TestBodies(t *testing.T) {
	for _, tt := range []struct{ query, contentType, body, want string }{
		{"", "-", "", `{}`},
		{"a=b&c=d", "-", "", `{"a":"b","c":"d"}`},
		{"", "application/json", "", `{}`},
		{"", "application/hal+json", "", `{}`},
		{"", "application/json", `{}`, `{}`},
		{"", "application/json", ` { "a" : "b" , "c" : {"d":[1, 2]} } `, `{"a":"b","c":{"d":[1,2]}}`},
		{"g=h&i=j", "application/json", `{"g":"i"}`, `{"g":"i","i":"j"}`},
		{"", "application/json", `{"a":1,"a":2}`, `{"a":2}`},
		{"", "application/json", `{"\u0061\n\"":1}`, `{"a\n\"":1}`},
		{"", "application/json", `[1,"str str",false]`, `{"__ow_body":[1,"str str",false]}`},
		{"", "application/json", `"text"`, `{"__ow_body":"text"}`},
		{"", "application/json", ` true `, `{"__ow_body":true}`},
		{"", "application/json", `99`, `{"__ow_body":99}`},
		{"", "application/json", `null`, `{"__ow_body":null}`},
		{"", "Application/JSON; charset=utf-8", `{"a":1}`, `{"a":1}`},
		{"", "application/cloudevents+json; charset=UTF-8", `{"a":1}`, `{"a":1}`},
		{"", "application/x+json", `[1]`, `{"__ow_body":[1]}`},
		{"", "application/x-www-form-urlencoded", "field1=value1&field2=value2", `{"field1":"value1","field2":"value2"}`},
		{"a=0", "application/x-www-form-urlencoded", "a=1&b=2&a=3&c", `{"a":"3","b":"2","c":""}`},
		{"", "application/x-www-form-urlencoded; charset=UTF-8", "a=%C3%A4+%2B", `{"a":"ä +"}`},
		{"", "application/x-www-form-urlencoded", "", `{}`},
		{"", "text/html", "1,2,3", `{"__ow_body":"1,2,3"}`},
		{"", "text/plain", "", `{"__ow_body":""}`},
		{"", "image/png", "", `{"__ow_body":""}`},
		{"", "text/plain; charset=ISO-8859-1", "\xe4", `{"__ow_body":"\ufffd"}`},
		{"", "image/png", "\x89PNG", `{"__ow_body":"iVBORw=="}`},
		{"", "-", `{"a":1}`, `{"__ow_body":"eyJhIjoxfQ=="}`},
		{"", "", "abc", `{"__ow_body":"YWJj"}`},
		{"", "xyz", "abc", `{"__ow_body":"YWJj"}`},
	} {
		got := arguments(t, request(tt.query, tt.contentType), tt.body, false)
		if diff := cmp.Diff(object(t, []byte(tt.want)), got); diff != "" {
			t.Errorf("query %q, type %q, body %q (-want +got):\n%s", tt.query, tt.contentType, tt.body, diff)
		}
	}
}

func TestMalformedBodies(t *testing.T) {
	for _, tt := range []struct{ query, contentType, body, want string }{
		{"", "application/json", "zzz", "The request content was malformed:\n"},
		{"", "application/json", " ", "The request content was malformed:\n"},
		{"", "application/json", `{"a":`, "The request content was malformed:\n"},
		{"", "application/json", `{} {}`, "The request content was malformed:\n"},
		{"", "application/json; charset=ISO-8859-1", "{\"a\":\"\xe4\"}", "The request content was malformed:\n"},
		{"", "application/vnd.api+json", "zzz", "The request content was malformed:\n"},
		{"", "application/x-www-form-urlencoded", "a=%zz", "Illegal query: "},
		{"a=%zz", "-", "", "Illegal query: "},
		{"%=1", "-", "", "Illegal query: "},
	} {
		_, err := web.Decode(request(tt.query, tt.contentType), []byte(tt.body))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || whisk.KindOf(err) != whisk.BadRequest {
			t.Errorf("query %q, type %q, body %q: got %v, want %q and a detail", tt.query, tt.contentType, tt.body, err, tt.want)
		}
	}
}

func TestQueries(t *testing.T) {
	for query, want := range map[string]string{
		"a":          `{"a":""}`,
		"a=":         `{"a":""}`,
		"=x":         `{"":"x"}`,
		"a=1&&b=2":   `{"a":"1","":"","b":"2"}`,
		"a=1;b=2":    `{"a":"1;b=2"}`,
		"a=b=c":      `{"a":"b=c"}`,
		"a=x+y%20z":  `{"a":"x y z"}`,
		"a=1&a=2":    `{"a":"2"}`,
		"%C3%A4=%ff": `{"ä":"\ufffd"}`,
	} {
		got := arguments(t, request(query, "-"), "", false)
		if diff := cmp.Diff(object(t, []byte(want)), got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
}

// TestRaw has section 4.2 and the raw rows of 9.2.
func TestRaw(t *testing.T) {
	for _, tt := range []struct{ query, contentType, body, wantQuery, wantBody string }{
		{"", "-", "", "", ""},
		{"x=overridden&key2=value2", "-", "", "x=overridden&key2=value2", ""},
		{"a=%20b+c", "-", "", "a=+b+c", ""},
		{"a=%c3%a4&b&c=&=d", "-", "", "a=%C3%A4&b&c=&=d", ""},
		{"__ow_body=1", "-", "", "__ow_body=1", ""},
		{"a=1%262%3D3", "-", "", "a=1%262=3", ""},
		{"", "application/json", `{"x":1}`, "", "eyJ4IjoxfQ=="},
		{"", "application/json", `1,2,3`, "", "MSwyLDM="},
		{"", "application/json; charset=utf-8", `{"x":1}`, "", "eyJ4IjoxfQ=="},
		{"", "application/json", "", "", ""},
		{"", "application/hal+json", `{"x":1}`, "", "eyJ4IjoxfQ=="},
		{"", "application/hal+json; charset=UTF-8", `{"x":1}`, "", `{"x":1}`},
		{"", "text/plain", "ä", "", "ä"},
		{"", "application/x-www-form-urlencoded", "a=1&b", "", "a=1&b"},
		{"", "image/png", "\x89PNG", "", "iVBORw=="},
		{"", "-", "abc", "", "YWJj"},
	} {
		got := arguments(t, request(tt.query, tt.contentType), tt.body, true)
		want := map[string]any{"__ow_query": tt.wantQuery, "__ow_body": tt.wantBody}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("query %q, type %q, body %q (-want +got):\n%s", tt.query, tt.contentType, tt.body, diff)
		}
	}
	if _, err := web.DecodeRaw(request("a=%zz", "-"), nil); err == nil {
		t.Error("a query that cannot be read was accepted for a raw action")
	}
}

// TestBinaryTypes has section 4.3.
func TestBinaryTypes(t *testing.T) {
	const text, binary = "abc", "YWJj"
	for contentType, want := range map[string]string{
		"text/plain": text, "text/csv": text, "text/x-unknown": text, "application/xml": text, "application/xhtml+xml": text,
		"application/atom+xml": text, "application/soap+xml": text, "application/javascript": text, "application/x-foo; charset=UTF-8": text,
		"application/x-foo": binary, "foo/bar": binary, "application/yaml": binary, "application/graphql": binary, "application/x-ndjson": binary,
		"application/rtf": binary, "message/rfc822": binary, "image/png": binary, "image/svg+xml": binary, "image/svg+xml; charset=UTF-8": binary,
		"audio/mpeg": binary, "video/mp4": binary, "font/woff": binary, "application/pdf": binary, "application/zip": binary, "application/gzip": binary,
		"application/octet-stream": binary, "application/octet-stream; charset=UTF-8": binary, "multipart/form-data; boundary=X": binary,
	} {
		if got := arguments(t, request("", contentType), text, false)["__ow_body"]; got != want {
			t.Errorf("%s: got %v, want %s", contentType, got, want)
		}
	}
}

// TestMetadata has section 4: what a function is told of its request.
func TestMetadata(t *testing.T) {
	r := httptest.NewRequest(http.MethodPatch, "http://host.example/x", nil)
	r.Header = http.Header{
		"X-Dup": {"one", "two"}, "Cookie": {"a=b; c=d"}, "User-Agent": {"test/1"}, "X-Empty": {""}, "X-Request-Id": {"tid"},
		"Content-Length": {"3"}, "Transfer-Encoding": {"chunked"}, "X-Ow-Extra-Logging": {"on"}, "X-Quote": {`"\`},
		"Content-Type": {"application/json; charset=utf-8"},
	}
	a, err := web.Decode(r, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"__ow_method": "patch", "__ow_path": "/a%20b", "__ow_user": "ann",
		"__ow_headers": map[string]any{
			"host": "host.example", "x-dup": "two", "cookie": "a=b; c=d", "user-agent": "test/1", "x-empty": "", "x-request-id": "tid",
			"x-quote": `"\`, "content-type": "application/json",
		},
	}
	if diff := cmp.Diff(want, object(t, a.Payload(r, "/a%20b", "ann"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestContentTypeIsRendered: the function sees a type as we understood it.
func TestContentTypeIsRendered(t *testing.T) {
	for _, tt := range []struct{ given, body, want string }{
		{"application/json; charset=utf-8", "{}", "application/json"},
		{"Text/HTML;charset=utf-8", "x", "text/html; charset=UTF-8"},
		{"text/plain; charset=ISO-8859-1", "x", "text/plain; charset=ISO-8859-1"},
		{"application/cloudevents+json; charset=UTF-8", "{}", "application/cloudevents+json; charset=UTF-8"},
		{`multipart/form-data; boundary="a;b"`, "x", `multipart/form-data; boundary="a;b"`},
		{"text/plain;", "x", "text/plain"},
		{"text/plain", "", "text/plain"},
		{"xyz", "x", "application/octet-stream"},
		{"a/b; c", "x", "application/octet-stream"},
		{"-", "x", "application/octet-stream"},
		{"-", "", ""},
	} {
		r := request("", tt.given)
		a, err := web.Decode(r, []byte(tt.body))
		if err != nil {
			t.Errorf("%q: %v", tt.given, err)
			continue
		}
		headers, _ := object(t, a.Payload(r, "", ""))["__ow_headers"].(map[string]any)
		if got, _ := headers["content-type"].(string); got != tt.want {
			t.Errorf("%q with body %q: got %q, want %q", tt.given, tt.body, got, tt.want)
		}
	}
}

// TestNames has the refused and the accepted names of 4.1 and 9.2.
func TestNames(t *testing.T) {
	bound := whisk.Parameters{}.WithValue("x", "X").WithValue("y", false).WithValue("empty", nil)
	for _, tt := range []struct {
		query, body string
		final       bool
		refused     bool
	}{
		{"a=b", `{"c":1}`, true, false},
		{"x=1", `{}`, true, true},
		{"", `{"x":1}`, true, true},
		{"", `{"y":null}`, true, true},
		{"empty=overridden", `{}`, true, false},
		{"x=1", `{"y":1}`, false, false},
		{"__ow_body=YYY", `{}`, false, true},
		{"", `{"__ow_user":1}`, false, true},
		{"__ow_method=1", ``, false, true},
		{"__ow_headers=1", ``, false, true},
		{"__ow_path=1", ``, false, true},
		{"__ow_query=1", ``, false, true},
		{"__ow_other=1", ``, true, false},
		{"", `{"a":{"x":1,"__ow_user":1}}`, true, false},
		{"", `["__ow_user"]`, true, false},
	} {
		a, err := web.Decode(request(tt.query, "application/json"), []byte(tt.body))
		if err != nil {
			t.Errorf("query %q, body %s: %v", tt.query, tt.body, err)
			continue
		}
		err = a.CheckNames(bound, tt.final)
		if (err != nil) != tt.refused || err != nil && err.Error() != "Request defines parameters that are not allowed (e.g., reserved properties)." {
			t.Errorf("query %q, body %s, final %v: got %v, want refused %v", tt.query, tt.body, tt.final, err, tt.refused)
		}
	}
	raw, err := web.DecodeRaw(request("x=1&__ow_body=2", "application/json"), []byte(`{"x":1}`))
	if err != nil || raw.CheckNames(bound, true) != nil {
		t.Errorf("a raw action's query has names: %v", err)
	}
}

// TestManyNames: anybody may send a body of very many names.
func TestManyNames(t *testing.T) {
	const n = 100_000
	var form strings.Builder
	for i := range n {
		form.WriteString("k" + strconv.Itoa(i) + "&")
	}
	form.WriteString("k0=last")
	got := arguments(t, request("", "application/x-www-form-urlencoded"), form.String(), false)
	if len(got) != n || got["k0"] != "last" || got["k99999"] != "" {
		t.Errorf("got %d arguments, k0 %v, want %d, last", len(got), got["k0"], n)
	}
}
