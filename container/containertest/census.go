package containertest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A census is what a factory has of the machine at one moment. What has a name
// is listed, so that what is left can be told; the rest is counted.
type census struct {
	processes, mounts, cgroups, interfaces map[string]bool
	goroutines, files                      int
	helpers                                int // open files of the factory's helpers
}

// census takes one; what is of other factories on this machine is left out.
func (l *leaks) census(t *testing.T) census {
	t.Helper()
	runtime.GC() // outputs nobody read to the end go with the garbage
	foreign := l.options.Foreign
	if foreign == nil {
		foreign = func(string) bool { return false }
	}
	c := census{
		processes:  ours(processes(l.marker), foreign),
		mounts:     ours(mounts(), foreign),
		cgroups:    ours(cgroups(), foreign),
		interfaces: ours(interfaces(), foreign),
		goroutines: runtime.NumGoroutine(),
		files:      openFiles("self"),
	}
	if l.options.Helpers != nil {
		for _, pid := range l.options.Helpers(t) {
			c.helpers += openFiles(strconv.Itoa(pid))
		}
	}
	return c
}

// beyond tells what c has that before had not. A connection or a reader may take
// a moment to wind down, and a runtime keeps a few of both.
func (c census) beyond(before census) []string {
	const tolerated = 3
	var left []string
	for _, set := range []struct {
		what        string
		now, before map[string]bool
	}{
		{"process", c.processes, before.processes}, {"mount", c.mounts, before.mounts},
		{"cgroup", c.cgroups, before.cgroups}, {"interface", c.interfaces, before.interfaces},
	} {
		for name := range set.now {
			if !set.before[name] {
				left = append(left, set.what+" "+name)
			}
		}
	}
	slices.Sort(left)
	for _, number := range []struct {
		what        string
		now, before int
	}{
		{"goroutines", c.goroutines, before.goroutines}, {"open files", c.files, before.files},
		{"open files of helpers", c.helpers, before.helpers},
	} {
		if number.now > number.before+tolerated {
			left = append(left, fmt.Sprintf("%d %s, %d before", number.now, number.what, number.before))
		}
	}
	return left
}

func (c census) String() string {
	return fmt.Sprintf("%d processes, %d mounts, %d cgroups, %d interfaces, %d goroutines, %d open files, %d of helpers",
		len(c.processes), len(c.mounts), len(c.cgroups), len(c.interfaces), c.goroutines, c.files, c.helpers)
}

func ours(names []string, foreign func(string) bool) map[string]bool {
	set := make(map[string]bool)
	for _, name := range names {
		if !foreign(name) {
			set[name] = true
		}
	}
	return set
}

// processes are those that descend from this one, ended ones that nobody waited
// for included, and all that have the marker on their command line.
func processes(marker string) []string {
	parents := make(map[int]int)
	entries, _ := os.ReadDir("/proc") // without, there is nothing to list
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			parents[pid] = parentOf(pid)
		}
	}
	var found []string
	for pid := range parents {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may have ended
		words := strings.ReplaceAll(string(line), "\x00", " ")
		if descends(pid, parents) || strings.Contains(words, marker) {
			found = append(found, fmt.Sprintf("%d %s", pid, words))
		}
	}
	return found
}

// parentOf is 0 for a process that has gone meanwhile.
func parentOf(pid int) int {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// The name may contain anything, so count from its closing bracket.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

func descends(pid int, parents map[int]int) bool {
	for range len(parents) { // pids may be used again while we look: no endless circle
		pid = parents[pid]
		switch pid {
		case os.Getpid():
			return true
		case 0:
			return false
		}
	}
	return false
}

// mounts are those of the host's table, by their place.
func mounts() []string {
	table, _ := os.ReadFile("/proc/self/mountinfo")
	var places []string
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 4 {
			places = append(places, f[4])
		}
	}
	return places
}

func cgroups() []string {
	var all []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, path)
		}
		return nil // folders come and go while we look
	})
	return all
}

// interfaces are those of the network, each with what its owner calls it.
func interfaces() []string {
	entries, _ := os.ReadDir("/sys/class/net")
	var all []string
	for _, e := range entries {
		alias, _ := os.ReadFile(filepath.Join("/sys/class/net", e.Name(), "ifalias"))
		all = append(all, strings.TrimSpace(e.Name()+" "+string(alias)))
	}
	return all
}

// openFiles counts those of a process; 0 where nobody can tell.
func openFiles(pid string) int {
	entries, err := os.ReadDir(filepath.Join("/proc", pid, "fd"))
	if err != nil {
		return 0
	}
	return len(entries)
}
