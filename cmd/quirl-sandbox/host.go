//go:build linux && cgo

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"quirl/container/sandboxcontainer/wire"
)

// A host is what all boxes of one launcher share.
type host struct {
	log      *slog.Logger
	instance string
	dir      string // of the instance
	rootless bool
	cgroups  *cgroupTree
	ids      *identities
	network  network
	makers   *makers
	lock     *os.File
}

// A network connects boxes to the outside, or does not.
type network interface {
	// kind is "nat", "pasta" or "none".
	kind() string
	// attach connects the network namespace of the process pid.
	attach(box string, pid int) (link, error)
	// close takes down what the boxes shared.
	close() error
}

// A link is one box's connection.
type link interface {
	address() string
	detach() error
}

func newHost(m *wire.Setup, log *slog.Logger) (*host, *wire.Ready, error) {
	h := &host{log: log, instance: m.Instance, dir: m.Dir, rootless: os.Geteuid() != 0}
	if err := os.MkdirAll(h.stateDir(), 0o711); err != nil {
		return nil, nil, fmt.Errorf("make state folder: %w", err)
	}
	// A umask must not lock boxes out of their way to the exec gate.
	if err := os.Chmod(h.stateDir(), 0o711); err != nil {
		return nil, nil, fmt.Errorf("make state folder: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(m.WaitSeconds)*time.Second)
	defer cancel()
	lock, err := lockFile(ctx, filepath.Join(m.Dir, "lock"))
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, nil, fmt.Errorf("instance %q is in use by another quirl; stop that one or choose another instance name", m.Instance)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lock instance: %w", err)
	}
	h.lock = lock
	ready := &wire.Ready{Rootless: h.rootless}
	if err := h.setUp(m, ready); err != nil {
		lock.Close()
		return nil, nil, err
	}
	return h, ready, nil
}

func (h *host) setUp(m *wire.Setup, ready *wire.Ready) error {
	var err error
	h.cgroups = findCgroups(m.CgroupRoot, h.instance)
	if ready.Removed, err = h.removeLeftovers(); err != nil {
		return err
	}
	if err := h.cgroups.check(); err != nil {
		if !h.rootless {
			return fmt.Errorf("cgroups: %w", err)
		}
		ready.Warnings = append(ready.Warnings, "no memory, pids and cpu limits and no freezer: "+err.Error())
		h.cgroups = nil
	}
	ready.Cgroups = h.cgroups != nil
	if h.ids, err = newIdentities(h.rootless); err != nil {
		return err
	}
	if h.network, err = h.newNetwork(m); err != nil {
		return err
	}
	ready.Network = h.network.kind()
	if ready.Network != m.Network && m.Network != "none" && !(ready.Network == "pasta" && m.Network == "nat") {
		ready.Warnings = append(ready.Warnings, "no network: boxes of an ordinary user need pasta (package passt) and write access to /dev/net/tun")
	}
	h.makers = newMakers(runtime.NumCPU())
	return nil
}

func (h *host) newNetwork(m *wire.Setup) (network, error) {
	switch {
	case m.Network == "none":
		return unplugged{}, nil
	case h.rootless:
		return newPasta(), nil
	}
	return newBridges(h.instance, m.Blocked, m.Nameservers)
}

func (h *host) close() {
	h.makers.close()
	if err := h.network.close(); err != nil {
		h.log.Error("network not removed", "err", err)
	}
	h.ids.close()
	if h.cgroups != nil {
		if err := h.cgroups.remove(); err != nil {
			h.log.Error("cgroups not removed", "err", err)
		}
	}
	// The factory's folders too: it may be dead, and only who holds the lock may
	// remove anything. The lock's own file stays, as somebody may wait for it.
	for _, folder := range []string{"state", "sockets", "rootfs", layersFolder} {
		if err := os.RemoveAll(filepath.Join(h.dir, folder)); err != nil {
			h.log.Error("folder not removed", "folder", folder, "err", err)
		}
	}
	h.lock.Close()
}

// stateDir is where libcontainer keeps its state; boxes must be able to pass
// through it to their exec gate, hence 0711.
func (h *host) stateDir() string { return filepath.Join(h.dir, "state") }

// unplugged is the network that leads nowhere.
type unplugged struct{}

func (unplugged) kind() string                     { return "none" }
func (unplugged) attach(string, int) (link, error) { return nil, nil }
func (unplugged) close() error                     { return nil }

// lockFile waits for the exclusive lock on the file name. The lock goes with
// the process, however it ends.
func lockFile(ctx context.Context, name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}
