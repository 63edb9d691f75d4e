package proxytest

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quirl/container"
	"quirl/proxy"
	"quirl/runtimes"
)

// Benchmark measures what users wait for, for each kind on offer in containers of a
// Factory; the function is the echo, and shells are ready ahead as the platform has them.
//
//	start  the steps of a cold start, as the medians of its metrics:
//	       bare-ms     the interpreter alone, on the host, with an empty program
//	       ready-ms    from Create to the first byte of any answer
//	       compile-ms  /init with the source, where that is compiled
//	       init-ms     /init with what was compiled once, or with the source
//	       first-ms    the first /run
//	       idle-MB     memory of the container's processes afterwards; what they share
//	                   with others is divided among them
//	stem   from the connection to the answer of the first /run, in a warmed container
//	warm   one more /run on a kept connection
func Benchmark(b *testing.B, open func(testing.TB) container.Factory) {
	offer, err := runtimes.Builtin().Detect(b.Context(), host())
	if err != nil {
		b.Fatal(err)
	}
	files, err := runtimes.Extract(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if err := offer.Compile(b.Context(), files); err != nil {
		b.Fatal(err)
	}
	for _, kind := range offer.Manifest.Kinds() {
		b.Run(kind, func(b *testing.B) {
			r, err := offer.Manifest.Resolve(kind)
			if err != nil {
				b.Fatal(err)
			}
			for step, more := 0, true; more; step++ {
				if more, err = offer.Prepare(b.Context(), kind, files, step); err != nil {
					b.Fatal(err)
				}
			}
			lang, _ := languageOf(r)
			bench := &bench{offer: offer, files: files, kind: kind, lang: lang, factory: open(b)}
			b.Cleanup(func() { bench.factory.Close() })
			b.Run("start", bench.coldStart)
			b.Run("stem", bench.stem)
			b.Run("warm", bench.warm)
		})
	}
}

// mark is in the environment of a container whose memory is measured.
const mark = "QUIRL_MEASURED=yes"

func (b *bench) coldStart(tb *testing.B) {
	var compiled string
	steps := map[string][]float64{}
	took := func(step string, since time.Time) {
		steps[step] = append(steps[step], milliseconds(time.Since(since)))
	}
	if b.lang.compiles {
		var compile time.Duration
		compiled, compile = b.compiled(tb)
		steps["compile-ms"] = []float64{milliseconds(compile)}
	}
	preparer, can := b.factory.(container.Preparer)
	if can {
		spec, err := b.spec(mark)
		if err != nil {
			tb.Fatal(err)
		}
		preparer.Prepare(spec, 1)
		defer preparer.Prepare(spec, 0)
	}
	for tb.Loop() {
		tb.StopTimer()
		time.Sleep(200 * time.Millisecond) // a shell is made meanwhile
		if bare := b.bare(); bare != nil {
			started := time.Now()
			if err := bare.Run(); err != nil {
				tb.Fatal(err)
			}
			took("bare-ms", started)
		}
		tb.StartTimer()
		started := time.Now()
		c := b.start(tb, mark)
		c.anyAnswer()
		took("ready-ms", started)
		r := initRequest(b.lang.samples.echo)
		if compiled != "" {
			tb.StopTimer()
			r = unpacked(c, compiled)
			tb.StartTimer()
		}
		started = time.Now()
		c.mustInitWith(r)
		took("init-ms", started)
		started = time.Now()
		if got := c.run(`{"name":"you"}`); got.status != http.StatusOK {
			tb.Fatalf("run: got %+v", got)
		}
		took("first-ms", started)
		tb.StopTimer()
		steps["idle-MB"] = append(steps["idle-MB"], measured(tb))
		c.remove()
		tb.StartTimer()
	}
	for step, values := range steps {
		slices.Sort(values)
		tb.ReportMetric(values[len(values)/2], step)
	}
}

// bare runs the kind's interpreter with an empty program; nil where there is none.
func (b *bench) bare() *exec.Cmd {
	interpreter, ok := b.offer.Interpreter(b.kind)
	if !ok {
		return nil
	}
	r, err := b.offer.Manifest.Resolve(b.kind)
	if err != nil {
		return nil
	}
	args, ok := map[string][]string{
		"nodejs": {"-e", "0"}, "bun": {"-e", "0"}, "deno": {"eval", "0"}, "python": {"-c", "0"}, "php": {"-r", "0;"}, "ruby": {"-e", "0"}, "java": {"-version"},
	}[r.Family]
	if !ok {
		return nil
	}
	return exec.Command(interpreter.Path, args...)
}

// compiled is the archive, as base64, of what a container made of the echo, and how long
// its /init took.
func (b *bench) compiled(t testing.TB) (string, time.Duration) {
	c := b.start(t)
	defer c.remove()
	c.anyAnswer()
	started := time.Now()
	c.mustInit(b.lang.samples.echo)
	took := time.Since(started)
	data, err := c.client.Compiled(c.ctx, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(data), took
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// anyAnswer waits for the server: it refuses what it does not know.
func (c *cell) anyAnswer() {
	c.Helper()
	conn, err := c.container.Dial(c.ctx)
	if err != nil {
		c.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /nothing HTTP/1.1\r\nHost: action\r\nConnection: close\r\n\r\n"); err != nil {
		c.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		c.Fatal(err)
	}
}

// measured is the share of the machine's memory, in MB, of the processes with the mark.
func measured(tb testing.TB) float64 {
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		tb.Fatal(err)
	}
	var kilobytes int
	for _, path := range environments {
		if environment, err := os.ReadFile(path); err == nil && bytes.Contains(environment, []byte(mark)) {
			kilobytes += share(filepath.Dir(path))
		}
	}
	return float64(kilobytes) / 1024
}

// share is a process's proportional set size in kB; 0 when it is gone.
func share(process string) int {
	text, err := os.ReadFile(filepath.Join(process, "smaps_rollup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kilobytes, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kilobytes
		}
	}
	return 0
}

func (b *bench) stem(tb *testing.B) {
	for tb.Loop() {
		tb.StopTimer()
		c := b.start(tb)
		if _, err := c.client.Warm(c.ctx); err != nil {
			tb.Fatal(err)
		}
		c.client = proxy.New(c.container.Dial, proxy.Options{KeepAlive: 1}) // so that connecting counts
		tb.StartTimer()
		c.mustInit(b.lang.samples.echo)
		if got := c.run(`{"name":"you"}`); got.status != http.StatusOK {
			tb.Fatalf("run: got %+v", got)
		}
		tb.StopTimer()
		c.client.Close()
		c.remove()
		tb.StartTimer()
	}
}

func (b *bench) warm(tb *testing.B) {
	c := b.start(tb)
	c.mustInit(b.lang.samples.echo)
	for tb.Loop() {
		if got := c.run(`{"name":"you"}`); got.status != http.StatusOK {
			tb.Fatalf("run: got %+v", got)
		}
	}
}
