package web

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
)

// Authorized decides by the annotation require-whisk-auth who may call an
// action. Absent or false lets everybody in, true those with valid credentials,
// a text or number those whose header X-Require-Whisk-Auth is the same; any
// other value nobody.
func Authorized(annotation json.RawMessage, h http.Header, authenticated bool) bool {
	switch string(annotation) {
	case "", "false":
		return true
	case "true":
		return authenticated
	}
	secret := string(annotation)
	switch c := annotation[0]; {
	case c == '"':
		if json.Unmarshal(annotation, &secret) != nil {
			return false
		}
	case c != '-' && (c < '0' || c > '9'):
		return false
	}
	given := h["X-Require-Whisk-Auth"]
	return len(given) > 0 && subtle.ConstantTimeCompare([]byte(given[len(given)-1]), []byte(secret)) == 1
}
