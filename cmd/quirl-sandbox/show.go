//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"quirl/container/sandboxcontainer/wire"
)

// show mounts a folder of the host inside of the running box, under a layer in
// memory for what the box writes there. Both end with the box; nothing of them
// stays in the launcher's own mount namespace.
func (b *box) show(m *wire.Show) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.removed, isClosed(b.ended):
		return errGone
	case b.host.rootless:
		return errors.New("an ordinary user cannot mount in a box that runs")
	}
	mount, err := b.overFolder(m)
	if err != nil {
		return fmt.Errorf("show %s: %w", m.Folder, err)
	}
	defer unix.Close(mount)
	if err := inMounts(b.pid, func() error {
		return unix.MoveMount(mount, "", unix.AT_FDCWD, m.Target, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}); err != nil {
		return fmt.Errorf("show a folder at %s: %w", m.Target, err)
	}
	return nil
}

// overFolder makes an overlay of the folder and a layer in memory, mounted nowhere.
// The layer's own mount is only needed to make it: the overlay has a copy.
func (b *box) overFolder(m *wire.Show) (mount int, err error) {
	l := &layers{dir: filepath.Join(b.host.dir, layersFolder, b.name+"-shown")}
	defer func() { err = errors.Join(err, l.remove()) }()
	if err := makeFolders(0o711, filepath.Dir(l.dir), l.dir); err != nil {
		return 0, err
	}
	folder, err := unix.Open(m.Folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: m.Folder, Err: err}
	}
	defer unix.Close(folder)
	// By number: the box can read the options, and is not to learn where it lies.
	options := map[string]string{"lowerdir": "/proc/self/fd/" + strconv.Itoa(folder)}
	if err := l.addMemory(m.TmpSize, options); err != nil {
		return 0, err
	}
	return newMount("overlay", options)
}

// inMounts calls f in the mount namespace of a process, whose root is then /.
func inMounts(pid int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread does not come back, and ends
		done <- enterMounts(pid, f)
	}()
	return <-done
}

func enterMounts(pid int, f func() error) error {
	inside, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(inside)
	// Threads share root and working directory; one that enters must have its own.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Setns(inside, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter the mounts of the box: %w", err)
	}
	return f()
}
