package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"quirl/whisk"
)

// hidden are headers that the function is not told: what describes the
// transfer, what is told in another form, and the wish for more logging.
var hidden = []string{"Content-Length", "Content-Type", "Host", "Transfer-Encoding", "X-Ow-Extra-Logging"}

// Headers are a request's headers as functions are told them, a JSON object:
// those that describe the body are not among them.
func Headers(r *http.Request) json.RawMessage { return appendHeaders(nil, r, "") }

// appendHeaders appends the request's headers as JSON object, names in lower
// case and in their order, of several values the last.
func appendHeaders(b []byte, r *http.Request, contentType string) []byte {
	names := make([]string, 0, len(r.Header)+2)
	for name, values := range r.Header {
		if len(values) > 0 && !slices.Contains(hidden, name) {
			names = append(names, name)
		}
	}
	names = append(names, "Host")
	if contentType != "" {
		names = append(names, "Content-Type")
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLower(b, name)
		b = append(b, ':')
		switch name {
		case "Host":
			b = whisk.AppendString(b, r.Host)
		case "Content-Type":
			b = whisk.AppendString(b, contentType)
		default:
			values := r.Header[name]
			b = whisk.AppendString(b, values[len(values)-1])
		}
	}
	return append(b, '}')
}

// appendLower appends s in lower case as JSON string.
func appendLower(b []byte, s string) []byte { return whisk.AppendString(b, strings.ToLower(s)) }
