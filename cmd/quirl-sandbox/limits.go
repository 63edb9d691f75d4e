//go:build linux && cgo

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// limits are the cgroup files of one box. They are written directly: the paths
// are known, and the way through libcontainer writes all of them and its state.
// The nil pointer is a box without cgroups.
type limits struct {
	paths map[string]string // by controller; version 2 has the one key ""
}

func (l *limits) unified() string { return l.paths[""] }

// set gives a box, which had no limit as a shell, its memory and CPU weight.
func (l *limits) set(memory int64, cpuShares int) error {
	if memory > 0 {
		if err := l.setMemory(memory); err != nil {
			return err
		}
	}
	if cpuShares > 0 {
		return l.setShares(uint64(cpuShares))
	}
	return nil
}

func (l *limits) setMemory(memory int64) error {
	bytes := strconv.FormatInt(memory, 10)
	if dir := l.unified(); dir != "" {
		if err := write(dir, "memory.max", bytes); err != nil {
			return err
		}
		return ignoreMissing(write(dir, "memory.swap.max", "0"))
	}
	dir, ok := l.paths["memory"]
	if !ok {
		return errors.New("the memory controller is not mounted")
	}
	// In this order: memory alone must never exceed memory and swap together.
	if err := write(dir, "memory.limit_in_bytes", bytes); err != nil {
		return err
	}
	err := write(dir, "memory.memsw.limit_in_bytes", bytes)
	if errors.Is(err, os.ErrNotExist) {
		// Swap is not accounted; then at least nothing of the box is swapped.
		return ignoreMissing(write(dir, "memory.swappiness", "0"))
	}
	return err
}

func (l *limits) setShares(shares uint64) error {
	if dir := l.unified(); dir != "" {
		return write(dir, "cpu.weight", strconv.FormatUint(cgroups.ConvertCPUSharesToCgroupV2Value(shares), 10))
	}
	if dir, ok := l.paths["cpu"]; ok {
		return write(dir, "cpu.shares", strconv.FormatUint(max(shares, 2), 10))
	}
	return nil
}

func (l *limits) thaw() error {
	if dir := l.unified(); dir != "" {
		return ignoreMissing(write(dir, "cgroup.freeze", "0"))
	}
	if dir, ok := l.paths["freezer"]; ok {
		return ignoreMissing(write(dir, "freezer.state", "THAWED"))
	}
	return nil
}

// outOfMemory says whether the kernel killed a process because of the limit.
func (l *limits) outOfMemory() bool {
	if l == nil {
		return false
	}
	file := filepath.Join(l.paths["memory"], "memory.oom_control")
	if dir := l.unified(); dir != "" {
		file = filepath.Join(dir, "memory.events")
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		key, count, _ := strings.Cut(lines.Text(), " ")
		if key == "oom_kill" {
			return count != "0"
		}
	}
	return false
}

// limitByRlimit is what there is without cgroups: it bounds the private memory
// of each process, so that one mistake does not eat the machine. It is no
// guard against malice; the factory says so.
func limitByRlimit(pid int, memory int64) {
	if memory <= 0 {
		return
	}
	l := unix.Rlimit{Cur: uint64(2 * memory), Max: uint64(2 * memory)}
	_ = unix.Prlimit(pid, unix.RLIMIT_DATA, &l, nil)
}

// resizeTmp bounds /tmp of a waiting shell, whose memory was not known when
// its /tmp was mounted.
func resizeTmp(pid int, size int64) error {
	return resize(fmt.Sprintf("/proc/%d/root/tmp", pid), size)
}

// resize bounds a file system in memory.
func resize(at string, size int64) error {
	if size <= 0 {
		return nil
	}
	fd, err := unix.Fspick(unix.AT_FDCWD, at, unix.FSPICK_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) {
		return nil // before Linux 5.2; the mount's own size stays
	}
	if err != nil {
		return os.NewSyscallError("fspick", err)
	}
	defer unix.Close(fd)
	if err := unix.FsconfigSetString(fd, "size", strconv.FormatInt(size, 10)); err != nil {
		return os.NewSyscallError("fsconfig", err)
	}
	if err := unix.FsconfigSetString(fd, "nr_inodes", strconv.FormatInt(inodes(size), 10)); err != nil {
		return os.NewSyscallError("fsconfig", err)
	}
	return os.NewSyscallError("fsconfig", unix.FsconfigReconfigure(fd))
}

func write(dir, file, value string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(value), 0)
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
