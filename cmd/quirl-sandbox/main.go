//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/opencontainers/cgroups/devices" // lets libcontainer write device rules
	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/exeseal"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // joins namespaces before the Go runtime starts
	"github.com/opencontainers/runc/libcontainer/seccomp"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"quirl/container/sandboxcontainer/wire"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "init" {
		libcontainer.Init() // the first process of a box; never returns
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(os.Args[1:], log); err != nil {
		fmt.Fprintln(os.Stderr, "quirl-sandbox:", err)
		os.Exit(1)
	}
}

func run(args []string, log *slog.Logger) error {
	switch {
	case len(args) == 1 && args[0] == "serve":
		return serve(log)
	case len(args) == 2 && args[0] == guardMode:
		return guard(args[1])
	}
	return errors.New("started by hand; it is quirl's helper and needs nothing from you")
}

func serve(log *slog.Logger) error {
	if !seccomp.Enabled {
		return errors.New("built without seccomp; build it with: go build -tags seccomp quirl/cmd/quirl-sandbox")
	}
	if err := seal(); err != nil {
		return err
	}
	// Only the end of the socket may end the launcher: a terminal's Ctrl-C goes
	// to the whole process group, and then there is work left to do here.
	// Caught and not ignored, because boxes would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	if err := keepMounts(); err != nil {
		return err
	}
	logrus.SetLevel(logrus.ErrorLevel)
	logrus.SetOutput(os.Stderr)
	unix.CloseOnExec(wire.SocketFD)
	conn, err := wire.NewConn(os.NewFile(wire.SocketFD, "factory"))
	if err != nil {
		return fmt.Errorf("%w; quirl starts this program by itself", err)
	}
	s := newServer(conn, log)
	err = s.receive()
	s.close()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// seal replaces this process by a sealed copy of its program, once. Without it
// libcontainer copies the program for each box, so that no box can write to it.
func seal() error {
	const sealed = "_QUIRL_SANDBOX_SEALED=1"
	if os.Getenv("_QUIRL_SANDBOX_SEALED") != "" || exeseal.IsSelfExeCloned() {
		return nil
	}
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("open own program: %w", err)
	}
	defer exe.Close()
	info, err := exe.Stat()
	if err != nil {
		return fmt.Errorf("open own program: %w", err)
	}
	copied, err := exeseal.CloneBinary(exe, info.Size(), "quirl-sandbox", os.TempDir())
	if err != nil {
		return fmt.Errorf("copy own program: %w", err)
	}
	path := fmt.Sprintf("/proc/self/fd/%d", copied.Fd())
	return fmt.Errorf("execute own copy: %w", unix.Exec(path, os.Args, append(os.Environ(), sealed)))
}
