package collect_test

import (
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quirl/invoker/collect"
)

// A stream is a pipe in memory that knows when its reader is through with all.
type stream struct {
	mu   sync.Mutex
	more *sync.Cond
	data []byte
	idle bool
	end  bool

	signal chan struct{} // what Idle returned
}

func newStream() *stream {
	s := new(stream)
	s.more = sync.NewCond(&s.mu)
	return s
}

func (s *stream) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = append(s.data, text...)
	s.more.Broadcast()
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = true
	s.more.Broadcast()
}

// Read is that of io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.data) == 0 {
		if s.end {
			return 0, io.EOF
		}
		s.idle = true
		if s.signal != nil {
			close(s.signal)
			s.signal = nil
		}
		s.more.Wait()
	}
	s.idle = false
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

// Idle is that of container.Drainer.
func (s *stream) Idle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signal == nil {
		s.signal = make(chan struct{})
	}
	return s.signal
}

// Drained is that of container.Drainer.
func (s *stream) Drained() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end || s.idle && len(s.data) == 0
}

// TestEndSilently: what was printed before the end, by whomever, belongs to the
// activation that ends, to the last byte, and what follows to the next one.
func TestEndSilently(t *testing.T) {
	out, errs := newStream(), newStream()
	c := collect.New(out, errs, func() time.Time { return noon })
	if !c.CanEndSilently() {
		t.Fatal("streams that can tell are not asked")
	}
	for round, want := range []string{"", "stdout: one|stdout: two without end|stderr: three", "", "stdout: four"} {
		s := c.Begin(1000)
		switch round {
		case 1:
			out.print("one\ntwo without end")
			errs.print("three\n")
		case 3:
			out.print("four\n")
		}
		s.EndSilently()
		select {
		case <-s.Done():
		default:
			t.Fatalf("round %d: the segment has not ended", round)
		}
		lines, truncated, whole := s.Lines()
		got := map[string]bool{}
		for _, l := range lines {
			got[strings.TrimPrefix(l, stamp)] = true
		}
		for w := range strings.SplitSeq(want, "|") {
			if w != "" && !got[w] || len(lines) != len(strings.FieldsFunc(want, func(r rune) bool { return r == '|' })) {
				t.Errorf("round %d: got %q, want %q", round, lines, want)
			}
		}
		if truncated || !whole {
			t.Errorf("round %d: truncated %t, whole %t", round, truncated, whole)
		}
	}
	s := c.Begin(1000) // with sentinels it is as ever
	out.print("five\n" + collect.Sentinel + "\n")
	errs.print(collect.Sentinel + "\n")
	<-s.Done()
	s.EndSilently() // too late, and no harm
	if lines, _, whole := s.Lines(); len(lines) != 1 || !whole {
		t.Errorf("after sentinels: %q, whole %t", lines, whole)
	}
	out.close()
	errs.close()
	c.Wait()
}

// A busy stream is one on which somebody prints without pause.
type busy struct {
	*stream
	on atomic.Bool
}

func (b *busy) Drained() bool { return !b.on.Load() && b.stream.Drained() }

// TestTryEndSilently: where somebody prints without pause the segment goes on,
// and nobody waits longer than they want to.
func TestTryEndSilently(t *testing.T) {
	out, errs := &busy{stream: newStream()}, newStream()
	c := collect.New(out, errs, func() time.Time { return noon })
	s := c.Begin(1000)
	out.on.Store(true)
	if s.TryEndSilently(time.Millisecond) {
		t.Error("a segment has ended in the middle of a line of others")
	}
	select {
	case <-s.Done():
		t.Error("it says no, and has ended")
	default:
	}
	out.on.Store(false)
	if !s.TryEndSilently(time.Minute) {
		t.Error("a quiet segment has not ended")
	}
	<-s.Done()
	out.close()
	errs.close()
	c.Wait()
}

func TestCannotEndSilently(t *testing.T) {
	c, stdout, stderr := pipes()
	if c.CanEndSilently() {
		t.Error("readers that cannot tell are believed to")
	}
	stdout.Close()
	stderr.Close()
	c.Wait()
}

// TestLinesInPieces: however the bytes come, the lines are the same.
func TestLinesInPieces(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	text := "a\r\n\nb\n" + long + "\nend" + collect.Sentinel + "\n"
	for _, size := range []int{1, 7, 4096, 65536, len(text)} {
		out, errs := newStream(), newStream()
		c := collect.New(out, errs, func() time.Time { return noon })
		s := c.Begin(1 << 20)
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			out.print(rest[:n])
			rest = rest[n:]
		}
		errs.print(collect.Sentinel + "\n")
		<-s.Done()
		lines, _, _ := s.Lines()
		var got []string
		for _, l := range lines {
			got = append(got, strings.TrimPrefix(l, stamp+"stdout: "))
		}
		const cut = 64 << 10
		want := []string{"a", "", "b", long[:cut], long[:cut], long[:cut], long[3*cut:], "end"}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("in pieces of %d: got %d lines, want %d", size, len(got), len(want))
		}
		out.close()
		errs.close()
		c.Wait()
	}
}
