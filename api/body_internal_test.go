package api

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"quirl/whisk"
)

// endless is a body that goes on for ever, and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

// TestArgumentsOfUndeclaredLength: no more is read than may be given.
func TestArgumentsOfUndeclaredLength(t *testing.T) {
	const limit = 100_000
	body := new(endless)
	r := &request{Request: &http.Request{
		ContentLength: -1, Body: io.NopCloser(body), Header: http.Header{"Content-Type": {"application/json"}},
	}}
	_, err := r.arguments(limit)
	var e *whisk.Error
	if !errors.As(err, &e) || e.Kind != whisk.TooLarge || e.Message != "Request larger than allowed: 100001 > 100000 bytes." {
		t.Errorf("got %v, want that it is too large", err)
	}
	if body.read > limit+8192 { // a buffer more
		t.Errorf("%d bytes were read, want at most %d", body.read, limit+8192)
	}
}

// TestEmptyBodyOfUndeclaredLength: it is no body, as one of length 0 is none.
func TestEmptyBodyOfUndeclaredLength(t *testing.T) {
	for _, tt := range []struct {
		contentType, body string
		kind              whisk.Kind
		want              string
	}{
		{"", "", 0, ""},
		{"application/json", "", 0, ""},
		{"application/json", `{"a":1}`, 0, `{"a":1}`},
		{"text/plain", "", whisk.Unsupported, ""},
		{"application/json", " ", whisk.BadRequest, ""},
	} {
		r := &request{Request: &http.Request{ContentLength: -1, Body: io.NopCloser(strings.NewReader(tt.body)), Header: http.Header{}}}
		if tt.contentType != "" {
			r.Header.Set("Content-Type", tt.contentType)
		}
		got, err := r.arguments(100)
		if string(got) != tt.want || (err != nil) != (tt.kind != 0) || err != nil && whisk.KindOf(err) != tt.kind {
			t.Errorf("%q of type %q: got %q, %v; want %q", tt.body, tt.contentType, got, err, tt.want)
		}
	}
}
