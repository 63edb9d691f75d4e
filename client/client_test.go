package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"quirl/client"
)

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a refusal":           {404, `{"error":"not there","code":"tid"}`, "not there (code tid)"},
		"a number as code":    {409, `{"error":"conflict","code":7}`, "conflict (code 7)"},
		"no code":             {500, `{"error":"x"}`, "The connection failed, or timed out. (HTTP status code 500)"},
		"a page of something": {503, `<html>`, "The connection failed, or timed out. (HTTP status code 503)"},
		"nothing":             {502, ``, "Command failed due to an HTTP failure"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer srv.Close()
			_, err := (&client.Client{Host: srv.URL}).Do(t.Context(), client.Request{Path: "x"})
			var e *client.Error
			if !errors.As(err, &e) || e.Status != c.status || err.Error() != c.want {
				t.Errorf("got %v, want status %d and %q", err, c.status, c.want)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	if _, err := (&client.Client{Host: srv.URL}).Do(t.Context(), client.Request{}); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v, want %v", err, client.ErrUnreachable)
	}
}

func TestPath(t *testing.T) {
	if got, want := client.Path("namespaces", "_", "actions", "p@q/a b&c"), "namespaces/_/actions/p@q/a%20b&c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
