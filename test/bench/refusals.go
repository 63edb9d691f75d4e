package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// flood is the size of a body that nobody should send.
const flood = 100 << 20

// refusals measures how a body that is far too large is refused, and what that
// costs in memory.
func refusals(ctx context.Context, _ options) ([]row, error) {
	var rows []row
	for _, m := range []struct {
		what, method, length, target string
		want                         int
	}{
		{"POST of 100 MB, length declared", "POST", "Content-Length: " + strconv.Itoa(flood), "≤ 10 ms, ≤ 1 MB", 400},
		{"POST of 100 MB, chunked", "POST", "Transfer-Encoding: chunked", "≤ 10 ms, ≤ 5 MB", 413},
		{"PUT of 100 MB, chunked: 50 MB are read, which an action may have", "PUT", "Transfer-Encoding: chunked", "≤ 200 MB", 413},
	} {
		s, err := start(ctx, "--stem-cells=false")
		if err != nil {
			return nil, err
		}
		took, grown, err := s.flood(m.method, m.length, m.want)
		s.stop()
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{what: m.what + ", refused; growth of memory", text: fmt.Sprintf("%s ms, %.1f MB", ms(took), grown), target: m.target})
	}
	return rows, nil
}

// flood sends a large body until it is refused.
func (s *server) flood(method, length string, want int) (took time.Duration, grownMB float64, err error) {
	if err := s.create("noop", noop); err != nil {
		return 0, 0, err
	}
	s.settle()
	const beginAnew = "5" // see proc_pid_clear_refs(5)
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte(beginAnew), 0o200); err != nil {
		return 0, 0, err
	}
	before, err := s.peakKB() // what it has now
	if err != nil {
		return 0, 0, err
	}
	n, err := net.Dial("tcp", s.addr)
	if err != nil {
		return 0, 0, err
	}
	defer n.Close()
	began := time.Now()
	_, err = fmt.Fprintf(n, "%s /api/v1/namespaces/_/actions/noop?overwrite=true HTTP/1.1\r\nHost: quirl\r\nAuthorization: %s\r\nContent-Type: application/json\r\n%s\r\n\r\n", method, authorization, length)
	if err != nil {
		return 0, 0, err
	}
	go pour(n, strings.Contains(length, "chunked"))
	status, answer, err := readAnswer(bufio.NewReader(n))
	took = time.Since(began)
	if err == nil && status != want {
		err = fmt.Errorf("%s of a flood: status %d: %s, want %d", method, status, answer, want)
	}
	if err != nil {
		return 0, 0, err
	}
	after, err := s.peakKB()
	return took, float64(after-before) / 1024, err
}

// pour writes the flood until the server does not want it any more.
func pour(n net.Conn, chunked bool) {
	text := []byte(strings.Repeat(" ", 64<<10))
	if chunked {
		text = fmt.Appendf(nil, "%x\r\n%s\r\n", len(text), text)
	}
	for sent := 0; sent < flood; sent += 64 << 10 {
		if _, err := n.Write(text); err != nil {
			return // refused, as it should be
		}
	}
}

// peakKB is the most memory that the server itself has had.
func (s *server) peakKB() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, errors.New("the kernel does not tell the peak of memory")
}
