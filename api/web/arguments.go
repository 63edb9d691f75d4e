package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"quirl/whisk"
)

// Arguments are what a request gives to a function, before they meet the
// parameters that are bound to the action.
type Arguments struct {
	// given are the members of query and body, of which names are checked.
	given members
	// own are __ow_query and __ow_body.
	own members
	// contentType is the request's, as the function is told it; empty is none.
	contentType string
}

// Decode reads query and body for an action that is not raw: they are spread
// into arguments, the body over the query. The error is a malformed request's.
func Decode(r *http.Request, body []byte) (*Arguments, error) {
	a := new(Arguments)
	query, err := parsePairs(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	a.given.addPairs(query)
	media, declared := a.bodyType(r.Header, len(body))
	switch {
	case !declared:
	case media.isJSONFamily():
		err = a.spreadJSON(body)
	case media.isForm():
		err = a.spreadForm(body)
	default:
		a.own.set("__ow_body", appendBody(nil, body, media.isBinary()))
	}
	return a, err
}

// DecodeRaw reads query and body for a raw action, which gets both as they are.
func DecodeRaw(r *http.Request, body []byte) (*Arguments, error) {
	a := new(Arguments)
	query, err := parsePairs(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	media, _ := a.bodyType(r.Header, len(body))
	a.own.set("__ow_query", whisk.AppendString(nil, encodePairs(query)))
	// JSON as base64 is OpenWhisk's habit, from the days before charsets were looked at.
	a.own.set("__ow_body", appendBody(nil, body, media.isBinary() || media.isJSON()))
	return a, nil
}

// bodyType finds the type of the body and notes it for the function. It is not
// declared when there is neither a type nor a body; a body whose type is missing
// or cannot be read is a stream of bytes.
func (a *Arguments) bodyType(h http.Header, size int) (media mediaType, declared bool) {
	values := h["Content-Type"]
	given := len(values) > 0 && values[len(values)-1] != ""
	if !given && size == 0 {
		return octetStream, false
	}
	media = octetStream
	if given {
		if parsed, ok := parseMediaType(values[len(values)-1]); ok {
			media = parsed
		}
	}
	a.contentType = media.String()
	return media, true
}

// spreadJSON takes the members of an object; any other value is the body.
func (a *Arguments) spreadJSON(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	if !json.Valid(body) {
		var v any
		return whisk.Malformed("%v", json.Unmarshal(body, &v))
	}
	if !utf8.Valid(body) {
		return whisk.Malformed("the text is not valid UTF-8")
	}
	if !isObject(body) {
		a.own.set("__ow_body", trim(body))
		return nil
	}
	for key, value := range object(body) {
		a.given.set(key, value)
	}
	return nil
}

func (a *Arguments) spreadForm(body []byte) error {
	fields, err := parsePairs(string(body))
	a.given.addPairs(fields)
	return err
}

// appendBody appends the body as JSON string: its text, read as UTF-8, or base64.
func appendBody(b, body []byte, binary bool) []byte {
	if !binary {
		return whisk.AppendString(b, string(body))
	}
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, body)
	return append(b, '"')
}

// Payload is the JSON object of the arguments, with what the function is told
// of the request. rest is the path behind the action, user the caller's
// namespace, empty for anonymous callers.
func (a *Arguments) Payload(r *http.Request, rest, user string) json.RawMessage {
	b := make([]byte, 0, 512+a.given.size()+a.own.size())
	b = append(b, `{"__ow_method":`...)
	b = appendLower(b, r.Method)
	b = append(b, `,"__ow_headers":`...)
	b = appendHeaders(b, r, a.contentType)
	b = append(b, `,"__ow_path":`...)
	b = whisk.AppendString(b, rest)
	if user != "" {
		b = append(b, `,"__ow_user":`...)
		b = whisk.AppendString(b, user)
	}
	b = a.own.append(b)
	b = a.given.append(b)
	return append(b, '}')
}
