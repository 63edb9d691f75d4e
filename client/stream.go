package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// An Event is one of a stream of server-sent events.
type Event struct {
	Type string // such as "line"; "message" where the server gave none
	ID   string // what a later request may give as Last-Event-ID
	Data string
}

// maxEvent bounds a line of a stream, in bytes: a record with its logs fits.
const maxEvent = 64 << 20

// ErrEnded says that a stream ended before its reader was through with it.
var ErrEnded = errors.New("the stream ended early")

// Stream sends a request whose answer is a stream of events and hands each to do, until
// that returns false or an error. It returns that error, *Error when the server refused,
// ErrEnded when the stream ended, or what prevented an answer.
func (c *Client) Stream(ctx context.Context, r Request, do func(Event) (more bool, err error)) error {
	ctx, cancel := context.WithCancel(ctx) // which ends the stream when do has enough
	defer cancel()
	req, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	h := c.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	res, err := h.Do(req)
	if err != nil {
		return connectionError(err, c.BaseURL())
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return fmt.Errorf("read answer of %s: %w", c.BaseURL(), err)
		}
		return refusal(res.StatusCode, body)
	}
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return fmt.Errorf("%w: it is no stream of events but %q", ErrMalformed, kind)
	}
	return readEvents(res.Body, do)
}

// readEvents reads the format of the HTML standard, section 9.2.
func readEvents(in io.Reader, do func(Event) (bool, error)) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxEvent)
	event, data := Event{}, []string(nil)
	for lines.Scan() {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" {
			if data == nil {
				continue
			}
			if event.Data = strings.Join(data, "\n"); event.Type == "" {
				event.Type = "message"
			}
			more, err := do(event)
			if err != nil || !more {
				return err
			}
			event, data = Event{ID: event.ID}, nil
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			event.Type = value
		case "id":
			event.ID = value
		case "data":
			data = append(data, value)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return ErrEnded
}
