package loop_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quirl/proxy"
	"quirl/runtimes/loop"
)

// A server is an action with what it has printed.
type server struct {
	*proxy.Client
	stderr string // a file
	result chan error
	listen net.Listener
}

func serve(t *testing.T, config loop.Config) *server {
	t.Helper()
	dir := t.TempDir()
	open := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	config.Dir, config.Stdout, config.Stderr = t.TempDir(), open("stdout"), open("stderr")
	config.Env = append(config.Env, "PATH=/usr/bin:/bin")
	action, err := loop.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{stderr: filepath.Join(dir, "stderr"), result: make(chan error, 1)}
	path := filepath.Join(dir, "s")
	if s.listen, err = net.Listen("unix", path); err != nil {
		t.Fatal(err)
	}
	go func() { s.result <- action.Serve(s.listen) }()
	s.Client = proxy.New(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}, proxy.Options{})
	t.Cleanup(func() {
		s.listen.Close()
		s.Close()
	})
	return s
}

// start uploads a program; it returns the status and the body of the answer.
func (s *server) start(t *testing.T, program string) (int, string) {
	t.Helper()
	r := proxy.InitRequest{Main: "main", Code: base64.StdEncoding.EncodeToString([]byte(program)), Binary: true}
	out, err := s.Init(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return out.Status, string(out.Body)
}

const (
	echoes = "while read -r line; do printf '%s\\n' \"$line\" >&3; done\n"
	ready  = "echo '{\"ok\":true}' >&3\n"
	shell  = "#!/bin/sh\n"
)

func TestPrograms(t *testing.T) {
	for name, tt := range map[string]struct {
		acknowledge bool
		program     string
		status      int
		log         string // on standard error
	}{
		"no acknowledgement wanted": {false, echoes, 200, ""},
		"acknowledges":              {true, ready + echoes, 200, ""},
		"says no":                   {true, "echo '{\"ok\":false}' >&3\n" + echoes, 502, "did not acknowledge"},
		"says something else":       {true, "echo hello >&3\n" + echoes, 502, `did not acknowledge but said "hello"`},
		"ends":                      {true, "exit 1\n", 502, "exited abruptly during initialization"},
		"ends at once":              {false, "exit 1\n", 502, "exited abruptly during initialization"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, loop.Config{Acknowledge: tt.acknowledge})
			status, body := s.start(t, shell+tt.program)
			log, err := os.ReadFile(s.stderr)
			if err != nil || status != tt.status || !strings.Contains(string(log), tt.log) {
				t.Errorf("got %d %s, %v and log %q, want %d and %q", status, body, err, log, tt.status, tt.log)
			}
		})
	}
}

// TestLastWords: an answer that was written just before the end counts, also when a
// process is left behind that holds the other end open.
func TestLastWords(t *testing.T) {
	s := serve(t, loop.Config{})
	s.start(t, shell+"read -r line\nsleep 1000 &\necho '{\"a\":1}' >&3\nexit 0\n")
	out, err := s.Run(t.Context(), proxy.RunRequest{})
	if err != nil || out.Status != 200 || string(out.Body) != `{"a":1}` {
		t.Errorf("got %+v, %v", out, err)
	}
	out, err = s.Run(t.Context(), proxy.RunRequest{})
	if err != nil || out.Status != 400 || string(out.Body) != `{"error":"command exited"}` {
		t.Errorf("after the end: got %+v, %v", out, err)
	}
}

// TestKilled: when the kernel ends the program, whoever made the container is told by
// the end of this process.
func TestKilled(t *testing.T) {
	s := serve(t, loop.Config{})
	s.start(t, shell+"read -r line\nkill -9 $$\n")
	if out, err := s.Run(t.Context(), proxy.RunRequest{}); !errors.Is(err, proxy.ErrConnection) {
		t.Errorf("got %+v, %v, want %v", out, err, proxy.ErrConnection)
	}
	if err := <-s.result; !errors.Is(err, loop.ErrKilled) {
		t.Errorf("got %v, want %v", err, loop.ErrKilled)
	}
}

// TestEndWhileRunning: a listener that is closed ends the program, whatever it is doing.
func TestEndWhileRunning(t *testing.T) {
	s := serve(t, loop.Config{})
	s.start(t, shell+"read -r line\necho >&2 running\nsleep 1000\n")
	go s.Run(t.Context(), proxy.RunRequest{})
	for log := ""; !strings.Contains(log, "running"); {
		text, err := os.ReadFile(s.stderr)
		if err != nil {
			t.Fatal(err)
		}
		log = string(text)
	}
	s.listen.Close()
	if err := <-s.result; err != nil {
		t.Error(err)
	}
}

func TestVersions(t *testing.T) {
	with := func(version string) string {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for name, content := range map[string]string{"exec": shell + echoes, "exec.env": version + "\n"} {
			f, err := w.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			f.Write([]byte(content))
		}
		w.Close()
		return b.String()
	}
	config := loop.Config{Version: "go:1.26", Compiler: []string{"false"}}
	if status, body := serve(t, config).start(t, with("go:1.26")); status != 200 {
		t.Errorf("the same: got %d %s", status, body)
	}
	status, body := serve(t, config).start(t, with("go:1.0"))
	if want := `{"error":"Execution environment version mismatch. See logs for details."}`; status != 502 || body != want {
		t.Errorf("another: got %d %s, want %s", status, body, want)
	}
}

// compiler copies the source behind a line that makes it a program.
func compiler(t *testing.T) []string {
	path := filepath.Join(t.TempDir(), "compile")
	script := "[ \"$1\" = main ] || { echo no such entry point; exit 1; }\n(printf '#!/bin/sh\\n'; cat \"$2/exec\") >\"$3/exec\"\nchmod 755 \"$3/exec\"\n"
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"sh", path}
}

// TestCompile: what was compiled off-line starts without a compiler.
func TestCompile(t *testing.T) {
	var result bytes.Buffer
	config := loop.Config{Compiler: compiler(t), Dir: t.TempDir(), Env: os.Environ()}
	if err := loop.Compile(config, "main", strings.NewReader(echoes), &result); err != nil {
		t.Fatal(err)
	}
	s := serve(t, loop.Config{Compiler: []string{"false"}})
	if status, body := s.start(t, result.String()); status != 200 {
		t.Fatalf("got %d %s", status, body)
	}
	if out, err := s.Run(t.Context(), proxy.RunRequest{}); err != nil || !strings.HasPrefix(string(out.Body), `{"value":{}`) {
		t.Errorf("got %+v, %v", out, err)
	}
	err := loop.Compile(config, "other", strings.NewReader(echoes), &result)
	if err == nil || err.Error() != "no such entry point" {
		t.Errorf("got %v, want what the compiler printed", err)
	}
}
