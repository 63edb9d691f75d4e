package api

import (
	"errors"
	"io"
	"net/http"
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
	if body.read > limit+1 {
		t.Errorf("%d bytes were read, want at most %d", body.read, limit+1)
	}
}
