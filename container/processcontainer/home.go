package processcontainer

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// homePrefix begins the names of the folders that Cleanup may remove.
const homePrefix = "quirl-"

// maxSocketPath is what the smallest of our systems (darwin) allows a socket's
// path to be, in bytes, with the final zero.
const maxSocketPath = 104

// A home is the folder of one container, for its owner only:
//
//	s       the runtime's socket (or a link to its folder, when the path is too long)
//	tmp/    the process's working directory
//	process pid and start time, see record
type home struct {
	path string
	// sockets is another folder for the socket, where path is too long for one.
	sockets string
}

func makeHome(dir string) (home, error) {
	path, err := os.MkdirTemp(dir, homePrefix)
	if err != nil {
		return home{}, fmt.Errorf("make container folder: %w", err)
	}
	h := home{path: path}
	if err := os.Mkdir(h.tmp(), 0o700); err != nil {
		h.remove()
		return home{}, fmt.Errorf("make container folder: %w", err)
	}
	if len(h.socket()) < maxSocketPath {
		return h, nil
	}
	if h.sockets, err = os.MkdirTemp("", "quirl"); err != nil {
		h.remove()
		return home{}, fmt.Errorf("make socket folder: %w", err)
	}
	if err := os.WriteFile(h.socketsFile(), []byte(h.sockets), 0o600); err != nil {
		h.remove()
		return home{}, fmt.Errorf("record socket folder: %w", err)
	}
	return h, nil
}

func (h home) tmp() string         { return filepath.Join(h.path, "tmp") }
func (h home) processFile() string { return filepath.Join(h.path, "process") }
func (h home) socketsFile() string { return filepath.Join(h.path, "sockets") }

// marker is an environment variable that all processes of the container have,
// unless they take it away, and no others.
func (h home) marker() string { return "HOSTNAME=" + filepath.Base(h.path) }

func (h home) socket() string {
	if h.sockets != "" {
		return filepath.Join(h.sockets, "s")
	}
	return filepath.Join(h.path, "s")
}

// listen makes the container's socket and returns it as a file to hand on.
func (h home) listen() (*os.File, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: h.socket(), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("make container socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	defer func() { _ = l.Close() }()
	file, err := l.File()
	if err != nil {
		return nil, fmt.Errorf("make container socket: %w", err)
	}
	return file, nil
}

// record notes which process lives here. The start time tells it from a later
// process that was given the same id.
func (h home) record(pid int) error {
	started, err := startTime(pid)
	if err != nil {
		return fmt.Errorf("read start time of process %d: %w", pid, err)
	}
	if err := os.WriteFile(h.processFile(), fmt.Appendf(nil, "%d %s\n", pid, started), 0o600); err != nil {
		return fmt.Errorf("record container process: %w", err)
	}
	return nil
}

// survivor returns the recorded process when it still exists.
func (h home) survivor() (pid int, ok bool) {
	data, err := os.ReadFile(h.processFile())
	if err != nil {
		return 0, false
	}
	id, started, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	if pid, err = strconv.Atoi(id); err != nil || pid <= 1 {
		return 0, false
	}
	now, err := startTime(pid)
	return pid, err == nil && now == started
}

// killSurvivors kills what runs of a container whose factory is gone, and returns
// when it has ended.
func (h home) killSurvivors(ctx context.Context) error {
	if pid, ok := h.survivor(); ok {
		if err := killGroup(pid); err != nil {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
		if err := awaitEnd(ctx, func() bool { return ended(pid) }); err != nil {
			return fmt.Errorf("wait for end of process %d: %w", pid, err)
		}
	}
	return h.killEscaped(ctx)
}

// killEscaped kills the processes that left the group, and returns when they have
// ended: they may start others as long as they live.
func (h home) killEscaped(ctx context.Context) error {
	return awaitEnd(ctx, func() bool {
		left := h.processes()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone already: all the better
		}
		return len(left) == 0
	})
}

// awaitEnd polls: nobody tells us of the end of processes that are not our children.
func awaitEnd(ctx context.Context, ended func() bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ended() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// remove deletes the folder. What cannot be deleted now is left to Cleanup.
func (h home) remove() {
	if h.sockets == "" {
		if data, err := os.ReadFile(h.socketsFile()); err == nil {
			h.sockets = string(data)
		}
	}
	if h.sockets != "" {
		_ = os.RemoveAll(h.sockets)
	}
	_ = os.RemoveAll(h.path)
}
