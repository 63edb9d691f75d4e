package web_test

import (
	"errors"
	"slices"
	"testing"

	"quirl/api/web"
	"quirl/whisk"
)

// An answer is a Response in short: its status, type, headers "name: value" and body.
type answer struct {
	status int
	media  string
	body   string
	fields []string
}

func respond(e web.Extension, status whisk.Status, result string) (answer, error) {
	res, err := web.Respond(e, &whisk.Response{Status: status, Result: []byte(result)})
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.Status, media: res.Type, body: string(res.Body)}
	for _, f := range res.Fields {
		a.fields = append(a.fields, f.Name+": "+f.Value)
	}
	return a, nil
}

func (a answer) equal(b answer) bool {
	return a.status == b.status && a.media == b.media && a.body == b.body && slices.Equal(a.fields, b.fields)
}

const (
	html = "text/html; charset=UTF-8"
	js   = "application/json"
)

// TestHTTP has section 5.2 and the .http rows of 9.4.
func TestHTTP(t *testing.T) {
	for result, want := range map[string]answer{
		`{}`:                       {204, "", "", nil},
		`{"body":""}`:              {204, "", "", nil},
		` { "body" : null } `:      {204, "", "", nil},
		`{"statusCode":200}`:       {200, "", "", nil},
		`{"statusCode":200.0}`:     {200, "", "", nil},
		`{"statusCode":2.01e2}`:    {201, "", "", nil},
		`{"statusCode":"444"}`:     {444, "", "", nil},
		`{"statusCode":444}`:       {444, "", "", nil},
		`{"statusCode":599}`:       {599, "", "", nil},
		`{"statusCode":404,"x":1}`: {404, "", "", nil},
		`{"statusCode":201,"headers":{"Set-Cookie":"a=b","content-type":"application/json"}}`: {201, "", "", []string{"Set-Cookie: a=b"}},
		`{"headers":{"location":"http://a"},"statusCode":302}`:                                {302, "", "", []string{"location: http://a"}},
		`{"statusCode":204,"body":"x"}`:                                                       {204, "", "", nil},
		`{"statusCode":304,"body":{"a":1}}`:                                                   {304, "", "", nil},
		`{"statusCode":500,"body":"x"}`:                                                       {500, html, "x", nil},
		`{"body":"<b>hi</b>"}`:                                                                {200, html, "<b>hi</b>", nil},
		`{"body":" "}`:                                                                        {200, html, " ", nil},
		`{"body":"{\"a\":1}"}`:                                                                {200, html, `{"a":1}`, nil},
		`{"body":"\u00e4\n"}`:                                                                 {200, html, "ä\n", nil},
		`{"body":{"b":1,"a":[{}, 2]}}`:                                                        {200, js, "{\n  \"a\": [{\n\n  }, 2],\n  \"b\": 1\n}", nil},
		`{"body":3}`:                                                                          {200, js, "3", nil},
		`{"body":false}`:                                                                      {200, js, "false", nil},
		`{"headers":{"content-type":"application/json"},"body":"{\"a\":1}"}`:                                                       {200, js, `{"a":1}`, nil},
		`{"headers":{"content-type":"application/json"},"body":"hello world"}`:                                                     {200, js, "hello world", nil},
		`{"headers":{"content-type":"application/json"},"body":"eyJhIjoxfQ=="}`:                                                    {200, js, `{"a":1}`, nil},
		`{"headers":{"content-type":"application/json"},"body":"abcd"}`:                                                            {200, js, "i\xb7\x1d", nil},
		`{"headers":{"content-type":"application/json; charset=UTF-8"},"body":{"a":1}}`:                                            {200, js, "{\n  \"a\": 1\n}", nil},
		`{"headers":{"CONTENT-TYPE":"application/hal+json"},"body":{"a":1}}`:                                                       {200, "application/hal+json", "{\n  \"a\": 1\n}", nil},
		`{"headers":{"content-type":"application/json-patch+json"},"body":"eyJhIjoxfQ=="}`:                                         {200, "application/json-patch+json", `{"a":1}`, nil},
		`{"headers":{"content-type":"image/png"},"body":"iVBORw0K"}`:                                                               {200, "image/png", "\x89PNG\r\n", nil},
		`{"headers":{"content-type":"image/png"},"body":"iVBORw"}`:                                                                 {200, "image/png", "\x89PNG", nil},
		`{"headers":{"content-type":"image/svg+xml"},"body":"PHN2Zy8+"}`:                                                           {200, "image/svg+xml", "<svg/>", nil},
		`{"headers":{"content-type":"application/x-foo"},"body":"AAEC"}`:                                                           {200, "application/x-foo", "\x00\x01\x02", nil},
		`{"headers":{"content-type":"application/x-foo; charset=UTF-8"},"body":"a b"}`:                                             {200, "application/x-foo; charset=UTF-8", "a b", nil},
		`{"headers":{"content-type":"text/plain; charset=ISO-8859-1"},"body":"ä"}`:                                                 {200, "text/plain; charset=UTF-8", "ä", nil},
		`{"headers":{"content-type":"application/xml"},"body":"<a/>"}`:                                                             {200, "application/xml; charset=UTF-8", "<a/>", nil},
		`{"headers":{"content-type":"application/x-www-form-urlencoded"},"body":"a=1"}`:                                            {200, "application/x-www-form-urlencoded", "a=1", nil},
		`{"headers":{"content-type":"multipart/form-data; boundary=x"},"body":"YWJj"}`:                                             {200, "multipart/form-data; boundary=x", "abc", nil},
		`{"headers":{"content-type":["text/plain","text/css"]},"body":"x"}`:                                                        {200, "text/plain; charset=UTF-8", "x", nil},
		`{"headers":{"content-type":[]},"body":"x"}`:                                                                               {200, html, "x", nil},
		`{"headers":{"Set-Cookie":["a=b","c=d; Path = /"]},"body":"x"}`:                                                            {200, html, "x", []string{"Set-Cookie: a=b", "Set-Cookie: c=d; Path = /"}},
		`{"headers":{"x-n":5,"X-b":true,"x-f":1.5},"body":"x"}`:                                                                    {200, html, "x", []string{"x-n: 5", "X-b: true", "x-f: 1.5"}},
		`{"headers":{"x":[["a",1],[true]]},"body":"x"}`:                                                                            {200, html, "x", []string{"x: a", "x: 1", "x: true"}},
		`{"headers":{"x":[]},"body":"x"}`:                                                                                          {200, html, "x", nil},
		`{"headers":{"x":"a\nb","y":"a\u0000","z":"tab\tä"},"body":"x"}`:                                                           {200, html, "x", []string{"z: tab\tä"}},
		`{"headers":{"Content-Length":"9","server":"s","date":"d","Connection":"close","transfer-encoding":"chunked"},"body":"x"}`: {200, html, "x", nil},
	} {
		got, err := respond(web.HTTP, whisk.Success, result)
		if err != nil || !got.equal(want) {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", result, got, err, want)
		}
	}
}

func TestHTTPRefuses(t *testing.T) {
	const (
		invalid  = "Response is not valid 'message/http'."
		unknown  = "Response did not specify a known content-type."
		mismatch = "Response type in header did not match generated content type."
	)
	for result, want := range map[string]string{
		`{"statusCode":"xyz"}`:                         invalid,
		`{"statusCode":"200.0"}`:                       invalid,
		`{"statusCode":200.5}`:                         invalid,
		`{"statusCode":null}`:                          invalid,
		`{"statusCode":true}`:                          invalid,
		`{"statusCode":[200]}`:                         invalid,
		`{"statusCode":99}`:                            invalid,
		`{"statusCode":600}`:                           invalid,
		`{"statusCode":1e300}`:                         invalid,
		`{"statusCode":0}`:                             invalid,
		`{"statusCode":-1}`:                            invalid,
		`{"statusCode":101}`:                           invalid, // an interim response that nothing would follow
		`{"headers":null}`:                             invalid,
		`{"headers":"x"}`:                              invalid,
		`{"headers":[]}`:                               invalid,
		`{"headers":{"x":null}}`:                       invalid,
		`{"headers":{"x":{}}}`:                         invalid,
		`{"headers":{"x":[[{}]]}}`:                     invalid,
		`{"headers":{"content-type":null},"body":"x"}`: invalid,
		`{"headers":{"a b":"c"}}`:                      "Response is not valid 'message/http': 'a b' is not the name of a header.",
		`{"headers":{"":"c"}}`:                         "Response is not valid 'message/http': '' is not the name of a header.",
		`"text"`:                                       invalid,
		`null`:                                         invalid,
		`{"headers":{"content-type":"xyzbar"},"body":"x"}`:                     unknown,
		`{"headers":{"content-type":""},"body":"x"}`:                           unknown,
		`{"headers":{"content-type":5},"body":"x"}`:                            unknown,
		`{"headers":{"content-type":"xyzbar"},"body":{"a":1}}`:                 mismatch,
		`{"headers":{"content-type":"text/html"},"body":{"a":1}}`:              mismatch,
		`{"headers":{"content-type":"image/png"},"body":[1]}`:                  mismatch,
		`{"headers":{"content-type":"image/png"},"body":"not base64!"}`:        mismatch,
		`{"headers":{"content-type":"image/svg+xml"},"body":"<svg/>"}`:         mismatch,
		`{"headers":{"content-type":"application/x-foo"},"body":"a b"}`:        mismatch,
		`{"headers":{"content-type":"application/hal+json"},"body":"{\"a\"}"}`: mismatch,
	} {
		wantError(t, web.HTTP, whisk.Success, result, want)
	}
}

func wantError(t *testing.T, e web.Extension, status whisk.Status, result, want string) {
	t.Helper()
	kind := whisk.BadRequest
	if want == "Response does not include requested property." {
		kind = whisk.NotFound
	}
	got, err := respond(e, status, result)
	if err == nil || err.Error() != want || whisk.KindOf(err) != kind {
		t.Errorf("%s of %s: got %+v, %v; want error %s", e, result, got, err, want)
	}
}

// TestTranscoders has section 5.1 and the other rows of 9.4.
func TestTranscoders(t *testing.T) {
	const plain, svg = "text/plain; charset=UTF-8", "image/svg+xml"
	for _, tt := range []struct {
		extension   web.Extension
		result      string
		media, body string
	}{
		{web.JSON, `{"foobar":"foobar"}`, js, "{\n  \"foobar\": \"foobar\"\n}"},
		{web.JSON, `{}`, js, "{\n\n}"},
		{web.JSON, `{"b":"<&>","a":{"c":[],"ä":null}, "a2" : -1.50e3}`, js, "{\n  \"a\": {\n    \"c\": [],\n    \"ä\": null\n  },\n  \"a2\": -1.50e3,\n  \"b\": \"<&>\"\n}"},
		{web.JSON, `{"body":[1,[ {"x":1} , {"y":2}]]}`, js, "{\n  \"body\": [1, [{\n    \"x\": 1\n  }, {\n    \"y\": 2\n  }]]\n}"},
		{web.HTML, `{"html":"by ext"}`, html, "by ext"},
		{web.HTML, `{"html":"by ext","body":"by body"}`, html, "by body"},
		{web.HTML, `{"body":""}`, html, ""},
		{web.SVG, `{"svg":"<svg/>"}`, svg, "<svg/>"},
		{web.SVG, `{"svg":"by ext","body":"by body"}`, svg, "by body"},
		{web.Text, `{"text":"default text"}`, plain, "default text"},
		{web.Text, `{"text":"by ext","body":"by body"}`, plain, "by body"},
		{web.Text, `{"body":{"a":1}}`, plain, "{\n  \"a\": 1\n}"},
		{web.Text, `{"body":[1, "b"]}`, plain, `[1, "b"]`},
		{web.Text, `{"body":true}`, plain, "true"},
		{web.Text, `{"body": 1 }`, plain, "1"},
		{web.Text, `{"body":null}`, plain, "null"},
		{web.Text, `{"body":""}`, plain, ""},
	} {
		got, err := respond(tt.extension, whisk.Success, tt.result)
		if want := (answer{200, tt.media, tt.body, nil}); err != nil || !got.equal(want) {
			t.Errorf("%s of %s:\ngot  %+v, %v\nwant %+v", tt.extension, tt.result, got, err, want)
		}
	}
	const missing = "Response does not include requested property."
	for _, tt := range []struct {
		extension    web.Extension
		result, want string
	}{
		{web.HTML, `{}`, "Response is not valid 'text/html'."},
		{web.HTML, `{"html":{}}`, "Response is not valid 'text/html'."},
		{web.HTML, `{"body":null,"html":"x"}`, "Response is not valid 'text/html'."},
		{web.SVG, `{"html":"x"}`, "Response is not valid 'image/svg+xml'."},
		{web.SVG, `{"body":1}`, "Response is not valid 'image/svg+xml'."},
		{web.Text, `{}`, missing},
		{web.Text, `{"html":"x"}`, missing},
	} {
		wantError(t, tt.extension, whisk.Success, tt.result, tt.want)
	}
}

// TestOutcomes has the table of section 5: what failed, and how.
func TestOutcomes(t *testing.T) {
	for _, tt := range []struct {
		extension web.Extension
		result    string
		want      answer
	}{
		{web.HTTP, `{"error":{"statusCode":418,"body":"teapot"}}`, answer{418, html, "teapot", nil}},
		{web.HTTP, `{"error":{"statusCode":200,"body":"no hello for you"}}`, answer{200, html, "no hello for you", nil}},
		{web.HTTP, `{"error":{"x":1},"body":"y"}`, answer{204, "", "", nil}},
		{web.JSON, `{"error":[1]}`, answer{200, js, "[1]", nil}},
		{web.JSON, `{"error":{"a":1}}`, answer{200, js, "{\n  \"a\": 1\n}", nil}},
		{web.Text, `{"error":"bad"}`, answer{200, "text/plain; charset=UTF-8", "bad", nil}},
		{web.Text, `{"error":null}`, answer{200, "text/plain; charset=UTF-8", "null", nil}},
		{web.HTML, `{"error":"bad"}`, answer{200, html, "bad", nil}},
		{web.SVG, `{"error":"bad"}`, answer{200, "image/svg+xml", "bad", nil}},
	} {
		got, err := respond(tt.extension, whisk.ApplicationError, tt.result)
		if err != nil || !got.equal(tt.want) {
			t.Errorf("%s of %s: got %+v, %v; want %+v", tt.extension, tt.result, got, err, tt.want)
		}
	}
	wantError(t, web.HTTP, whisk.ApplicationError, `{"error":"bad"}`, "Response is not valid 'message/http'.")
	wantError(t, web.JSON, whisk.ApplicationError, `{"error":"bad"}`, "Response is not valid 'application/json'.")
	for _, e := range []web.Extension{web.HTTP, web.JSON, web.HTML, web.SVG, web.Text} {
		wantError(t, e, whisk.ApplicationError, `{"body":"x"}`, "Response does not include requested property.")
		wantError(t, e, whisk.DeveloperError, `{"error":"x"}`, "There was an error processing your request.")
		wantError(t, e, whisk.InternalError, `{"error":"x"}`, "There was an error processing your request.")
		for _, result := range []string{`[1]`, ` []`} {
			if got, err := respond(e, whisk.Success, result); !errors.Is(err, web.ErrArray) {
				t.Errorf("%s of %s: got %+v, %v; want %v", e, result, got, err, web.ErrArray)
			}
		}
	}
}
