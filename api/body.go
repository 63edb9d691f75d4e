package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"quirl/whisk"
)

// entity reads a body that must be a JSON object, for verbs that write entities.
func (r *request) entity() (members, error) {
	if r.members != nil { // the handler is called once more
		return r.members, nil
	}
	r.lookForBody()
	body, err := r.readJSON(unlimited)
	if err != nil {
		return nil, err
	}
	if !isObject(body) {
		return nil, reject(whisk.Malformed("Object expected in field 'exec'"))
	}
	var m members
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, reject(whisk.Malformed("%v", err))
	}
	r.members = m
	return m, nil
}

// checkLength refuses a body that is declared to be too large before it is read.
func (r *request) checkLength(limit int64) error {
	if r.ContentLength > limit {
		return tooLarge("Request", r.ContentLength, limit)
	}
	return nil
}

// arguments reads a body that may be empty, else must be a JSON object of at most limit bytes.
func (r *request) arguments(limit int64) (json.RawMessage, error) {
	r.lookForBody()
	contentType := r.Header.Get("Content-Type")
	if r.ContentLength == 0 && contentType == "" {
		return nil, nil
	}
	if r.ContentLength == 0 && isJSON(contentType) {
		return nil, nil
	}
	body, err := r.readJSON(limit)
	if err != nil {
		return nil, err
	}
	if !isObject(body) {
		return nil, reject(whisk.Malformed("JSON object expected"))
	}
	return body, nil
}

// lookForBody finds out whether there is a body where its length was not declared.
func (r *request) lookForBody() {
	if r.ContentLength >= 0 {
		return
	}
	body := bufio.NewReader(r.Body)
	if _, err := body.Peek(1); errors.Is(err, io.EOF) {
		r.ContentLength = 0
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// unlimited is for bodies that may be as large as the ingress lets through.
const unlimited = math.MaxInt64 - 1

// readJSON reads the body, which must be declared as JSON and be it, of at most limit bytes.
func (r *request) readJSON(limit int64) (json.RawMessage, error) {
	contentType := r.Header.Get("Content-Type")
	if !isJSON(contentType) && (contentType != "" || r.ContentLength != 0) {
		media, _, err := mime.ParseMediaType(contentType)
		if err != nil || !strings.Contains(media, "/") {
			media = "application/octet-stream"
		}
		return nil, whisk.Errorf(whisk.Unsupported, "The request's Content-Type [%s] is not supported. Expected:\napplication/json", media)
	}
	body, err := readBody(r.Request, limit, 1<<20)
	if err != nil {
		return nil, err
	}
	if !json.Valid(body) {
		return nil, reject(whisk.Malformed("%s", jsonProblem(body)))
	}
	if !utf8.Valid(body) {
		return nil, reject(whisk.Malformed("the text is not valid UTF-8"))
	}
	return body, nil
}

// readBody reads at most limit bytes. A declared length is believed up to that
// many bytes; beyond them, or where none was declared, memory grows with what has
// come, which may be without end.
func readBody(r *http.Request, limit, believed int64) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(min(r.ContentLength, believed)) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	if n > limit {
		return nil, tooLarge("Request", n, limit)
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, reject(whisk.Errorf(whisk.TooLarge, "The request is larger than %d bytes.", tooLarge.Limit))
	}
	if err != nil {
		return nil, reject(whisk.Malformed("the body ended early: %v", err))
	}
	return buf.Bytes(), nil
}

// jsonProblem says where text stops being JSON.
func jsonProblem(text []byte) string {
	var v any
	err := json.Unmarshal(text, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return "line " + strconv.Itoa(line) + ", byte " + strconv.Itoa(int(syntax.Offset)) + ": " + syntax.Error()
	}
	return "JSON value expected"
}

func isObject(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && body[0] == '{'
}

// members are the members of a JSON object. Those that are null count as absent.
type members map[string]json.RawMessage

func (m members) has(key string) bool { return !whisk.IsNull(m[key]) }

// parameters reads an optional array of parameters or annotations; nil when absent.
func (m members) parameters(key string) (whisk.Parameters, bool, error) {
	if !m.has(key) {
		return nil, false, nil
	}
	ps, err := whisk.ParseParameters(m[key])
	return ps, true, reject(err)
}

func (m members) publish() (*bool, error) {
	if !m.has("publish") {
		return nil, nil
	}
	switch string(m["publish"]) {
	case "true", "false":
		publish := string(m["publish"]) == "true"
		return &publish, nil
	}
	return nil, reject(whisk.Malformed("Expected JsBoolean, but got %s", whisk.Compact(m["publish"])))
}

func (m members) version() (*whisk.Version, error) {
	if !m.has("version") {
		return nil, nil
	}
	var v whisk.Version
	if err := json.Unmarshal(m["version"], &v); err != nil {
		return nil, reject(whisk.Malformed("semantic version malformed"))
	}
	return &v, nil
}

// strings reads an optional array of strings.
func (m members) strings(key string) ([]string, error) {
	if !m.has(key) {
		return nil, nil
	}
	var list []string
	if json.Unmarshal(m[key], &list) != nil {
		return nil, reject(whisk.Malformed("Expected Array as JsArray, but got %s", whisk.Compact(m[key])))
	}
	return list, nil
}
