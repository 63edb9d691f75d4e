//go:build linux && cgo

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// A cgroupTree is the instance's place in every cgroup hierarchy: it finds its
// processes again when nothing else is left that knows of them.
type cgroupTree struct {
	path    string   // of the instance, in each hierarchy
	mounts  []string // the hierarchies
	unified bool     // the one hierarchy is version 2
}

const cgroupMount = "/sys/fs/cgroup"

// required are the controllers without which a box would not be limited.
var required = []string{"memory", "pids", "cpu", "freezer"}

func findCgroups(root, instance string) *cgroupTree {
	t := &cgroupTree{path: filepath.Join("/", root, instance), unified: cgroups.IsCgroup2UnifiedMode()}
	if t.unified {
		t.mounts = []string{cgroupMount}
		return t
	}
	entries, _ := os.ReadDir(cgroupMount)
	for _, e := range entries {
		if e.IsDir() { // the others are links to these
			t.mounts = append(t.mounts, filepath.Join(cgroupMount, e.Name()))
		}
	}
	return t
}

func (t *cgroupTree) box(name string) string { return filepath.Join(t.path, name) }

// check makes the instance's cgroup where limits are needed.
func (t *cgroupTree) check() error {
	if t.unified {
		return t.checkUnified()
	}
	for _, controller := range required {
		dir := filepath.Join(cgroupMount, controller)
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err != nil {
			return fmt.Errorf("controller %s is not mounted at %s; mount it or use cgroup v2", controller, dir)
		}
		if err := os.MkdirAll(filepath.Join(dir, t.path), 0o755); err != nil {
			return fmt.Errorf("%w; run quirl as root or delegate the cgroup", err)
		}
	}
	return nil
}

func (t *cgroupTree) checkUnified() error {
	dir := filepath.Join(cgroupMount, t.path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%w; run quirl as root or delegate the cgroup", err)
	}
	// From the top down, each level must hand the controllers to the next.
	at := cgroupMount
	for _, step := range strings.Split(strings.TrimPrefix(t.path, "/"), "/") {
		if err := handDown(at); err != nil {
			return err
		}
		at = filepath.Join(at, step)
	}
	return handDown(at)
}

// handDown enables what is not enabled yet; above a delegated cgroup it must be.
func handDown(dir string) error {
	content, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return err
	}
	enabled := strings.Fields(string(content))
	for _, controller := range []string{"memory", "pids", "cpu"} {
		if slices.Contains(enabled, controller) {
			continue
		}
		if err := write(dir, "cgroup.subtree_control", "+"+controller); err != nil {
			return fmt.Errorf("enable controller %s: %w; move the processes out of %s or choose another cgroup root", controller, err, dir)
		}
	}
	return nil
}

// killAll kills what runs in the instance's cgroups and removes them. It
// returns how many boxes it found.
func (t *cgroupTree) killAll(ctx context.Context) (int, error) {
	found := make(map[string]bool)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		left := false
		for _, mount := range t.mounts {
			if t.sweep(filepath.Join(mount, t.path), found) {
				left = true
			}
		}
		if !left {
			return len(found), nil
		}
		select {
		case <-ctx.Done():
			return len(found), fmt.Errorf("processes in cgroup %s do not end: %w", t.path, ctx.Err())
		case <-tick.C:
		}
	}
}

// sweep kills and removes below root, deepest first, and tells whether
// something is left.
func (t *cgroupTree) sweep(root string, found map[string]bool) bool {
	var dirs []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // what vanishes meanwhile needs no removal
	})
	left := false
	for i := len(dirs) - 1; i >= 0; i-- {
		if dirs[i] != root && filepath.Dir(dirs[i]) == root {
			found[filepath.Base(dirs[i])] = true
		}
		killMembers(dirs[i])
		if err := unix.Rmdir(dirs[i]); err != nil && !errors.Is(err, unix.ENOENT) {
			left = true
		}
	}
	return left
}

func killMembers(dir string) {
	content, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	for _, line := range strings.Fields(string(content)) {
		if pid, err := strconv.Atoi(line); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	// Frozen processes die only when thawed. One of these files exists at most.
	_ = writeExisting(filepath.Join(dir, "freezer.state"), "THAWED")
	_ = writeExisting(filepath.Join(dir, "cgroup.freeze"), "0")
}

func writeExisting(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

// remove removes the instance's cgroup and, when it was the last, the parent.
func (t *cgroupTree) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	_, err := t.killAll(ctx)
	for _, mount := range t.mounts {
		_ = unix.Rmdir(filepath.Join(mount, filepath.Dir(t.path))) // fails while others use it
	}
	return err
}
