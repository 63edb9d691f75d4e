//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"quirl/container/sandboxcontainer/wire"
)

// layersFolder has, in the instance's folder, one folder for each box with an image.
const layersFolder = "layers"

// layers are the root of a box that is made from an image: the image as it was
// unpacked, over it the points on which something is mounted, and, for a foreign
// program, a layer in memory that takes what it writes. The mounts are in the
// launcher's own mount namespace.
type layers struct {
	dir     string
	mounted []string // what is to be unmounted, the last one first
}

func (l *layers) root() string     { return filepath.Join(l.dir, "root") }
func (l *layers) writable() string { return filepath.Join(l.dir, "writable") }

// lay mounts the layers of a box.
func (h *host) lay(m *wire.Create) (*layers, error) {
	if h.rootless {
		return nil, errors.New("an ordinary user cannot lay one folder over another")
	}
	l := &layers{dir: filepath.Join(h.dir, layersFolder, m.Box)}
	if err := l.mount(m); err != nil {
		return nil, errors.Join(err, l.remove())
	}
	return l, nil
}

func (l *layers) mount(m *wire.Create) error {
	// Boxes are other users, who must be able to pass through to their root.
	if err := makeFolders(0o711, filepath.Dir(l.dir), l.dir); err != nil {
		return err
	}
	if err := makeFolders(0o755, l.root()); err != nil {
		return err
	}
	options := map[string]string{"lowerdir": escape(m.Rootfs) + ":" + escape(m.Image)}
	if m.Foreign {
		if err := l.addMemory(m.TmpSize, options); err != nil {
			return err
		}
	}
	return l.mountOn(l.root(), "overlay", options)
}

// addMemory adds to the options of an overlay a layer in memory, of at most size
// bytes, that takes what is written.
func (l *layers) addMemory(size int64, options map[string]string) error {
	upper, work := filepath.Join(l.writable(), "upper"), filepath.Join(l.writable(), "work")
	if err := makeFolders(0o700, l.writable()); err != nil {
		return err
	}
	bounds := map[string]string{"mode": "700", "size": strconv.FormatInt(size, 10), "nr_inodes": strconv.FormatInt(inodes(size), 10)}
	if err := l.mountOn(l.writable(), "tmpfs", bounds); err != nil {
		return err
	}
	options["upperdir"], options["workdir"] = upper, work
	return errors.Join(makeFolders(0o777, upper), makeFolders(0o700, work))
}

// escape is a path as the option lowerdir takes it.
func escape(path string) string { return strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(path) }

// makeFolders makes folders with a mode, whatever the umask.
func makeFolders(mode os.FileMode, dirs ...string) error {
	for _, dir := range dirs {
		if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if err := os.Chmod(dir, mode); err != nil {
			return err
		}
	}
	return nil
}

// mountOn mounts a new file system.
func (l *layers) mountOn(at, kind string, options map[string]string) error {
	mount, err := newMount(kind, options)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	if err := unix.MoveMount(mount, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s on %s: %w", kind, at, err)
	}
	l.mounted = append(l.mounted, at)
	return nil
}

// newMount makes a file system that is mounted nowhere yet; the file descriptor is
// the caller's to close.
func newMount(kind string, options map[string]string) (int, error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("mount %s, which needs Linux 5.2 or newer: %w", kind, err)
	}
	defer unix.Close(fs)
	for key, value := range options {
		if err := unix.FsconfigSetString(fs, key, value); err != nil {
			return 0, fmt.Errorf("mount %s with %s=%s: %w", kind, key, value, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return 0, fmt.Errorf("mount %s: %w", kind, err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return 0, fmt.Errorf("mount %s: %w", kind, err)
	}
	return mount, nil
}

// resize bounds what a foreign program may write.
func (l *layers) resize(size int64) error {
	if l == nil || len(l.mounted) < 2 {
		return nil
	}
	return resize(l.writable(), size)
}

// remove takes everything down; it may be called again after it failed.
func (l *layers) remove() error {
	if l == nil {
		return nil
	}
	for len(l.mounted) > 0 {
		last := len(l.mounted) - 1
		if err := unix.Unmount(l.mounted[last], unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("unmount %s: %w", l.mounted[last], err)
		}
		l.mounted = l.mounted[:last]
	}
	return os.RemoveAll(l.dir)
}

// keepMounts lets nothing that is mounted here be seen outside of the launcher's
// mount namespace; what is mounted outside is seen here.
func keepMounts() error {
	if os.Geteuid() != 0 {
		return nil // it has no mount namespace of its own, and cannot mount
	}
	own, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return err
	}
	if parents, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", os.Getppid())); err == nil && parents == own {
		return errors.New("started without a mount namespace; quirl and quirl-sandbox are of different versions")
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("keep mounts to oneself: %w", err)
	}
	return nil
}
