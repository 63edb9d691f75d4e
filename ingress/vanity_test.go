package ingress_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"quirl/ingress"
)

func TestVanity(t *testing.T) {
	for _, tt := range []struct{ configured, host, target, want string }{
		{"", "guest.example.org", "/x/y", "/x/y"},
		{"example.org", "example.org", "/x/y", "/x/y"},
		{"example.org", "guest.example.org", "/x/y", "/api/v1/web/guest/x/y"},
		{"example.org", "guest.example.org", "/", "/api/v1/web/guest/public/index.html"},
		{"example.org", "guest.example.org", "/?a=1", "/api/v1/web/guest/public/index.html?a=1"},
		{"example.org", "guest.example.org", "//", "/api/v1/web/guest//"},
		{"example.org", "guest.example.org", "/x/a%20b%2Fc?d=%20", "/api/v1/web/guest/x/a%20b%2Fc?d=%20"},
		{"example.org", "guest.example.org", "/api/v1/namespaces", "/api/v1/web/guest/api/v1/namespaces"},
		{"example.org", "Guest-2.EXAMPLE.org", "/x", "/api/v1/web/Guest-2/x"},
		{"example.org", "guest.example.org:8080", "/x", "/api/v1/web/guest/x"},
		{"localhost:3233", "guest.localhost:3233", "/x", "/api/v1/web/guest/x"},
		{"localhost:3233", "guest.localhost:3234", "/x", "/x"},
		{"localhost:3233", "guest.localhost", "/x", "/x"},
		{"localhost:3233", "localhost:3233", "/", "/"},
		{"example.org", "a.b.example.org", "/x", "/x"},
		{"example.org", "a_b.example.org", "/x", "/x"},
		{"example.org", ".example.org", "/x", "/x"},
		{"example.org", "guestexample.org", "/x", "/x"},
		{"example.org", "guest.example.com", "/x", "/x"},
		{"example.org", "", "/x", "/x"},
	} {
		var got string
		h := ingress.Vanity(tt.configured, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.RequestURI() }))
		r := httptest.NewRequest(http.MethodGet, tt.target, nil)
		r.Host = tt.host
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != tt.want {
			t.Errorf("vanity host %q, host %q: %s became %s, want %s", tt.configured, tt.host, tt.target, got, tt.want)
		}
		if r.URL.RequestURI() != tt.target {
			t.Errorf("vanity host %q, host %q: the request itself was changed to %s", tt.configured, tt.host, r.URL)
		}
	}
}
