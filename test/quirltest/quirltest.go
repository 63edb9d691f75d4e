// Package quirltest starts the real program for tests that need more than one package.
package quirltest

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"quirl/store/sqlitestore"
	"quirl/whisk"
)

// GuestKey is the key of the guest identity.
const GuestKey = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"

// Root is the folder of the module.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

var build = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(Root(), "bin")
	cmd := exec.Command("make", "--no-print-directory", "build")
	cmd.Dir = Root()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, out)
	}
	return bin, nil
})

// Bin builds the programs once and returns their folder.
func Bin(t testing.TB) string {
	t.Helper()
	dir, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A Server is a running `quirl serve`, or another role.
type Server struct {
	URL  string
	Data string
	cmd  *exec.Cmd
	done chan struct{}
	err  error

	mu  sync.Mutex
	log strings.Builder
}

// Options change how a Server is started.
type Options struct {
	Role string   // the command, empty for serve
	Data string   // folder, empty for a fresh one
	Args []string // further flags
	// Subjects are stored before the start, with the limits of their namespaces.
	Subjects []whisk.Subject
	Limits   map[string]whisk.NamespaceLimits
}

// Start starts a server on a free port and waits until it answers. It is
// stopped at the end of the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Data == "" {
		o.Data = t.TempDir()
	}
	prepare(t, o)
	addr := FreeAddr(t)
	args := append([]string{cmp.Or(o.Role, "serve"), "--listen", addr, "--data", o.Data}, o.Args...)
	s := &Server{URL: "http://" + addr, Data: o.Data, cmd: exec.Command(filepath.Join(Bin(t), "quirl"), args...), done: make(chan struct{})}
	r, w := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = w, w
	go s.readLog(r)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		w.Close()
		close(s.done)
	}()
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.Log())
		}
	})
	s.await(t)
	return s
}

// Isolated says whether this machine can run the sandbox, so that a test may
// choose. Under CI=true it must.
func Isolated() bool { return os.Geteuid() == 0 && runtime.GOOS == "linux" }

// Containers is the flag for the best containers of this machine: the sandbox,
// or no isolation where that is all there is. Under CI=true it is the sandbox.
func Containers() string {
	if Isolated() || os.Getenv("CI") == "true" {
		return "--containers=sandbox://"
	}
	return "--containers=process://"
}

func prepare(t testing.TB, o Options) {
	t.Helper()
	if len(o.Subjects) == 0 {
		return
	}
	st, err := sqlitestore.Open(t.Context(), filepath.Join(o.Data, "quirl.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range o.Subjects {
		if err := st.PutSubject(t.Context(), subject); err != nil {
			t.Fatal(err)
		}
	}
	for namespace, l := range o.Limits {
		if err := st.PutNamespaceLimits(t.Context(), namespace, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) readLog(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.mu.Lock()
		if s.log.Len() < 1<<20 {
			s.log.WriteString(lines.Text() + "\n")
		}
		s.mu.Unlock()
	}
}

func (s *Server) await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/ping", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			return
		}
		select {
		case <-s.done:
			t.Fatalf("the server ended: %v\n%s", s.err, s.Log())
		case <-ctx.Done():
			t.Fatalf("the server does not answer\n%s", s.Log())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Log is what the server printed so far.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// Kill ends the server at once, as kill -9 does.
func (s *Server) Kill() {
	s.cmd.Process.Kill() // it may have ended already
	<-s.done
}

// Stop ends the server in order and returns how it ended.
func (s *Server) Stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	<-s.done
	return s.err
}

// Request returns a request with a JSON body and the credentials of key
// ("uuid:secret"), none when it is empty.
func Request(t testing.TB, method, url, key, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if user, password, given := strings.Cut(key, ":"); given {
		req.SetBasicAuth(user, password)
	}
	return req
}

// Do sends the request and returns the answer and its whole body.
func Do(t testing.TB, client *http.Client, req *http.Request) (*http.Response, []byte) {
	t.Helper()
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

// FreeAddr returns an address on loopback that was free a moment ago.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
