// Package dockertest starts Docker engines for tests, by tools/real/docker.
//
// An engine is apart from any other of the machine, and ends with the test
// program. Where there can be none, tests skip with the reason; under CI=true
// they fail instead.
package dockertest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Image is made of this machine's own files: a shell, a few small programs,
// Node.js and Python. Every engine has it.
const Image = "quirl-test/host:1"

// An Engine is a running engine.
type Engine struct {
	// Host is its address.
	Host string

	dir string
}

var shared struct {
	sync.Mutex
	engine *Engine
	err    error
}

// Start returns the engine of this test program, which is started when it is
// wanted for the first time. Main stops it.
func Start(t testing.TB) *Engine {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Docker engine, which is more than a short test may take")
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.engine == nil && shared.err == nil {
		shared.engine, shared.err = New()
	}
	require(t, shared.err)
	return shared.engine
}

// Main is what TestMain of a package that uses Start is to do.
func Main(m *testing.M) {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.engine != nil {
		if err := shared.engine.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// New starts an engine in a folder of its own. Remove ends it.
func New() (*Engine, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("an engine of one's own needs Linux")
	}
	dir, err := os.MkdirTemp("", "qd") // short: there are sockets in it
	if err != nil {
		return nil, err
	}
	e := &Engine{dir: dir}
	if err := e.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return e, nil
}

// Start starts the engine again after Stop or Kill.
func (e *Engine) Start() error {
	out, err := e.script("start", e.dir, strconv.Itoa(os.Getpid()))
	e.Host = strings.TrimSpace(out)
	return err
}

// Stop ends the engine in its own way, which ends all containers.
func (e *Engine) Stop() error {
	_, err := e.script("stop", e.dir)
	return err
}

// Kill ends the engine by force. What runs in its containers may run on.
func (e *Engine) Kill() error {
	pid, err := e.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	_, err = run(exec.Command("tail", "--pid="+strconv.Itoa(pid), "--follow", "/dev/null"))
	return err
}

// Remove ends the engine and removes all that it had.
func (e *Engine) Remove() error {
	return errors.Join(e.Stop(), os.RemoveAll(e.dir))
}

// Signal sends a signal to the engine.
func (e *Engine) Signal(sig syscall.Signal) error {
	pid, err := e.pid()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, sig)
}

func (e *Engine) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(e.dir, "docker.pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// Docker runs Docker's own command line with the engine and returns what it prints.
func (e *Engine) Docker(args ...string) (string, error) {
	return run(exec.Command("docker", append([]string{"--host", e.Host}, args...)...))
}

// Manifest is the built-in one with Image as the stock image of all kinds.
func Manifest() ([]byte, error) {
	builtin, err := os.ReadFile(filepath.Join(root(), "runtimes", "manifest.json"))
	if err != nil {
		return nil, err
	}
	stock := regexp.MustCompile(`"stock": {"image": "[^"]*"`)
	return stock.ReplaceAll(builtin, []byte(`"stock": {"image": "`+Image+`"`)), nil
}

// root is the folder of the module.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

func (e *Engine) script(args ...string) (string, error) {
	return run(exec.Command(filepath.Join(root(), "tools", "real", "docker"), args...))
}

func run(cmd *exec.Cmd) (string, error) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, complaint.String())
	}
	return out.String(), nil
}
