package web

import (
	"encoding/json"
	"strings"
)

// asJSON takes the whole value, which must be an object or an array.
func asJSON(result json.RawMessage) (*Response, error) {
	if !isObject(result) && !isArray(result) {
		return nil, notValid("application/json")
	}
	return entity("application/json", Pretty(result)), nil
}

// projected is the property of an object that a transcoder takes: body, else the
// one named after the extension. What is no object is taken as it is.
func projected(result json.RawMessage, name string) (json.RawMessage, bool) {
	if !isObject(result) {
		return result, true
	}
	if body, ok := member(result, "body"); ok {
		return body, true
	}
	return member(result, name)
}

// asMarkup takes text alone.
func asMarkup(result json.RawMessage, name, contentType string) (*Response, error) {
	value, found := projected(result, name)
	if !found || value[0] != '"' {
		media, _, _ := strings.Cut(contentType, ";")
		return nil, notValid(media)
	}
	return entity(contentType, []byte(text(value))), nil
}

// asText takes any value: text as it is, others as JSON.
func asText(result json.RawMessage) (*Response, error) {
	value, found := projected(result, "text")
	if !found {
		return nil, noProperty()
	}
	body := []byte(value)
	switch value[0] {
	case '"':
		body = []byte(text(value))
	case '{', '[':
		body = Pretty(value)
	}
	res := entity("text/plain; charset=UTF-8", body)
	res.offered = "text/plain"
	return res, nil
}
