// Package collect cuts a container's output into the log lines of single activations.
//
// It promises to read everything that a container prints, for a reader that
// stops would stop the function, and to keep of it no more than the limit of
// the activation. An activation ends in the output where the runtime wrote the
// sentinel line on both streams; the collector waits for that event and never
// polls.
package collect

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sentinel is the line that a runtime writes on both streams after each activation.
const Sentinel = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"

// maxLine is where a line without an end is cut, in bytes.
const maxLine = 64 << 10

// timeFormat is exactly 30 characters long in UTC, as Docker writes it.
const timeFormat = "2006-01-02T15:04:05.000000000Z"

// streams are standard output and standard error, in that order.
var streams = [2]string{"stdout", "stderr"}

// A Collector reads the output of one container. Make one with New.
type Collector struct {
	now     func() time.Time
	reading sync.WaitGroup

	mu      sync.Mutex
	current *Segment
	eof     [2]bool
}

// New returns a Collector that reads stdout and stderr until they end. now
// stamps the lines.
func New(stdout, stderr io.Reader, now func() time.Time) *Collector {
	c := &Collector{now: now}
	c.current = newSegment(c)
	c.reading.Go(func() { c.read(0, stdout) })
	c.reading.Go(func() { c.read(1, stderr) })
	return c
}

// Wait returns when both streams have ended.
func (c *Collector) Wait() { c.reading.Wait() }

// Begin returns the segment for the next activation, of which limit bytes are
// kept at most. What was printed since the last one ended belongs to it.
func (c *Collector) Begin(limit int64) *Segment {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.limit = limit
	return c.current
}

func (c *Collector) read(stream int, r io.Reader) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			c.line(stream, strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			c.ended(stream)
			return
		}
	}
}

func (c *Collector) line(stream int, text string) {
	at := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	before, _, isSentinel := strings.Cut(text, Sentinel)
	if !isSentinel || before != "" {
		c.current.add(stream, before, at)
	}
	if isSentinel {
		c.current.sentinels[stream] = true
		c.finish()
	}
}

func (c *Collector) ended(stream int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.eof[stream] = true
	c.finish()
}

// finish closes the current segment when both streams have passed its end. c.mu is held.
func (c *Collector) finish() {
	s := c.current
	if s.passed(0) && s.passed(1) && !s.complete {
		s.end()
	}
}

// A Segment is the output of one activation.
type Segment struct {
	collector *Collector
	done      chan struct{}

	// guarded by collector.mu
	limit     int64
	size      int64
	lines     []string
	truncated bool
	sentinels [2]bool
	complete  bool
	last      time.Time
	grown     chan struct{} // closed when there is more to see; nil while nobody looks
}

func newSegment(c *Collector) *Segment {
	return &Segment{collector: c, done: make(chan struct{}), limit: maxLine, last: c.now()}
}

func (s *Segment) passed(stream int) bool { return s.sentinels[stream] || s.collector.eof[stream] }

func (s *Segment) add(stream int, text string, at time.Time) {
	s.last = at
	s.size += int64(len(text) + 1)
	if s.size > s.limit {
		s.truncated = true
		return
	}
	s.lines = append(s.lines, Line(at, streams[stream], text))
	s.wake()
}

// wake tells those who follow the segment. collector.mu is held.
func (s *Segment) wake() {
	if s.grown != nil {
		close(s.grown)
		s.grown = nil
	}
}

// end completes the segment, and what follows belongs to the next one. collector.mu is held.
func (s *Segment) end() {
	s.complete = true
	close(s.done)
	s.wake()
	s.collector.current = newSegment(s.collector)
}

// Follow returns the lines behind the first n, as soon as there are some; none
// and more = false when the segment is complete. The error is that of ctx.
func (s *Segment) Follow(ctx context.Context, n int) (lines []string, more bool, err error) {
	for {
		s.collector.mu.Lock()
		lines, more = slices.Clone(s.lines[min(n, len(s.lines)):]), !s.complete
		if s.grown == nil && more {
			s.grown = make(chan struct{})
		}
		grown := s.grown
		s.collector.mu.Unlock()
		if len(lines) > 0 || !more {
			return lines, more, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, true, ctx.Err()
		}
	}
}

// Done is closed when the runtime has written the sentinels, or the streams have ended.
func (s *Segment) Done() <-chan struct{} { return s.done }

// Quiet returns when something was last printed.
func (s *Segment) Quiet() time.Time {
	s.collector.mu.Lock()
	defer s.collector.mu.Unlock()
	return s.last
}

// Lines returns what is there, and closes the segment if its end was not seen
// (then whole is false): what follows belongs to the next one. With a limit of
// 0 there are no lines.
func (s *Segment) Lines() (lines []string, truncated, whole bool) {
	c := s.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	whole = s.sentinels[0] && s.sentinels[1]
	if c.current == s {
		s.end()
	}
	return s.lines, s.truncated && s.limit > 0, whole
}

// Line formats a log line as records hold it.
func Line(at time.Time, stream, text string) string {
	return at.UTC().Format(timeFormat) + " " + stream + ": " + text
}
