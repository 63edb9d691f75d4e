package api

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"quirl/dispatch"
	"quirl/whisk"
)

// TestWebNotReady: a client is told after a minute that it will not be told.
func TestWebNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := &request{Request: httptest.NewRequest(http.MethodGet, "/", nil), tid: "tid"}
		never := make(chan *whisk.Activation)
		if record, err := await(t.Context(), &dispatch.Ticket{Result: never}, maxWait); record != nil || err != nil {
			t.Fatalf("got the record %v, %v; want none", record, err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("waited %v, want a minute", took)
		}
		res := (&webCall{header: http.Header{}}).notReady(r, "id")
		want := "{\n  \"code\": \"tid\",\n  \"error\": \"Response not yet ready.\"\n}"
		if res.status != http.StatusAccepted || string(res.raw) != want || res.header.Get("X-Openwhisk-Activation-Id") != "id" {
			t.Errorf("got %d %s %v, want 202 %s with the activation's id", res.status, res.raw, res.header, want)
		}
	})
}

func TestReadBody(t *testing.T) {
	const limit = 100_000
	full := strings.Repeat("x", limit)
	broken := errors.New("connection lost")
	for _, tt := range []struct {
		name     string
		declared int64 // as Content-Length, -1 for none
		body     io.Reader
		size     int
		kind     whisk.Kind
		err      string
	}{
		{"none", 0, strings.NewReader(""), 0, 0, ""},
		{"declared", 3, strings.NewReader("abc"), 3, 0, ""},
		{"at the limit", limit, strings.NewReader(full), limit, 0, ""},
		{"at the limit, in small parts", -1, iotest.OneByteReader(strings.NewReader(full)), limit, 0, ""},
		{"not declared and empty", -1, strings.NewReader(""), 0, 0, ""},
		{"not declared and too large", -1, strings.NewReader(full + "yz"), 0, whisk.TooLarge, "Request larger than allowed: 100001 > 100000 bytes."},
		{"ends early", 10, io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), 0, whisk.BadRequest, "The request content was malformed:\nthe body ended early: connection lost"},
	} {
		r := &http.Request{ContentLength: tt.declared, Body: io.NopCloser(tt.body)}
		got, err := readBody(r, limit, 64<<10)
		if tt.err == "" {
			if err != nil || len(got) != tt.size {
				t.Errorf("%s: got %d bytes, %v; want %d", tt.name, len(got), err, tt.size)
			}
			continue
		}
		var e *whisk.Error
		if !errors.As(err, &e) || e.Message != tt.err || e.Kind != tt.kind {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.err)
		}
	}
}
