package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cputime measures what cold starts cost, which bounds how many a machine can
// do: CPU time, split by the part that used it.
func cputime(ctx context.Context, o options) ([]row, error) {
	var rows []row
	for _, l := range []struct{ name, kind, code string }{
		{"Node", "nodejs:default", noop},
		{"Python", "python:default", "def main(args):\n    return {}"},
	} {
		more, err := startCost(ctx, 2*o.starts, l.name, l.kind, l.code)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// startCost does n cold starts one after the other. Each of them uses up a shell
// that was made before and has another one made, so the count is even.
func startCost(ctx context.Context, n int, name, kind, code string) ([]row, error) {
	s, err := start(ctx, "--stem-cells=false", "--pause-after=0s", "--memory=65536") // no start has to evict another one
	if err != nil {
		return nil, err
	}
	defer s.stop()
	for i := range n + 1 {
		if err := s.createKind(fmt.Sprintf("%s%d", name, i), kind, code); err != nil {
			return nil, err
		}
	}
	s.settle()
	shells, err := s.cpu()
	if err != nil {
		return nil, err
	}
	if len(s.boxes("cpuacct")) == 0 {
		return nil, errors.New("no shell was made ahead")
	}
	shell := shells.boxes / time.Duration(len(s.boxes("cpuacct"))) // nothing else runs yet
	if _, err := s.invoke(name + "0"); err != nil {                // whatever is done but once
		return nil, err
	}
	s.settle()
	before, err := s.cpu()
	if err != nil {
		return nil, err
	}
	for i := range n {
		if _, err := s.invoke(fmt.Sprintf("%s%d", name, i+1)); err != nil {
			return nil, err
		}
		s.settle()
	}
	after, err := s.cpu()
	if err != nil {
		return nil, err
	}
	each := func(before, after time.Duration) time.Duration { return (after - before) / time.Duration(n) }
	platform, launcher := each(before.platform, after.platform), each(before.launcher, after.launcher)
	inside := each(before.boxes, after.boxes)
	what := fmt.Sprintf("CPU time of a cold start, no stem cell, %s: ", name)
	return []row{
		{what: what + "outside of the interpreter, in all", stat: platform + launcher + shell, target: "≤ 15 ms"},
		{what: what + "launcher, and what it runs to make the shell", stat: launcher},
		{what: what + "the shell's own process until it waits for its program", stat: shell},
		{what: what + "platform", stat: platform},
		{what: what + "interpreter until it idles behind its first answer", stat: inside - shell},
	}, nil
}

// A cpu is the CPU time that the parts of a server have used.
type cpu struct {
	platform, launcher time.Duration
	boxes              time.Duration // all that is in the sandboxes' cgroups
}

func (s *server) cpu() (c cpu, err error) {
	pid := s.cmd.Process.Pid
	if c.platform, err = cpuTime(pid, 11, 12); err != nil { // utime, stime
		return c, err
	}
	launcher, err := s.launcher()
	if err != nil {
		return c, err
	}
	// With what it has waited for: cutime, cstime.
	if c.launcher, err = cpuTime(launcher, 11, 12, 13, 14); err != nil {
		return c, err
	}
	for _, dir := range s.boxes("cpuacct") {
		used, err := cgroupTime(dir)
		if err != nil {
			return c, err
		}
		c.boxes += used
	}
	return c, nil
}

// cpuTime adds up fields of /proc/<pid>/stat, counted from behind the name.
func cpuTime(pid int, fields ...int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name may contain anything, so count from its closing bracket.
	all := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, f := range fields {
		n, err := strconv.Atoi(all[f])
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil // USER_HZ is 100
}

// cgroupTime is what the processes of a cgroup have used, the ended ones included.
func cgroupTime(dir string) (time.Duration, error) {
	if text, err := os.ReadFile(filepath.Join(dir, "cpuacct.usage")); err == nil { // version 1
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Duration(n), err
	}
	text, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "usage_usec "); ok {
			micros, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			return time.Duration(micros) * time.Microsecond, err
		}
	}
	return 0, fmt.Errorf("%s has no usage of CPU time", dir)
}

// launcher is the process that makes the server's sandboxes.
func (s *server) launcher() (int, error) {
	for _, pid := range children(s.cmd.Process.Pid) {
		// Not its name: it runs from a sealed copy of its program.
		if words, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && strings.Contains(string(words), "quirl-sandbox\x00serve") {
			return pid, nil
		}
	}
	return 0, errors.New("the server has no launcher: is it running without the sandbox?")
}
