package web_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"quirl/api/web"
)

// TestAuthorized has sections 3 and 9.3.
func TestAuthorized(t *testing.T) {
	const none = "(no header)"
	for _, tt := range []struct {
		annotation, header string
		authenticated      bool
		want               bool
	}{
		{"", none, false, true},
		{"false", none, false, true},
		{"true", none, false, false},
		{"true", "true", false, false},
		{"true", none, true, true},
		{`"secret"`, none, false, false},
		{`"secret"`, none, true, false},
		{`"secret"`, "SECRET", true, false},
		{`"secret"`, "secret2", true, false},
		{`"secret"`, "secret", false, true},
		{`"se\u0063ret"`, "secret", false, true},
		{`""`, none, false, false},
		{`""`, "", false, true},
		{"5", "5", false, true},
		{"5", "6", true, false},
		{"0", none, true, false},
		{"1.5", "1.5", false, true},
		{"-1", "-1", false, true},
		{`"true"`, none, true, false},
		{"null", none, true, false},
		{"null", "null", true, false},
		{"[]", "[]", true, false},
		{`{"a":1}`, `{"a":1}`, true, false},
	} {
		h := http.Header{}
		if tt.header != none {
			h.Set("X-Require-Whisk-Auth", tt.header)
		}
		if got := web.Authorized(json.RawMessage(tt.annotation), h, tt.authenticated); got != tt.want {
			t.Errorf("require-whisk-auth %s, header %q, credentials %v: got %v, want %v", tt.annotation, tt.header, tt.authenticated, got, tt.want)
		}
	}
}
