package api_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"quirl/api"
	"quirl/balancer"
)

// TestOperatorsOnly: what operators see is for this machine, and elsewhere for
// those who have the operator's credentials.
func TestOperatorsOnly(t *testing.T) {
	a := api.New(api.Config{
		Invokers:    func() []balancer.Invoker { return []balancer.Invoker{{Name: "invoker0/0", State: balancer.Up}} },
		Pool:        func(n int) (any, bool) { return "containers", n == 0 },
		OperatorKey: "op:secret", Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	for _, c := range []struct {
		from, user, password, path string
		want                       int
	}{
		{"127.0.0.1:1", "", "", "/invokers/0/pool", 200},
		{"[::1]:1", "", "", "/invokers/0/pool", 200},
		{"127.0.0.1:1", "", "", "/invokers/1/pool", 404},
		{"127.0.0.1:1", "", "", "/invokers/0/pools", 405},
		{"192.0.2.1:1", "", "", "/invokers/0/pool", 401},
		{"192.0.2.1:1", "", "", "/invokers/1/pool", 401},
		{"192.0.2.1:1", "op", "wrong", "/invokers/0/pool", 401},
		{"192.0.2.1:1", "op", "secret", "/invokers/0/pool", 200},
		{"192.0.2.1:1", "", "", "/invokers", 401},
		{"192.0.2.1:1", "op", "secret", "/invokers", 200},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", c.path, nil)
		if r.RemoteAddr = c.from; c.user != "" {
			r.SetBasicAuth(c.user, c.password)
		}
		w := httptest.NewRecorder()
		if a.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%s as %q from %s: %d, want %d: %s", c.path, c.user, c.from, w.Code, c.want, w.Body)
		}
	}
}
