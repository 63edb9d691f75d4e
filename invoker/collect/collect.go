// Package collect cuts a container's output into the log lines of single activations.
//
// It promises to read everything that a container prints, for a reader that
// stops would stop the function, and to keep of it no more than the limit of
// the activation. An activation ends in the output where the runtime wrote the
// sentinel line on both streams; the collector waits for that event and never
// polls. When several activations run at once, the runtime tells by further lines
// whose output follows (see shared.go).
package collect

import (
	"bytes"
	"context"
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
	now      func() time.Time
	drainers []drainer // one per stream, or none when they cannot tell
	reading  sync.WaitGroup

	mu      sync.Mutex
	current *Segment  // of the activation under way, or of the next one
	shared  *shared   // of several activations under way, nil when there are none
	rest    [2][]byte // of each stream, a line that has not ended
	eof     [2]bool
}

// A drainer is a reader that knows when everything written to it was read. What Idle
// returns is closed when it may be so next.
type drainer interface {
	Drained() bool
	Idle() <-chan struct{}
}

// New returns a Collector that reads stdout and stderr until they end. now
// stamps the lines.
func New(stdout, stderr io.Reader, now func() time.Time) *Collector {
	c := &Collector{now: now}
	c.current = newSegment(c)
	out, can := stdout.(drainer)
	errs, canToo := stderr.(drainer)
	if can && canToo {
		c.drainers = []drainer{out, errs}
	}
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
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			c.feed(stream, buf[:n])
		}
		if err != nil {
			c.ended(stream)
			return
		}
	}
}

// feed takes what came and cuts it into lines; a line that is too long is cut too.
func (c *Collector) feed(stream int, data []byte) {
	at := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(data) > 0 {
		room := maxLine - len(c.rest[stream])
		end := bytes.IndexByte(data[:min(len(data), room)], '\n')
		switch {
		case end >= 0:
			c.line(stream, c.joined(stream, data[:end]), at)
			data = data[end+1:]
		case len(data) < room:
			c.rest[stream] = append(c.rest[stream], data...)
			return
		default:
			c.line(stream, c.joined(stream, data[:room]), at)
			data = data[room:]
		}
	}
}

// joined returns the line that ends with data. c.mu is held.
func (c *Collector) joined(stream int, data []byte) string {
	if len(c.rest[stream]) == 0 {
		return string(data)
	}
	line := string(append(c.rest[stream], data...))
	c.rest[stream] = nil // it may have been long
	return line
}

// line takes a line without its end. c.mu is held.
func (c *Collector) line(stream int, text string, at time.Time) {
	segment := c.current
	if c.shared != nil {
		if c.shared.turn(stream, text) {
			return
		}
		segment = c.shared.owner(stream, segment)
	}
	before, _, isSentinel := strings.Cut(strings.TrimSuffix(text, "\r"), Sentinel)
	if !isSentinel || before != "" {
		segment.add(stream, before, at)
	}
	if isSentinel {
		segment.sentinels[stream] = true
		c.finish(segment)
	}
}

// flush makes lines of what has no end yet. c.mu is held.
func (c *Collector) flush(stream int) {
	if len(c.rest[stream]) > 0 {
		c.line(stream, string(c.rest[stream]), c.now())
		c.rest[stream] = nil
	}
}

func (c *Collector) ended(stream int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush(stream)
	c.eof[stream] = true
	for _, s := range c.shared.all() {
		c.finish(s)
	}
	c.finish(c.current)
}

// finish closes a segment when both streams have passed its end. c.mu is held.
func (c *Collector) finish(s *Segment) {
	if s.passed(0) && s.passed(1) && !s.complete {
		s.end()
	}
}

// CanEndSilently says whether the ends of activations can be told without
// sentinels, when their runtime has printed nothing.
func (c *Collector) CanEndSilently() bool { return c.drainers != nil }

// silence bounds how long EndSilently waits for what other processes of the
// container had printed: it is in the pipe and takes no time to read.
const silence = time.Second

// EndSilently ends the segment of an activation whose runtime has answered that
// it printed nothing, and wrote no sentinels. What the function's other processes
// have printed until now belongs to it.
func (s *Segment) EndSilently() {
	if s.TryEndSilently(silence) {
		return
	}
	s.collector.mu.Lock()
	defer s.collector.mu.Unlock()
	s.collector.endNow(s) // somebody prints without pause
}

// TryEndSilently is EndSilently when that takes no longer than patience; else it
// returns false and nothing has happened.
func (s *Segment) TryEndSilently(patience time.Duration) bool {
	c := s.collector
	if s.id != "" { // it would have been told whose output there is
		c.mu.Lock()
		defer c.mu.Unlock()
		c.endNow(s)
		return true
	}
	if c.endIfDrained(s) {
		return true
	}
	over := time.NewTimer(patience)
	defer over.Stop()
	for {
		idle := c.idle()
		if c.endIfDrained(s) {
			return true
		}
		select {
		case <-idle[0]:
		case <-idle[1]:
		case <-over.C:
			return false
		}
	}
}

// idle are the next moments at which the streams may have been read to their ends.
func (c *Collector) idle() (next [2]<-chan struct{}) {
	for i, d := range c.drainers {
		next[i] = d.Idle()
	}
	return next
}

// EndQuietly ends the segment of an activation whose runtime has answered and
// writes no sentinels: when nothing was printed for a moment, or after ten of
// them. What comes later belongs to the next activation.
func (s *Segment) EndQuietly(moment time.Duration) {
	c := s.collector
	over := time.NewTimer(10 * moment)
	defer over.Stop()
	for wait := moment; wait > 0; wait = moment - c.now().Sub(s.Quiet()) {
		quiet := time.NewTimer(wait)
		select {
		case <-s.done: // the streams have ended
		case <-over.C:
		case <-quiet.C:
			continue
		}
		quiet.Stop()
		break
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endNow(s)
}

func (c *Collector) endIfDrained(s *Segment) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.drainers {
		if !d.Drained() {
			return false
		}
	}
	c.endNow(s)
	return true
}

// endNow ends the segment as if the sentinels had come. c.mu is held.
func (c *Collector) endNow(s *Segment) {
	if s.complete {
		return
	}
	if s.id == "" {
		c.flush(0)
		c.flush(1)
	}
	s.sentinels = [2]bool{true, true}
	c.finish(s)
}

// A Segment is the output of one activation.
type Segment struct {
	collector *Collector
	id        string // of the activation, when it shares the output
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

// end completes the segment, and what follows belongs to another one. collector.mu is held.
func (s *Segment) end() {
	s.complete = true
	close(s.done)
	s.wake()
	if s.id != "" {
		s.collector.shared.forget(s)
	} else {
		s.collector.current = newSegment(s.collector)
	}
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
	if !s.complete {
		s.end()
	}
	return s.lines, s.truncated && s.limit > 0, whole
}

// Line formats a log line as records hold it.
func Line(at time.Time, stream, text string) string {
	return at.UTC().Format(timeFormat) + " " + stream + ": " + text
}
