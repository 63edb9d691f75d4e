package processcontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// startTime identifies a process together with its id: the moment it was started.
func startTime(pid int) (string, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", err
	}
	started := info.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", started.Sec, started.Usec), nil
}

// ended says that a process runs no more.
func ended(pid int) bool {
	return errors.Is(unix.Kill(pid, 0), unix.ESRCH)
}

// processes finds nobody: there is no way to other processes' environments.
func (home) processes() []int { return nil }

// awaitExit returns when the child has ended, and leaves it to be waited for.
func awaitExit(pid int) {
	queue, err := unix.Kqueue()
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(queue) }()
	watch := []unix.Kevent_t{{Ident: uint64(pid), Filter: unix.EVFILT_PROC, Flags: unix.EV_ADD, Fflags: unix.NOTE_EXIT}}
	for events := make([]unix.Kevent_t, 1); ; {
		if _, err := unix.Kevent(queue, watch, events, nil); err != unix.EINTR {
			return
		}
	}
}
