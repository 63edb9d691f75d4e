//go:build linux

package sandboxcontainer_test

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"quirl/container"
	"quirl/container/sandboxcontainer"
)

func benchSpec(i int) container.Spec {
	return container.Spec{
		Name: fmt.Sprintf("bench_%d", i), Kind: "bench", Memory: 128 << 20,
		Command: []string{"/bin/echo", "x"}, Env: []string{"PATH=/usr/bin:/bin"},
	}
}

// startOne measures from Create to the first byte of output.
func startOne(b *testing.B, f container.Factory, i int) {
	c, err := f.Create(b.Context(), benchSpec(i))
	if err != nil {
		b.Fatal(err)
	}
	stdout, _ := c.Output()
	if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if err := c.Remove(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
}

// BenchmarkStart is a start from a ready shell, to the first byte.
func BenchmarkStart(b *testing.B) {
	f := factory(b)
	f.Prepare(benchSpec(0), 1)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		waitForShell(b, f)
		b.StartTimer()
		startOne(b, f, i)
	}
}

// waitForShell waits until the pool is full again and its worker rests.
func waitForShell(b *testing.B, f *sandboxcontainer.Factory) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for f.Shells(benchSpec(0)) == 0 {
		<-tick.C
	}
}

// BenchmarkCreate is a start without shell, and the CPU time that it costs the
// launcher and what it starts.
func BenchmarkCreate(b *testing.B) {
	f := factory(b)
	startOne(b, f, 1<<30) // starts the launcher
	pid := childOfBench(b)
	before := cpuTime(b, pid)
	n := 0
	for ; b.Loop(); n++ {
		startOne(b, f, n)
	}
	b.ReportMetric(float64(cpuTime(b, pid)-before)/float64(n)/1e6, "cpu-ms/op")
}

// BenchmarkPause is a pause and a resume.
func BenchmarkPause(b *testing.B) {
	f := factory(b)
	spec := benchSpec(0)
	spec.Command = []string{"/bin/sleep", "1000"}
	c, err := f.Create(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := c.Pause(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := c.Resume(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func childOfBench(b *testing.B) int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	if err == nil {
		if f := strings.Fields(string(children)); len(f) > 0 {
			pid, _ := strconv.Atoi(f[0])
			return pid
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(e.Name())
			return pid
		}
	}
	b.Fatal("no launcher")
	return 0
}

// cpuTime is that of a process and of its children that have ended.
func cpuTime(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, i := range []int{11, 12, 13, 14} { // utime, stime, cutime, cstime
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}
