// Package debug runs a function by the runtime's own server, in a process of this machine
// under a debugger, instead of in a container of the platform.
//
// It promises that the function sees what it would see there (arguments, environment, the
// way its result and its failures are taken) and that a debugger finds its lines in the
// files that the user edits. It waits for a debugger before the function is called.
package debug

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"quirl/proxy"
	"quirl/runtimes"
)

// Options say what is run.
type Options struct {
	// Path is a file with source text, or a folder.
	Path string
	// Family is the language: see Families.
	Family string
	Main   string // entry point
	Name   string // of the action, /namespace/name
	// Port is where the debugger listens, on 127.0.0.1.
	Port int
	// Files is a folder that keeps the files of the runtimes.
	Files string
	// Environ is the environment of the process, before the action's own.
	Environ []string
	// Output receives what the function prints, and what the debugger says of itself.
	Output io.Writer
	// Waiting is called when a debugger can attach.
	Waiting func()
}

// Families are the languages that have a debugger here.
func Families() []string { return []string{"nodejs", "python"} }

// A Result is what a function returned, or how it failed.
type Result struct {
	Value   json.RawMessage
	Success bool
}

// Run starts the runtime, waits for a debugger to attach, and calls the function once.
// The error says what prevented that: a function that fails has a Result.
func Run(ctx context.Context, o Options, arguments json.RawMessage) (Result, error) {
	if err := free(ctx, o.Port); err != nil {
		return Result{}, err
	}
	files, err := runtimes.Extract(o.Files)
	if err != nil {
		return Result{}, err
	}
	work, err := os.MkdirTemp("", "quirl-debug-")
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	request, err := o.init(work)
	if err != nil {
		return Result{}, err
	}
	p, err := o.start(ctx, files, work)
	if err != nil {
		return Result{}, err
	}
	defer p.stop()
	o.Waiting()
	return p.call(ctx, request, o.Name, arguments)
}

// free says whether the port can be had: an interpreter whose debugger cannot have it goes on without.
func free(ctx context.Context, port int) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("the debugger cannot listen: %w", err)
	}
	return l.Close()
}

// init is the request that loads the code.
func (o Options) init(work string) (proxy.InitRequest, error) {
	r := proxy.InitRequest{Name: filepath.Base(o.Name), Main: o.Main, Env: map[string]string{"__OW_ACTION_NAME": o.Name}}
	if r.Main == "" {
		r.Main = "main"
	}
	info, err := os.Stat(o.Path)
	if err != nil {
		return r, err
	}
	if !info.IsDir() && o.Family == "nodejs" {
		text, err := os.ReadFile(o.Path)
		r.Code = string(text)
		return r, err
	}
	r.Folder = filepath.Join(work, "code")
	return r, links(o.Path, info.IsDir(), r.Folder)
}

// links makes a folder with links to the user's files, which the runtime may rename.
func links(path string, isFolder bool, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	if !isFolder {
		return os.Symlink(path, filepath.Join(to, "__main__.py"))
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(path, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// command is the runtime's server under a debugger that it waits for.
func (o Options) command(ctx context.Context, files string) ([]string, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port))
	switch o.Family {
	case "nodejs":
		node, err := exec.LookPath("node")
		if err != nil {
			return nil, fmt.Errorf("there is no Node.js here to debug with: %w", err)
		}
		return []string{node, "--inspect-wait=" + address, filepath.Join(files, "nodejs", "server.js")}, nil
	case "python":
		for _, name := range []string{"python3", "/usr/bin/python3"} {
			if exec.CommandContext(ctx, name, "-c", "import debugpy").Run() == nil {
				return []string{name, "-B", "-X", "utf8", "-Xfrozen_modules=off", "-m", "debugpy", "--listen", address, "--wait-for-client", filepath.Join(files, "python", "server.py")}, nil
			}
		}
		return nil, errors.New("there is no Python with debugpy here to debug with: install it, for example by `pip install debugpy`")
	}
	return nil, fmt.Errorf("%s has no debugger here; those of %s are known", o.Family, strings.Join(Families(), " and "))
}

// A process is a runtime that waits for a debugger.
type process struct {
	cmd    *exec.Cmd
	done   chan struct{} // closed when it has ended
	socket string
	output *lines
	exited error
}

func (o Options) start(ctx context.Context, files, work string) (*process, error) {
	command, err := o.command(ctx, files)
	if err != nil {
		return nil, err
	}
	p := &process{done: make(chan struct{}), socket: filepath.Join(work, "socket")}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", p.socket)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	inherited, err := listener.(*net.UnixListener).File()
	if err != nil {
		return nil, err
	}
	defer inherited.Close()
	p.cmd = exec.Command(command[0], command[1:]...) //nolint:noctx // it is stopped in stop, after its answer
	p.cmd.Dir, p.cmd.ExtraFiles = work, []*os.File{inherited}
	p.cmd.Env = append(slices.Clone(o.Environ), "QUIRL_LISTEN_FD=3", "QUIRL_CODE_NAME="+o.Path, "PYDEVD_DISABLE_FILE_VALIDATION=1")
	// By a pipe of our own: what the debugger leaves behind must not hold the user's.
	p.output = &lines{to: o.Output}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.exited = errors.Join(p.cmd.Wait(), p.output.end())
		close(p.done)
	}()
	return p, nil
}

// sentinel ends the output of an activation (OpenWhisk's runtime contract).
const sentinel = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"

// lines passes whole lines on, but for sentinels. Both outputs of a process write to it,
// which os/exec does one after the other.
type lines struct {
	to   io.Writer
	rest []byte
}

func (l *lines) Write(text []byte) (int, error) {
	l.rest = append(l.rest, text...)
	for {
		end := bytes.IndexByte(l.rest, '\n') + 1
		if end == 0 {
			return len(text), nil
		}
		line := l.rest[:end]
		l.rest = l.rest[end:]
		if string(line) == sentinel {
			continue
		}
		if _, err := l.to.Write(line); err != nil {
			return 0, err
		}
	}
}

// end passes on what has no end of line.
func (l *lines) end() error {
	_, err := l.to.Write(l.rest)
	return err
}

// stop ends the process, and returns when it has ended and all that it printed was written.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// call loads the code and calls the function; the first of them takes until a debugger is there.
func (p *process) call(ctx context.Context, load proxy.InitRequest, name string, arguments json.RawMessage) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	c := proxy.New(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", p.socket)
	}, proxy.Options{})
	defer c.Close()
	limit := proxy.Limit{Response: 48 << 20}
	outcome, err := c.Init(ctx, withLimit(load, limit))
	if r, _, loaded := proxy.InitResponse(outcome, err, forever, limit); !loaded {
		return p.result(r, err)
	}
	outcome, err = c.Run(ctx, proxy.RunRequest{
		Value: arguments, ActionName: name, ActivationID: strings.Repeat("0", 32), Namespace: "_",
		Deadline: time.Now().Add(forever), Sentinels: proxy.Never, Limit: limit,
	})
	r, _ := proxy.RunResponse(outcome, err, forever, limit)
	return p.result(r, err)
}

func withLimit(r proxy.InitRequest, limit proxy.Limit) proxy.InitRequest {
	r.Limit = limit
	return r
}

// forever is how long one may look at a function that stands still.
const forever = 24 * time.Hour

// result tells a function that failed from a runtime that is gone.
func (p *process) result(r proxy.Response, err error) (Result, error) {
	select {
	case <-p.done:
		return Result{}, fmt.Errorf("the runtime has ended: %w", errors.Join(p.exited, err))
	default:
	}
	if errors.Is(err, proxy.ErrTimeout) || errors.Is(err, proxy.ErrClosed) {
		return Result{}, err
	}
	return Result{Value: r.Result, Success: r.StatusCode == proxy.StatusSuccess}, nil
}
