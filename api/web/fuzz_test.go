package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"unicode/utf8"

	"quirl/api/web"
	"quirl/whisk"
)

// FuzzParsePath: a path that is taken apart has valid names, and keeps its rest.
func FuzzParsePath(f *testing.F) {
	for _, path := range []string{"ns/default/a.json/x%20y", "ns/pkg/a", "//", "ns/a%2Bb/c", "ns/default/.json"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, ok := web.ParsePath(path)
		if !ok {
			return
		}
		if !whisk.ValidName(p.Name.Name) || !whisk.ValidName(p.Name.Path.Root()) {
			t.Errorf("%q: got the name %s", path, p.Name)
		}
		if p.Rest != "" && (p.Rest[0] != '/' || path[len(path)-len(p.Rest):] != p.Rest) {
			t.Errorf("%q: got the rest %q", path, p.Rest)
		}
	})
}

// FuzzDecode: whatever is sent, the function gets one valid JSON object, and
// reserved names in it are the platform's own.
func FuzzDecode(f *testing.F) {
	f.Add("a=b&c=%C3%A4&&d", "application/json", `{"a":1,"a":2,"__ow_path":3}`, false)
	f.Add("", "application/x-www-form-urlencoded", "a=%zz&b=+", false)
	f.Add("x", `multipart/form-data; boundary="a;\"b"`, "\x00\xff", false)
	f.Add("q=%ff&;", "text/plain; charset=x", "\xe4", true)
	f.Fuzz(func(t *testing.T, query, contentType, body string, raw bool) {
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{RawQuery: query}, Header: http.Header{"Content-Type": {contentType}}, Host: "h"}
		decode := web.Decode
		if raw {
			decode = web.DecodeRaw
		}
		a, err := decode(r, []byte(body))
		if err != nil {
			if whisk.KindOf(err) != whisk.BadRequest {
				t.Errorf("got %v, want an error of the request", err)
			}
			return
		}
		if a.CheckNames(nil, false) != nil {
			return
		}
		payload := a.Payload(r, "/rest", "ann")
		var got map[string]any
		if err := json.Unmarshal(payload, &got); err != nil || !utf8.Valid(payload) {
			t.Fatalf("payload %q: %v", payload, err)
		}
		if got["__ow_path"] != "/rest" || got["__ow_user"] != "ann" || got["__ow_method"] != "post" {
			t.Errorf("payload %s: the metadata is not ours", payload)
		}
	})
}

// FuzzRespond: no result of a function makes a response that cannot be sent.
func FuzzRespond(f *testing.F) {
	for _, result := range []string{
		`{"statusCode":200,"headers":{"a":["b",[1]],"content-type":"text/plain"},"body":"x"}`,
		`{"error":{"body":{"a":[1,{"b":{}}]}}}`, `{"body":"YWJj","headers":{"content-type":"image/png"}}`, `[1]`, `{"a":}`, `{"body"`, `"\u00`, `{]`, `,`,
	} {
		f.Add(result, uint8(0), "text/*;q=0.5, x")
	}
	extensions := []web.Extension{web.HTTP, web.JSON, web.HTML, web.SVG, web.Text}
	f.Fuzz(func(t *testing.T, result string, choice uint8, accept string) {
		for _, status := range []whisk.Status{whisk.Success, whisk.ApplicationError} {
			res, err := web.Respond(extensions[int(choice)%len(extensions)], &whisk.Response{Status: status, Result: []byte(result)})
			if err != nil {
				continue
			}
			if res.Status < 200 || res.Status > 599 || (res.Type == "") != (res.Body == nil) {
				t.Errorf("%q: got status %d, type %q, body %q", result, res.Status, res.Type, res.Body)
			}
			res.Acceptable(http.Header{"Accept": {accept}, "Accept-Charset": {accept}}) // must not panic
		}
	})
}

// FuzzPretty: the layout changes nothing but the layout.
func FuzzPretty(f *testing.F) {
	for _, value := range []string{`{"b":[1,{"a":{}}],"a":"x\"y"}`, `[]`, ` [ [ ] , 1e5 ] `, `{"a":1,"a":2}`, `{`, `[,`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		pretty := web.Pretty(json.RawMessage(value))
		var before, after any
		if json.Unmarshal([]byte(value), &before) != nil {
			return
		}
		if err := json.Unmarshal(pretty, &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q: %v", value, pretty, err)
		}
	})
}
