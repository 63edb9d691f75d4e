//go:build linux && cgo

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

// removeLeftovers removes what a launcher of this instance left that was
// killed. The instance's lock is held, so nothing found belongs to a living one.
func (h *host) removeLeftovers() (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	known := h.killKnown()
	inCgroups, err := h.cgroups.killAll(ctx)
	if err != nil && !h.rootless {
		return 0, err
	}
	if err := os.RemoveAll(h.stateDir()); err != nil {
		return 0, fmt.Errorf("remove old state: %w", err)
	}
	if err := os.Mkdir(h.stateDir(), 0o711); err != nil {
		return 0, fmt.Errorf("make state folder: %w", err)
	}
	if !h.rootless {
		// What was mounted there has ended with its launcher.
		if err := os.RemoveAll(filepath.Join(h.dir, layersFolder)); err != nil {
			return 0, fmt.Errorf("remove old layers: %w", err)
		}
		if err := removeLinks(h.instance); err != nil {
			return 0, err
		}
		if err := removeFirewall(h.instance); err != nil {
			return 0, err
		}
	}
	return max(known, inCgroups), nil
}

// killKnown kills what libcontainer's state knows of. It compares start times,
// so a reused pid is safe.
func (h *host) killKnown() int {
	entries, _ := os.ReadDir(h.stateDir())
	found := 0
	var pids []int
	for _, e := range entries {
		found++
		c, err := libcontainer.Load(h.stateDir(), e.Name())
		if err != nil {
			continue // died before its state was written
		}
		if state, err := c.State(); err == nil {
			pids = append(pids, state.InitProcessPid)
		}
		_ = c.Signal(unix.SIGKILL)
	}
	killPastas(pids)
	return found
}
