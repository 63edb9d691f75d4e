package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"quirl/whisk"
)

// A Response is what the client gets. With a Type there is an entity, and Body
// is not nil though it may be empty; without one there is neither type nor body.
type Response struct {
	Status int
	// Fields are the headers that the function wants, names as it wrote them.
	Fields []Field
	Type   string
	Body   []byte

	// offered is the type as an error tells it to a client that does not accept it.
	offered string
}

// A Field is one line of a header.
type Field struct{ Name, Value string }

// ErrArray says that the result is an array as such, which no transcoder takes.
var ErrArray = errors.New("the result of a web action is an array")

// Respond turns what came of an activation into a response. An application
// error is what its "error" says. The errors are the user's, or ErrArray.
func Respond(e Extension, outcome *whisk.Response) (*Response, error) {
	result := trim(outcome.Result)
	switch outcome.Status {
	case whisk.Success:
		if isArray(result) {
			return nil, ErrArray
		}
	case whisk.ApplicationError:
		value, ok := member(result, "error")
		if !ok {
			return nil, noProperty()
		}
		result = value
	default:
		return nil, whisk.Errorf(whisk.BadRequest, "There was an error processing your request.")
	}
	if len(result) == 0 {
		result = json.RawMessage("null")
	}
	return transcode(e, result)
}

func transcode(e Extension, result json.RawMessage) (*Response, error) {
	switch e {
	case JSON:
		return asJSON(result)
	case HTML:
		return asMarkup(result, "html", "text/html; charset=UTF-8")
	case SVG:
		return asMarkup(result, "svg", "image/svg+xml")
	case Text:
		return asText(result)
	default:
		return asHTTP(result)
	}
}

func entity(contentType string, body []byte) *Response {
	return &Response{Status: http.StatusOK, Type: contentType, Body: body, offered: contentType}
}

func notValid(media string) error {
	return whisk.Errorf(whisk.BadRequest, "Response is not valid '%s'.", media)
}

func noProperty() error {
	return whisk.Errorf(whisk.NotFound, "Response does not include requested property.")
}
