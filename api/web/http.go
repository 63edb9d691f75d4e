package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"quirl/whisk"
)

// asHTTP takes an object {statusCode?, headers?, body?}; other members are passed over.
func asHTTP(result json.RawMessage) (*Response, error) {
	if !isObject(result) {
		return nil, notHTTP()
	}
	var status, headers, body json.RawMessage
	for key, value := range object(result) {
		switch key {
		case "statusCode":
			status = value
		case "headers":
			headers = value
		case "body":
			body = value
		}
	}
	res := new(Response)
	var contentType *string
	var err error
	if res.Status, err = statusCode(status); err != nil {
		return nil, err
	}
	if res.Fields, contentType, err = fields(headers); err != nil {
		return nil, err
	}
	return res, res.setEntity(body, contentType)
}

func notHTTP() error { return notValid("message/http") }

// statusCode reads a whole number, or text that holds one; 0 when there is
// none. Codes below 200 would announce another response, which never comes.
func statusCode(value json.RawMessage) (int, error) {
	if value == nil {
		return 0, nil
	}
	literal := string(value)
	if value[0] == '"' {
		literal = text(value)
		if _, err := strconv.Atoi(literal); err != nil {
			return 0, notHTTP()
		}
	}
	code, err := strconv.ParseFloat(literal, 64)
	if err != nil || code != float64(int(code)) || code < 200 || code > 599 {
		return 0, notHTTP()
	}
	return int(code), nil
}

// dropped are the headers that are the server's own.
var dropped = []string{"content-length", "transfer-encoding", "connection", "date", "server"}

// fields reads the headers of a result, the content type apart, which is nil when
// there is none. Values that would break the header are dropped, as OpenWhisk does.
func fields(headers json.RawMessage) (list []Field, contentType *string, err error) {
	if headers == nil {
		return nil, nil, nil
	}
	if !isObject(headers) {
		return nil, nil, notHTTP()
	}
	for name, value := range object(headers) {
		values, ok := flatten(nil, value)
		if !ok {
			return nil, nil, notHTTP()
		}
		lower := strings.ToLower(name)
		switch {
		case lower == "content-type":
			if contentType == nil && len(values) > 0 {
				contentType = &values[0]
			}
			continue
		case !isToken(name):
			return nil, nil, whisk.Errorf(whisk.BadRequest, "Response is not valid 'message/http': '%s' is not the name of a header.", name)
		case slices.Contains(dropped, lower):
			continue
		}
		for _, v := range values {
			if isFieldValue(v) {
				list = append(list, Field{name, v})
			}
		}
	}
	return list, contentType, nil
}

// flatten appends the texts of a header's value: a string, number or Boolean,
// or an array of such values, which is a header that is sent several times.
func flatten(values []string, value json.RawMessage) ([]string, bool) {
	switch value[0] {
	case '"':
		return append(values, text(value)), true
	case '[':
		for element := range array(value) {
			var ok bool
			if values, ok = flatten(values, element); !ok {
				return nil, false
			}
		}
		return values, true
	case '{', 'n':
		return nil, false
	}
	return append(values, string(value)), true
}

func isFieldValue(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) < 0
}

// setEntity sets body and type, and the status when the function named none.
func (r *Response) setEntity(body json.RawMessage, contentType *string) error {
	if whisk.IsNull(body) || string(body) == `""` {
		if r.Status == 0 {
			r.Status = http.StatusNoContent
		}
		return nil
	}
	var err error
	if body[0] == '"' {
		err = r.setText(text(body), contentType)
	} else {
		err = r.setValue(body, contentType)
	}
	switch r.Status {
	case 0:
		r.Status = http.StatusOK
	case http.StatusNoContent, http.StatusNotModified: // cannot have an entity
		r.Type, r.Body = "", nil
	}
	r.offered = r.Type
	return err
}

// setText sets a text body, which is base64 when its type is binary.
func (r *Response) setText(s string, contentType *string) error {
	media := mediaType{name: "text/html"}
	if contentType != nil {
		var known bool
		if media, known = parseMediaType(*contentType); !known {
			return whisk.Errorf(whisk.BadRequest, "Response did not specify a known content-type.")
		}
	}
	switch {
	case media.isJSON():
		r.Type, r.Body = media.String(), []byte(s)
		if whisk.IsBinary(s) { // text that only looks like it, "abcd", is decoded too
			if decoded, err := decodeBase64(strings.TrimSpace(s)); err == nil {
				r.Body = decoded
			}
		}
	case media.isBinary():
		decoded, err := decodeBase64(s)
		if err != nil {
			return mismatch()
		}
		r.Type, r.Body = media.String(), decoded
	default:
		r.Type, r.Body = media.utf8().String(), []byte(s)
	}
	return nil
}

// decodeBase64 reads base64 with or without padding.
func decodeBase64(s string) ([]byte, error) {
	if len(s)%4 == 0 {
		return base64.StdEncoding.DecodeString(s)
	}
	return base64.RawStdEncoding.DecodeString(s)
}

// setValue sets a body that is JSON: object, array, number or Boolean.
func (r *Response) setValue(value json.RawMessage, contentType *string) error {
	r.Type = "application/json"
	if contentType != nil {
		media, known := parseMediaType(*contentType)
		if !known || !media.isJSONFamily() {
			return mismatch()
		}
		r.Type = media.String()
	}
	r.Body = Pretty(value)
	return nil
}

func mismatch() error {
	return whisk.Errorf(whisk.BadRequest, "Response type in header did not match generated content type.")
}
