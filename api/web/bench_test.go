package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"quirl/api/web"
	"quirl/whisk"
)

// BenchmarkGet is all that a web action's GET adds to a call.
func BenchmarkGet(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/web/guest/default/hello.json/a/b?name=you", nil)
	r.Header = http.Header{
		"Accept": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "User-Agent": {"Mozilla/5.0"},
		"Accept-Encoding": {"gzip, deflate, br"}, "Accept-Language": {"en"}, "Connection": {"keep-alive"},
	}
	outcome := &whisk.Response{Result: []byte(`{"greeting":"Hello, you!","from":{"a":1,"list":[1,2,3]}}`)}
	b.ReportAllocs()
	for b.Loop() {
		p, ok := web.ParsePath(r.URL.EscapedPath()[len(web.Prefix):])
		if !ok {
			b.Fatal("no path of a web action")
		}
		a, err := web.Decode(r, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := a.CheckNames(nil, true); err != nil {
			b.Fatal(err)
		}
		a.Payload(r, p.Rest, "")
		res, err := web.Respond(p.Extension, outcome)
		if err != nil {
			b.Fatal(err)
		}
		if err := res.Acceptable(r.Header); err != nil {
			b.Fatal(err)
		}
	}
}
