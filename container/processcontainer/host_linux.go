package processcontainer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// startTime identifies a process together with its id: clock ticks since boot,
// with the boot's own id.
func startTime(pid int) (string, error) {
	fields, err := stat(pid)
	if err != nil {
		return "", err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return string(fields[22-firstField]) + "@" + string(bytes.TrimSpace(boot)), nil
}

// ended says that a process runs no more, whether or not somebody waited for it.
func ended(pid int) bool {
	fields, err := stat(pid)
	return err != nil || bytes.ContainsAny(fields[3-firstField], "ZX")
}

// processes finds the living processes of the container, whatever they did to
// their group, session and parents.
func (h home) processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && h.owns(pid) && !ended(pid) {
			found = append(found, pid)
		}
	}
	return found
}

func (h home) owns(pid int) bool {
	dir := "/proc/" + strconv.Itoa(pid)
	if env, err := os.ReadFile(dir + "/environ"); err == nil && bytes.Contains(append([]byte{0}, env...), []byte("\x00"+h.marker()+"\x00")) {
		return true
	}
	cwd, err := os.Readlink(dir + "/cwd")
	return err == nil && strings.HasPrefix(cwd+"/", h.path+"/")
}

// firstField is the number (proc(5) counts from 1) of the first field that stat returns.
const firstField = 3

// stat returns the fields of /proc/<pid>/stat that follow the program's name,
// which may itself hold spaces and parentheses.
func stat(pid int) ([][]byte, error) {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil, err
	}
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	if len(fields) <= 22-firstField {
		return nil, fmt.Errorf("short /proc/%d/stat", pid)
	}
	return fields, nil
}

// awaitExit returns when the child has ended, and leaves it to be waited for.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}
