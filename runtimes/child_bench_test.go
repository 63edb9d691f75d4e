package runtimes_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"quirl/runtimes"
)

// BenchmarkLaunchers measures a function's process alone:
//
//	compile-ms  from the upload to the folder that can be run; 0 where nothing is compiled
//	ready-ms    from the start of the process to its acknowledgement
//	first-ms    the first activation
//	warm-us     one more
//	idle-MB     its memory afterwards (what it shares with others is divided among them)
func BenchmarkLaunchers(b *testing.B) {
	files, err := runtimes.Extract(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if java, err := exec.LookPath("java"); err == nil {
		if java, err = filepath.EvalSymlinks(java); err != nil {
			b.Fatal(err)
		}
		b.Setenv("PATH", filepath.Dir(java)+":"+os.Getenv("PATH"))
		if out, err := exec.CommandContext(b.Context(), "sh", filepath.Join(files, "java/archive"), java).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	for _, l := range launchers {
		b.Run(l.name, func(b *testing.B) {
			if _, err := exec.LookPath(l.program); err != nil {
				b.Skip("not on this machine: ", err)
			}
			benchmarkLauncher(b, l, files)
		})
	}
}

func benchmarkLauncher(b *testing.B, l launcher, files string) {
	var compile, ready, first, warm time.Duration
	var memory float64
	for b.Loop() {
		start := time.Now()
		code, output := l.place(b, files, "main", strings.Replace(l.sources["niam"], "niam", "main", 1))
		if output != "" {
			b.Fatal(output)
		}
		if l.compile != nil {
			compile += time.Since(start)
		}
		start = time.Now()
		c := l.start(b, files, "main", code)
		if got := c.next(); got != `{"ok":true}` {
			b.Fatalf("got %q:\n%s", got, &c.stderr)
		}
		ready += time.Since(start)
		start = time.Now()
		c.run(`{"a":1}`)
		first += time.Since(start)
		start = time.Now()
		const runs = 20
		for range runs {
			c.run(`{"a":1}`)
		}
		warm += time.Since(start) / runs
		memory += share(b, c.cmd.Process.Pid)
		if err := c.end(); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(b.N)
	b.ReportMetric(float64(compile.Microseconds())/1000/n, "compile-ms")
	b.ReportMetric(float64(ready.Microseconds())/1000/n, "ready-ms")
	b.ReportMetric(float64(first.Microseconds())/1000/n, "first-ms")
	b.ReportMetric(float64(warm.Microseconds())/n, "warm-us")
	b.ReportMetric(memory/n, "idle-MB")
}

// share is a process's part of the machine's memory in MB.
func share(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0 // not on this system
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				b.Fatal(err)
			}
			return float64(kilobytes) / 1024
		}
	}
	return 0
}
