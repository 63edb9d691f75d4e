// Package dockertest starts Docker engines for tests, by tools/real/docker.
//
// An engine is apart from any other of the machine, and ends with the test
// program. Where there can be none, tests skip with the reason; under CI=true
// they fail instead.
package dockertest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"quirl/internal/realtest"
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

var shared = realtest.One[*Engine]{Name: "a Docker engine", New: New}

// Start returns the engine of this test program, which is started when it is
// wanted for the first time. realtest.Main stops it.
func Start(t testing.TB) *Engine {
	t.Helper()
	return shared.Start(t)
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
	_, err = realtest.Run(exec.Command("tail", "--pid="+strconv.Itoa(pid), "--follow", "/dev/null"))
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
	return realtest.Run(exec.Command("docker", append([]string{"--host", e.Host}, args...)...))
}

// Manifest is the built-in one with Image as the stock image of all kinds.
func Manifest() ([]byte, error) {
	builtin, err := os.ReadFile(filepath.Join(realtest.Root(), "runtimes", "manifest.json"))
	if err != nil {
		return nil, err
	}
	stock := regexp.MustCompile(`"stock": {"image": "[^"]*"`)
	return stock.ReplaceAll(builtin, []byte(`"stock": {"image": "`+Image+`"`)), nil
}

func (e *Engine) script(args ...string) (string, error) { return realtest.Script("docker", args...) }
