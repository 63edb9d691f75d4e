package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"quirl/proxy"
)

const guestKey = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"

// A server is a `quirl serve` of this benchmark.
type server struct {
	*conn
	cmd      *exec.Cmd
	dir      string
	answered time.Duration // from its start to its first answer
}

// A conn is one kept connection to the API, with as little client as can be.
type conn struct {
	addr string
	// authorization is the header's value; by default the guest's.
	authorization string
	net           net.Conn
	r             *bufio.Reader
	buf           []byte
}

var authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(guestKey))

func start(ctx context.Context, flags ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "quirl-bench-")
	if err != nil {
		return nil, err
	}
	return startIn(ctx, dir, flags...)
}

// startIn starts a server on a data folder, which goes when it is stopped.
func startIn(ctx context.Context, dir string, flags ...string) (*server, error) {
	return startRole(ctx, "serve", dir, flags...)
}

// startRole starts a process of a role, likewise.
func startRole(ctx context.Context, role, dir string, flags ...string) (*server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "bin/quirl", append([]string{role, "--listen", addr, "--data", dir, "--log-level", "warn"}, flags...)...)
	cmd.Stderr = os.Stderr
	s := &server{conn: &conn{addr: addr}, cmd: cmd, dir: dir}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for s.answered == 0 {
		if _, err := s.call("GET", "/ping", nil); err == nil {
			s.answered = time.Since(began)
		} else if time.Since(began) > 20*time.Second {
			s.stop()
			return nil, errors.Join(errors.New("the server does not answer"), err)
		}
	}
	return s, nil
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	s.cmd.Wait()                          // its exit code is not measured
	os.RemoveAll(s.dir)
}

func (s *server) connect() (*conn, error) { return &conn{addr: s.addr}, nil }

// call sends a request on the kept connection and returns the answer's body.
func (c *conn) call(method, path string, body []byte) ([]byte, error) {
	if c.net == nil {
		n, err := (&net.Dialer{}).Dial("tcp", c.addr)
		if err != nil {
			return nil, err
		}
		c.net, c.r = n, bufio.NewReader(n)
	}
	c.buf = append(c.buf[:0], method+" "+path+" HTTP/1.1\r\nHost: quirl\r\nAuthorization: "+cmp.Or(c.authorization, authorization)+
		"\r\nContent-Type: application/json\r\nContent-Length: "...)
	c.buf = append(strconv.AppendInt(c.buf, int64(len(body)), 10), "\r\n\r\n"...)
	if _, err := c.net.Write(append(c.buf, body...)); err != nil {
		return nil, c.broken(err)
	}
	status, answer, err := readAnswer(c.r)
	if err != nil {
		return nil, c.broken(err)
	}
	if status != http.StatusOK && status != http.StatusAccepted {
		return nil, fmt.Errorf("%s %s: status %d: %s", method, path, status, answer)
	}
	return answer, nil
}

// readAnswer reads an answer that says how long it is.
func readAnswer(r *bufio.Reader) (status int, body []byte, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		switch {
		case first:
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, nil, err
			}
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[16:]))); err != nil {
				return 0, nil, err
			}
		case len(line) == 2:
			if length < 0 {
				return 0, nil, errors.New("the answer has no length")
			}
			body = make([]byte, length)
			_, err := io.ReadFull(r, body)
			return status, body, err
		}
	}
}

func (c *conn) broken(err error) error {
	err = errors.Join(err, c.net.Close())
	c.net = nil
	return err
}

func (c *conn) create(name, code string) error { return c.createKind(name, "nodejs:default", code) }

func (c *conn) createKind(name, kind, code string) error {
	return c.put("actions/"+name, map[string]any{"exec": map[string]any{"kind": kind, "code": code}})
}

// invoke calls an action and waits for its result.
func (c *conn) invoke(name string) (time.Duration, error) {
	return c.timed("POST", "/api/v1/namespaces/_/actions/"+name+"?blocking=true&result=true", []byte("{}"))
}

// timed is call with its time instead of its answer.
func (c *conn) timed(method, path string, body []byte) (time.Duration, error) {
	began := time.Now()
	_, err := c.call(method, path, body)
	return time.Since(began), err
}

// put creates an entity or replaces it.
func (c *conn) put(path string, entity any) error {
	body, err := json.Marshal(entity)
	if err == nil {
		_, err = c.call("PUT", "/api/v1/namespaces/_/"+path+"?overwrite=true", body)
	}
	return err
}

// settle gives the platform time to make stem cells and shells again.
func (s *server) settle() { time.Sleep(400 * time.Millisecond) }

// memoryKB is the proportional memory of the server and its launcher.
func (s *server) memoryKB() (int, error) {
	s.settle()
	pids := []int{s.cmd.Process.Pid}
	total := 0
	for len(pids) > 0 {
		pid := pids[0]
		pids = pids[1:]
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(rollup)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				n, err := strconv.Atoi(f[1])
				if err != nil {
					return 0, err
				}
				total += n
			}
		}
		pids = append(pids, children(pid)...)
	}
	return total, nil
}

// children are those of a process. Every process is asked for its parent: not
// every kernel lists the children.
func children(pid int) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, file := range files {
		stat, _ := os.ReadFile(file) // it may have ended
		// The name may contain anything, so count from its closing bracket.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(file))) // digits, see the pattern
			pids = append(pids, child)
		}
	}
	return pids
}

// instance is the name of the server's sandboxes, see cmd/quirl/sandbox.go.
func (s *server) instance() string {
	sum := sha256.Sum256([]byte(s.dir))
	return hex.EncodeToString(sum[:4])
}

// sockets are those of the containers in which functions run.
func (s *server) sockets() ([]string, error) {
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	instance := "/" + s.instance() + "/"
	seen := map[string]int{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 8 && strings.Contains(f[7], instance) && f[5] == "03" { // connected: in use
			seen[f[7]]++
		}
	}
	var sockets []string
	for path := range seen {
		sockets = append(sockets, path)
	}
	return sockets, nil
}

// A floor speaks straight to a container's runtime.
type floor struct{ c *proxy.Client }

func newFloor(socket string) (*floor, error) {
	dial := func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", socket) }
	f := &floor{proxy.New(dial, proxy.Options{KeepAlive: 1})}
	_, err := f.run()
	return f, err
}

// run is one POST /run.
func (f *floor) run() (time.Duration, error) {
	began := time.Now()
	out, err := f.c.Run(context.Background(), proxy.RunRequest{
		Value: json.RawMessage("{}"), Namespace: "guest", ActionName: "/guest/noop", ActionVersion: "0.0.1",
		ActivationID: strings.Repeat("0", 32), TransactionID: strings.Repeat("0", 32), Deadline: began.Add(time.Minute),
		Limit: proxy.Limit{Response: 1 << 20, Truncation: 1 << 20},
	})
	if err == nil && out.Status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", out.Status, out.Body)
	}
	return time.Since(began), err
}

func (f *floor) close() { f.c.Close() } // nothing is lost with it
