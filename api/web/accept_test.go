package web_test

import (
	"net/http"
	"testing"

	"quirl/api/web"
	"quirl/whisk"
)

// TestAcceptable has section 5.3 and the rows of 9.4 with Accept.
func TestAcceptable(t *testing.T) {
	const text, png = `{"body":"x"}`, `{"headers":{"content-type":"image/png"},"body":"AAEC"}`
	for _, tt := range []struct {
		extension               web.Extension
		result, accept, charset string
		refused                 string // the types on offer, empty when accepted
	}{
		{web.HTTP, text, "", "", ""},
		{web.HTTP, text, "*/*", "", ""},
		{web.HTTP, text, "text/html", "", ""},
		{web.HTTP, text, "TEXT/HTML", "", ""},
		{web.HTTP, text, "text/*", "", ""},
		{web.HTTP, text, "image/png, text/html;q=0.5", "", ""},
		{web.HTTP, text, "text/html;level=1;q=0.1", "", ""},
		{web.HTTP, text, "application/json", "", html},
		{web.HTTP, text, "text/plain", "", html},
		{web.HTTP, text, "text/html;q=0", "", html},
		{web.HTTP, text, "text/html;q=0, */*", "", html},
		{web.HTTP, text, "text/*;q=0, */*;q=0.1", "", html},
		{web.HTTP, text, "text/*;q=0, text/html", "", ""},
		{web.HTTP, text, "nonsense", "", ""},
		{web.HTTP, text, "application/json;q=2", "", ""},
		{web.HTTP, text, "application/json, nonsense", "", ""},
		{web.HTTP, text, "", "utf-8", ""},
		{web.HTTP, text, "", "*", ""},
		{web.HTTP, text, "", "ISO-8859-1, *;q=0.1", ""},
		{web.HTTP, text, "", "ISO-8859-1", html},
		{web.HTTP, text, "", "utf-8;q=0, *", html},
		{web.HTTP, `{}`, "application/json", "ISO-8859-1", ""},
		{web.HTTP, `{"statusCode":404,"body":"x"}`, "application/json", "", ""},
		{web.HTTP, `{"statusCode":302,"body":"x"}`, "application/json", "", ""},
		{web.HTTP, `{"statusCode":201,"body":"x"}`, "application/json", "", html},
		{web.HTTP, png, "image/png", "ISO-8859-1", ""},
		{web.HTTP, png, "text/html", "", "image/png"},
		{web.JSON, `{}`, "application/*", "", ""},
		{web.JSON, `{}`, "text/html", "", js},
		{web.HTML, `{"html":"<a/>"}`, "text/xml", "", html},
		{web.Text, text, "text/plain", "", ""},
		{web.Text, text, "application/json", "", "text/plain"},
	} {
		res, err := web.Respond(tt.extension, &whisk.Response{Result: []byte(tt.result)})
		if err != nil {
			t.Fatalf("%s of %s: %v", tt.extension, tt.result, err)
		}
		err = res.Acceptable(http.Header{"Accept": {tt.accept}, "Accept-Charset": {tt.charset}})
		switch want := "Resource representation is only available with these types:\n" + tt.refused; {
		case tt.refused == "" && err != nil, tt.refused != "" && (err == nil || err.Error() != want || whisk.KindOf(err) != whisk.NotAcceptable):
			t.Errorf("%s of %s, Accept %q, Accept-Charset %q: got %v, want refused for %q", tt.extension, tt.result, tt.accept, tt.charset, err, tt.refused)
		}
	}
}
