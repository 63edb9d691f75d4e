//go:build linux

package sandboxcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"quirl/container/sandboxcontainer/wire"
)

// A freezer stops all processes of a container and lets them go on. The cgroup
// files are written from here, not by way of the launcher: that is the
// difference between a fifth of a millisecond and half of one.
type freezer interface {
	freeze(context.Context) error
	thaw(context.Context) error
}

func newFreezer(box wire.Shell) freezer {
	if dir, ok := box.Cgroups[""]; ok {
		return unifiedFreezer(dir)
	}
	if dir, ok := box.Cgroups["freezer"]; ok {
		return legacyFreezer(dir)
	}
	return signalFreezer(box.Pid)
}

// freezerPoll is how often the kernel is asked whether all processes stand.
const freezerPoll = 100 * time.Microsecond

// freezeTimeout bounds a pause whose caller has more time than that.
const freezeTimeout = 10 * time.Second

// A legacyFreezer is the folder of a cgroup v1 freezer.
type legacyFreezer string

// freeze thaws and begins anew when it takes long: a program that is replacing
// itself (execve) waits for its other threads, and when those are frozen first,
// it never comes to a point where it could be.
func (f legacyFreezer) freeze(ctx context.Context) error {
	const patience = 30 // polls
	file := filepath.Join(string(f), "freezer.state")
	ctx, cancel := context.WithTimeout(ctx, freezeTimeout)
	defer cancel()
	for i := 1; ; i++ {
		// Written each time: a fork in the wrong moment leaves it FREEZING.
		if err := os.WriteFile(file, []byte("FROZEN"), 0); err != nil {
			return err
		}
		state, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(state)) == "FROZEN" {
			return nil
		}
		if i%patience == 0 {
			if err := f.thaw(ctx); err != nil {
				return err
			}
		}
		if err := tick(ctx, freezerPoll); err != nil {
			// Half frozen is worse than not frozen.
			return errors.Join(err, f.thaw(ctx))
		}
	}
}

func (f legacyFreezer) thaw(context.Context) error {
	return os.WriteFile(filepath.Join(string(f), "freezer.state"), []byte("THAWED"), 0)
}

// A unifiedFreezer is a folder of cgroup v2.
type unifiedFreezer string

func (f unifiedFreezer) freeze(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, freezeTimeout)
	defer cancel()
	if err := os.WriteFile(filepath.Join(string(f), "cgroup.freeze"), []byte("1"), 0); err != nil {
		return err
	}
	for {
		events, err := os.ReadFile(filepath.Join(string(f), "cgroup.events"))
		if err != nil {
			return err
		}
		if strings.Contains(string(events), "frozen 1") {
			return nil
		}
		if err := tick(ctx, freezerPoll); err != nil {
			return errors.Join(err, f.thaw(ctx))
		}
	}
}

func (f unifiedFreezer) thaw(context.Context) error {
	return os.WriteFile(filepath.Join(string(f), "cgroup.freeze"), []byte("0"), 0)
}

// A signalFreezer is the first process of a container without cgroup. All
// others descend from it, as orphans become its children.
type signalFreezer int

func (f signalFreezer) freeze(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, freezeTimeout)
	defer cancel()
	stopped := make(map[int]bool)
	for {
		tree, err := descendants(int(f))
		if err != nil {
			return err
		}
		found := false
		for _, pid := range tree {
			if !stopped[pid] {
				if err := unix.Kill(pid, unix.SIGSTOP); err != nil && !errors.Is(err, unix.ESRCH) {
					return os.NewSyscallError("kill", err)
				}
				stopped[pid], found = true, true
			}
		}
		// When a whole round finds nobody new, nobody is left who could fork.
		if !found {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), f.thaw(ctx))
		}
	}
}

func (f signalFreezer) thaw(context.Context) error {
	tree, err := descendants(int(f))
	if err != nil {
		return err
	}
	for _, pid := range tree {
		if err := unix.Kill(pid, unix.SIGCONT); err != nil && !errors.Is(err, unix.ESRCH) {
			return os.NewSyscallError("kill", err)
		}
	}
	return nil
}

// descendants returns root and all that descend from it, root first.
func descendants(root int) ([]int, error) {
	children := make(map[int][]int)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, err := parentOf(pid); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

func parentOf(pid int) (int, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name may contain anything, so count from its closing bracket.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read state of process %d", pid)
	}
	return strconv.Atoi(fields[1])
}
