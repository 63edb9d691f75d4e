package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"quirl/dispatch"
	"quirl/result"
	"quirl/store"
	"quirl/whisk"
)

// Server-sent events are ours: a client that asks for text/event-stream gets the
// activations of a namespace as they end, or the log lines of one activation as
// they are printed (docs/streams.md).

const (
	eventStream = "text/event-stream"
	// heartbeat is how often a stream without events shows that it lives.
	heartbeat = 15 * time.Second
	// writeTime is how long a client may take to accept an event.
	writeTime = 30 * time.Second
	// maxReplay is how many stored records a stream begins with at most.
	maxReplay = 1000
)

// A Tail reads what an activation prints while it runs.
type Tail interface {
	// Follow returns the lines behind the first n, as soon as there are some; more =
	// false when none will come. The error is that of ctx.
	Follow(ctx context.Context, n int) (lines []string, more bool, err error)
}

// wantsStream says whether the client asks for events.
func (r *request) wantsStream() bool {
	for _, accept := range r.Header["Accept"] {
		for part := range strings.SplitSeq(accept, ",") {
			if media, _, err := mime.ParseMediaType(part); err == nil && media == eventStream {
				return true
			}
		}
	}
	return false
}

// A stream sends events to one client.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// streamed makes a response of run, which sends events until it returns.
func streamed(run func(ctx context.Context, s *stream) error) response {
	return response{status: http.StatusOK, contentType: eventStream, stream: run}
}

// play sends the headers and then what the response streams. An error means that
// the client is gone or that we stop: it has nobody to be told.
func (r *request) play(res response) {
	s := &stream{r.w, http.NewResponseController(r.w)}
	_ = s.rc.SetReadDeadline(time.Time{}) // the server's limit is for requests
	r.w.Header()["Cache-Control"] = []string{"no-store"}
	r.w.WriteHeader(res.status)
	if s.rc.Flush() == nil {
		_ = res.stream(r.Context(), s)
	}
}

// event sends one event; data is JSON, so that it has no line breaks.
func (s *stream) event(name, id string, data []byte) error {
	text := "event: " + name + "\n"
	if id != "" {
		text += "id: " + id + "\n"
	}
	return s.write(text + "data: " + string(data) + "\n\n")
}

func (s *stream) write(text string) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}

// beat calls next until it has something, showing meanwhile that the stream lives.
func (s *stream) beat(ctx context.Context, next func(context.Context) error) error {
	for {
		pause, cancel := context.WithTimeout(ctx, heartbeat)
		err := next(pause)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
		if err := s.write(": still here\n\n"); err != nil {
			return err
		}
	}
}

// streamActivations sends records as they come, after those since the time or
// the event that the client names.
func (a *API) streamActivations(r *request, q store.ActivationQuery) response {
	last := whisk.ActivationID(r.Header.Get("Last-Event-ID"))
	if last != "" {
		record, err := a.Recorder.Find(r.Context(), r.namespace, last)
		if err == nil {
			q.Since = record.Start.UnixMilli()
		}
	}
	return streamed(func(ctx context.Context, s *stream) error {
		watch := a.Recorder.Watch(r.namespace)
		defer watch.Close()
		send := func(record *whisk.Activation) error {
			var view any = viewBriefActivation(record)
			if q.Full {
				view = viewActivation(record)
			}
			return s.event("activation", string(record.ID), whisk.Marshal(view))
		}
		sent := map[whisk.ActivationID]bool{last: true}
		if q.Since > 0 {
			if err := a.replay(ctx, q, sent, send); err != nil {
				return err
			}
		}
		for {
			var record *whisk.Activation
			err := s.beat(ctx, func(ctx context.Context) (err error) {
				record, err = watch.Next(ctx)
				return err
			})
			switch {
			case errors.Is(err, result.ErrBehind):
				return s.event("behind", "", whisk.Marshal(map[string]string{"error": err.Error()}))
			case err != nil:
				return err
			case sent[record.ID] || q.Name != "" && q.Name != record.FilterName() || q.Upto > 0 && record.Start.UnixMilli() > q.Upto:
			default:
				if err := send(record); err != nil {
					return err
				}
			}
		}
	})
}

// replay sends the stored records of the query, the oldest first.
func (a *API) replay(ctx context.Context, q store.ActivationQuery, sent map[whisk.ActivationID]bool, send func(*whisk.Activation) error) error {
	if err := a.Recorder.Flush(ctx); err != nil {
		return err
	}
	q.Skip, q.Limit = 0, maxReplay
	records, err := a.Activations.ListActivations(ctx, q)
	if err != nil {
		return err
	}
	for _, record := range slices.Backward(records) {
		if sent[record.ID] {
			continue
		}
		sent[record.ID] = true
		if err := send(record); err != nil {
			return err
		}
	}
	return nil
}

// streamLogs sends the lines of an activation as they are printed, or at once
// when it has ended, and then its end.
func (a *API) streamLogs(r *request, id whisk.ActivationID) response {
	if err := a.authorizeActivations(r, id); err != nil {
		return failed(err)
	}
	from, _ := strconv.Atoi(r.Header.Get("Last-Event-ID")) // anything else begins at the beginning
	tail, err := a.findTail(r.Context(), r.namespace, id)
	if err != nil {
		return failed(err)
	}
	return streamed(func(ctx context.Context, s *stream) error {
		line := max(from, 0)
		send := func(lines []string) error {
			for _, text := range lines {
				line++
				if err := s.event("line", strconv.Itoa(line), whisk.Marshal(text)); err != nil {
					return err
				}
			}
			return nil
		}
		for more := tail != nil; more; {
			var lines []string
			err := s.beat(ctx, func(ctx context.Context) (err error) {
				lines, more, err = tail.Follow(ctx, line)
				return err
			})
			if err == nil {
				err = send(lines)
			}
			if err != nil {
				return err
			}
		}
		var record *whisk.Activation
		err := s.beat(ctx, func(ctx context.Context) (err error) {
			record, err = a.awaitRecord(ctx, r.namespace, id)
			return err
		})
		if errors.Is(err, store.ErrNotFound) { // the namespace keeps no records
			return s.event("end", "", []byte("{}"))
		}
		if err != nil {
			return err
		}
		lines, err := a.Logs.Lines(ctx, record)
		if err != nil {
			return err
		}
		if err := send(lines[min(line, len(lines)):]); err != nil { // notices of the platform, or all of it
			return err
		}
		return s.event("end", "", whisk.Marshal(viewBriefActivation(record)))
	})
}

// arrival is how often a tail is looked for while the activation is on its way to
// its invoker, which takes a moment at most.
const arrival = 5 * time.Millisecond

// findTail returns the tail of an activation that runs, nil when there is none
// to follow: it has ended, or it is a sequence or a composition.
func (a *API) findTail(ctx context.Context, namespace string, id whisk.ActivationID) (Tail, error) {
	for {
		progress := a.Dispatch.Progress(namespace, id)
		if tail, ok := a.Tail(namespace, id); ok {
			return tail, nil
		}
		switch progress {
		case dispatch.Composing:
			return nil, nil
		case dispatch.Unknown:
			_, err := a.Recorder.Find(ctx, namespace, id)
			if errors.Is(err, store.ErrNotFound) {
				err = whisk.Missing()
			}
			return nil, err
		}
		select {
		case <-time.After(arrival):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// awaitRecord waits for the record as long as the activation is under way.
func (a *API) awaitRecord(ctx context.Context, namespace string, id whisk.ActivationID) (*whisk.Activation, error) {
	for {
		progress := a.Dispatch.Progress(namespace, id)
		pause, cancel := context.WithTimeout(ctx, time.Second)
		record, err := a.Recorder.Wait(pause, namespace, id)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !errors.Is(err, store.ErrNotFound) || progress == dispatch.Unknown:
			return record, err
		}
	}
}
