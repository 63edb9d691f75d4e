// Package client is a Go client of the REST API, for this platform and for OpenWhisk.
//
// It promises to send what OpenWhisk's own client sends, to keep JSON numbers as
// they are, and to return every refusal of the server as *Error with the
// server's own words.
//
//	c := client.Client{Host: "http://127.0.0.1:3233", Key: "uuid:secret"}
//	var list []client.Action
//	err := c.Do(ctx, client.Request{Path: "namespaces/_/actions", Into: &list})
package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// A Client speaks to one API host as one identity. Its methods may be called
// from many goroutines at once.
type Client struct {
	// Host is the API host, with or without scheme; without one it is https.
	Host string
	// Version is the API's version; empty is v1.
	Version string
	// Key is uuid:secret; empty sends no credentials.
	Key string
	// UserAgent is sent when it is not empty.
	UserAgent string
	// HTTP does the requests; nil is http.DefaultClient.
	HTTP *http.Client
}

// A Request is one call.
type Request struct {
	Method string // empty is GET
	// Path is below /api/<version>/, its segments escaped (see Path).
	Path string
	// Outside says that Path is below the host itself, where operators find what is theirs.
	Outside bool
	Query   url.Values
	// Body is encoded as JSON unless nil.
	Body any
	// Into receives the decoded answer unless nil; *json.RawMessage receives it as it is.
	Into any
	// Anonymous sends no credentials.
	Anonymous bool
	// LastEventID is the ID of the last Event that the caller has of a stream.
	LastEventID string
}

// An Error is the server's refusal, or an answer that could not be understood.
type Error struct {
	Status  int    // of HTTP
	Message string // of the server, else ours
	Code    string // transaction id, where the server gave one
	// Body is the answer as it came.
	Body []byte
}

func (e *Error) Error() string {
	if e.Code != "" {
		return e.Message + " (code " + e.Code + ")"
	}
	return e.Message
}

// Path joins names to a path, escaping each: Path("namespaces", "_", "actions", "a b").
// A name may hold a package: "pkg/a b".
func Path(names ...string) string {
	var segments []string
	for _, name := range names {
		for part := range strings.SplitSeq(name, "/") {
			segments = append(segments, url.PathEscape(part))
		}
	}
	return strings.Join(segments, "/")
}

// BaseURL is the URL of the host with its scheme.
func (c *Client) BaseURL() string {
	host := strings.TrimSuffix(c.Host, "/")
	if !strings.Contains(host, "://") {
		return "https://" + host
	}
	return host
}

func (c *Client) url(r Request) string {
	version := c.Version
	if version == "" {
		version = "v1"
	}
	u := c.BaseURL()
	if !r.Outside {
		u += "/api/" + version
	}
	if r.Path != "" {
		u += "/" + r.Path
	}
	if len(r.Query) > 0 {
		u += "?" + r.Query.Encode()
	}
	return u
}

// Do sends a request. The error is *Error when the server answered, else what
// prevented that. The status of a success is returned because 202 and 204 mean something.
func (c *Client) Do(ctx context.Context, r Request) (status int, err error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return 0, err
	}
	h := c.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	res, err := h.Do(req)
	if err != nil {
		return 0, connectionError(err, c.BaseURL())
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return res.StatusCode, fmt.Errorf("read answer of %s: %w", c.BaseURL(), err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, refusal(res.StatusCode, body)
	}
	return res.StatusCode, decode(body, r.Into)
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader
	if r.Body != nil {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r.Body); err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = &buf
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url(r), body)
	if err != nil {
		return nil, fmt.Errorf("the API host %q is not valid: %w", c.Host, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.LastEventID != "" {
		req.Header.Set("Last-Event-ID", r.LastEventID)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	if c.Key != "" && !r.Anonymous {
		req.Header.Set("Authorization", authorization(c.Key))
	}
	return req, nil
}

// authorization is the header for a key uuid:secret, or for a token, which is three parts of
// base64 with dots between (RFC 7519).
func authorization(key string) string {
	if strings.Count(key, ".") == 2 && !strings.Contains(key, ":") {
		return "Bearer " + key
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(key))
}

func decode(body []byte, into any) error {
	if into == nil || len(body) == 0 {
		return nil
	}
	if raw, ok := into.(*json.RawMessage); ok {
		*raw = body
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// refusal reads an error body; both members must be there for it to be one.
func refusal(status int, body []byte) *Error {
	var b struct {
		Error *json.RawMessage `json:"error"`
		Code  *json.RawMessage `json:"code"`
	}
	e := &Error{Status: status, Body: body}
	if json.Unmarshal(body, &b) == nil && b.Error != nil && b.Code != nil {
		e.Message, e.Code = text(*b.Error), text(*b.Code)
		return e
	}
	e.Message = fmt.Sprintf("The connection failed, or timed out. (HTTP status code %d)", status)
	if len(body) == 0 {
		e.Message = "Command failed due to an HTTP failure"
	}
	return e
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// ErrUnreachable says that no server answered.
var ErrUnreachable = errors.New("the server cannot be reached")

// ErrMalformed says that the answer of the server is not what it should be.
var ErrMalformed = errors.New("the server's answer cannot be understood")

func connectionError(err error, host string) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("%w at %s: %w", ErrUnreachable, host, err)
}
