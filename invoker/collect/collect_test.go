package collect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/invoker/collect"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 5000, time.UTC)

const stamp = "2026-01-02T12:00:00.000005000Z "

func pipes() (c *collect.Collector, stdout, stderr *io.PipeWriter) {
	outR, outW := io.Pipe()
	errR, errW := io.Pipe()
	return collect.New(outR, errR, func() time.Time { return noon }), outW, errW
}

func TestSegments(t *testing.T) {
	c, stdout, stderr := pipes()
	first := c.Begin(1000)
	fmt.Fprint(stdout, "hello\nno line end"+collect.Sentinel+"\n")
	fmt.Fprint(stderr, "oops\r\n"+collect.Sentinel+"\n")
	<-first.Done()
	lines, truncated, whole := first.Lines()
	// The streams are read side by side: order is within a stream alone.
	slices.SortStableFunc(lines, func(a, b string) int {
		return strings.Compare(a[:len(stamp)+len("stdout")], b[:len(stamp)+len("stdout")])
	})
	want := []string{stamp + "stderr: oops", stamp + "stdout: hello", stamp + "stdout: no line end"}
	if diff := cmp.Diff(want, lines); diff != "" || truncated || !whole {
		t.Errorf("first activation, truncated %v, whole %v (-want +got):\n%s", truncated, whole, diff)
	}

	second := c.Begin(1000)
	stdout.Close()
	stderr.Close()
	<-second.Done()
	if lines, _, whole := second.Lines(); len(lines) != 0 || whole {
		t.Errorf("after the end of the streams: lines %q, whole %v", lines, whole)
	}
	c.Wait()
}

// A runtime without sentinels: what it printed before it answered, a line without
// an end included, is the activation's; what comes later is the next one's.
func TestEndQuietly(t *testing.T) {
	c, stdout, stderr := pipes()
	for _, text := range []string{"one\ntwo", "three\n", ""} {
		s := c.Begin(1000)
		fmt.Fprint(stdout, text)
		s.EndQuietly(20 * time.Millisecond)
		<-s.Done()
		lines, truncated, whole := s.Lines()
		for i, l := range lines {
			lines[i] = strings.TrimPrefix(l, stamp+"stdout: ")
		}
		if got := strings.Join(lines, "\n"); got != strings.TrimSuffix(text, "\n") || truncated || !whole {
			t.Errorf("got %q, truncated %t, whole %t; want %q", got, truncated, whole, text)
		}
	}
	s := c.Begin(1000)
	stdout.Close()
	stderr.Close()
	s.EndQuietly(time.Hour) // the end of the streams is enough
	c.Wait()
}

func TestLimitKeepsReading(t *testing.T) {
	c, stdout, stderr := pipes()
	s := c.Begin(100)
	for range 10_000 {
		fmt.Fprintln(stdout, strings.Repeat("x", 999))
	}
	fmt.Fprintln(stdout, collect.Sentinel)
	fmt.Fprintln(stderr, collect.Sentinel)
	<-s.Done()
	lines, truncated, whole := s.Lines()
	if len(lines) != 0 || !truncated || !whole {
		t.Errorf("got %d lines, truncated %v, whole %v", len(lines), truncated, whole)
	}
}

func TestLimitZero(t *testing.T) {
	c, stdout, stderr := pipes()
	s := c.Begin(0)
	fmt.Fprint(stdout, "hello\n"+collect.Sentinel+"\n")
	fmt.Fprintln(stderr, collect.Sentinel)
	<-s.Done()
	if lines, truncated, _ := s.Lines(); len(lines) != 0 || truncated {
		t.Errorf("got lines %q, truncated %v, want none and no notice", lines, truncated)
	}
}

func TestUnfinishedSegmentGivesWay(t *testing.T) {
	c, stdout, _ := pipes()
	first := c.Begin(1000)
	fmt.Fprint(stdout, "one\n")
	fmt.Fprint(stdout, "two\n") // returns when "one" was taken over by the reader
	fmt.Fprint(stdout, "three\n")
	lines, _, whole := first.Lines()
	if len(lines) == 0 || whole {
		t.Errorf("lines %q, whole %v", lines, whole)
	}
	if next := c.Begin(1000); next == first {
		t.Error("the next activation got the same segment")
	}
}

func TestFollow(t *testing.T) {
	c, stdout, stderr := pipes()
	s := c.Begin(1000)
	follow := func(n int, want string, wantMore bool) {
		t.Helper()
		lines, more, err := s.Follow(t.Context(), n)
		if err != nil || more != wantMore || strings.Join(lines, "|") != want {
			t.Errorf("behind %d: got %q, more %t, %v; want %q, more %t", n, lines, more, err, want, wantMore)
		}
	}
	go fmt.Fprintln(stdout, "one")
	follow(0, stamp+"stdout: one", true)
	go fmt.Fprintln(stderr, "two")
	follow(1, stamp+"stderr: two", true)
	follow(0, stamp+"stdout: one|"+stamp+"stderr: two", true)
	ended, end := context.WithCancel(t.Context())
	end()
	if _, _, err := s.Follow(ended, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: got %v", err)
	}
	go func() {
		fmt.Fprintln(stdout, collect.Sentinel)
		fmt.Fprintln(stderr, collect.Sentinel)
	}()
	follow(2, "", false)
	follow(1, stamp+"stderr: two", false)
	follow(99, "", false)

	s = c.Begin(1000) // given up without its sentinels
	given := make(chan bool)
	go func() {
		_, more, _ := s.Follow(t.Context(), 0)
		given <- more
	}()
	s.Lines()
	if <-given {
		t.Error("a segment that was given up has more")
	}
}

func FuzzCollector(f *testing.F) {
	f.Add("a\nb"+collect.Sentinel, "x\r\n")
	f.Add(strings.Repeat("long", 20_000), "\n\n")
	f.Fuzz(func(t *testing.T, stdout, stderr string) {
		c := collect.New(strings.NewReader(stdout), strings.NewReader(stderr), func() time.Time { return noon })
		s := c.Begin(1 << 20)
		<-s.Done()
		c.Wait()
		lines, _, _ := s.Lines()
		for _, l := range lines {
			if !strings.HasPrefix(l, stamp) || strings.Contains(l, collect.Sentinel) || strings.Contains(l, "\n") {
				t.Errorf("bad line %q", l)
			}
		}
	})
}
