package dockercontainer

import (
	"io"
	"net"
	"sync"

	"github.com/moby/moby/api/pkg/stdcopy"
)

// buffered is how much of one stream is read ahead, in bytes.
const buffered = 64 << 10

// An output takes the engine's one stream apart into the container's two. It is
// no container.Drainer: what is on its way through the engine cannot be seen.
type output struct {
	conn           net.Conn // also the standard input of a shell
	stdout, stderr *stream
	over           chan struct{} // closed when nothing more comes
}

func newOutput(conn net.Conn, r io.Reader) *output {
	o := &output{conn: conn, stdout: newStream(), stderr: newStream(), over: make(chan struct{})}
	go func() {
		defer close(o.over)
		_, _ = stdcopy.StdCopy(o.stdout, o.stderr, r) // a connection that breaks is the end, too
		_ = conn.Close()
		o.stdout.end()
		o.stderr.end()
	}()
	return o
}

// last is called when the container has ended: what is left is little, and is kept
// for readers that come late.
func (o *output) last() {
	o.stdout.open()
	o.stderr.open()
}

// close gives up what was not read yet.
func (o *output) close() {
	o.last()
	_ = o.conn.Close()
	<-o.over
}

// A stream is a bounded buffer between the engine's stream and a reader.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	data    []byte
	read    int // how much of data was read
	bounded bool
	ended   bool
}

func newStream() *stream {
	s := &stream{bounded: true}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// Write waits while the buffer is full. That stops the engine, and in the end the
// container, from writing more.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.bounded && len(s.data)-s.read >= buffered {
		s.changed.Wait()
	}
	if s.read > 0 && len(s.data)+len(p) > cap(s.data) {
		s.data = s.data[:copy(s.data, s.data[s.read:])]
		s.read = 0
	}
	s.data = append(s.data, p...)
	s.changed.Broadcast()
	return len(p), nil
}

// Read implements io.Reader. The end is io.EOF, and stays so.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.read == len(s.data) && !s.ended {
		s.changed.Wait()
	}
	if s.read == len(s.data) {
		return 0, io.EOF
	}
	n := copy(p, s.data[s.read:])
	if s.read += n; s.read == len(s.data) {
		s.data, s.read = s.data[:0], 0
	}
	s.changed.Broadcast()
	return n, nil
}

func (s *stream) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bounded = false
	s.changed.Broadcast()
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.changed.Broadcast()
}
