package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
)

// maxTraced is how many bytes of a body the flag --verbose shows.
const maxTraced = 1000

// A tracer prints requests and responses, for --verbose and --debug.
type tracer struct {
	next http.RoundTripper
	w    io.Writer
	full bool
}

func (t *tracer) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Fprintf(t.w, "REQUEST:\n[%s]\t%s\n", r.Method, r.URL)
	t.headers("Req Headers", r.Header)
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(t.w, "Req Body")
		t.body(text)
	}
	res, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	fmt.Fprintf(t.w, "RESPONSE:Got response with code %d\n", res.StatusCode)
	t.headers("Resp Headers", res.Header)
	fmt.Fprintf(t.w, "Response body size is %d bytes\n", len(text))
	fmt.Fprintln(t.w, "Response body received:")
	t.body(text)
	return res, nil
}

func (t *tracer) headers(title string, h http.Header) {
	text, err := json.MarshalIndent(h, "", "  ")
	if err == nil {
		fmt.Fprintf(t.w, "%s\n%s\n", title, text)
	}
}

// secrets are members that are not shown.
var secrets = regexp.MustCompile(`("password"\s*:\s*)"(?:[^"\\]|\\.)*"`)

func (t *tracer) body(text []byte) {
	text = secrets.ReplaceAll(text, []byte(`$1"******"`))
	if !t.full && len(text) > maxTraced {
		fmt.Fprintf(t.w, "%s...\nBody exceeds %d bytes and will be truncated\n", text[:maxTraced], maxTraced)
		return
	}
	fmt.Fprintf(t.w, "%s\n", text)
}
