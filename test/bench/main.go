// Command bench measures the platform against its floor: the same POST /run,
// straight to the same container, in the same run. It starts `quirl serve` itself.
//
//	make bench                  prints the table
//	BENCH_WRITE=1 make bench    also writes it to docs/performance.md
//
// Every figure is a time as the caller sees it over loopback. Compare ratios
// within one run; a busy machine moves all of its figures.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.calls, "calls", 3000, "serial warm calls")
	flag.DurationVar(&o.load, "load", 4*time.Second, "length of the throughput measurements")
	flag.IntVar(&o.starts, "starts", 25, "cold starts of each sort")
	flag.IntVar(&o.actions, "actions", 100_000, "actions in the large store")
	flag.IntVar(&o.records, "records", 1_000_000, "activation records in the large store")
	flag.StringVar(&o.postgres, "postgres", "", "URL of a PostgreSQL database to measure, too, e.g. of tools/real/postgres")
	flag.StringVar(&o.couchdb, "couchdb", "", "URL of a CouchDB to measure, too, e.g. of tools/real/couchdb")
	flag.StringVar(&o.kafka, "kafka", "", "URL of a Kafka broker: with -postgres a cluster is measured, too")
	flag.StringVar(&o.write, "write", "", "file whose table is replaced")
	flag.StringVar(&o.only, "only", "", "measure these groups alone: "+strings.Join(groupNames(), ", "))
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	calls, starts    int
	actions, records int
	load             time.Duration
	write, only      string
	// postgres and couchdb are URLs of databases, empty when there is none.
	postgres, couchdb string
	// kafka is the URL of a broker, likewise.
	kafka string
}

// A group is what one server is started for.
type group struct {
	name    string
	measure func(context.Context, options) ([]row, error)
}

var groups = []group{
	{"idle", memoryAndStart}, {"warm", warm}, {"compositions", compositions}, {"events", events},
	{"cold", coldStarts}, {"stem", stemStarts}, {"folder", folder}, {"logs", logs}, {"resume", resume}, {"cputime", cputime},
	{"docker", docker}, {"refusals", refusals}, {"entities", entities}, {"records", records}, {"cluster", cluster},
}

func groupNames() []string {
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	return names
}

// wanted says whether a group is to be measured.
func (o options) wanted(g group) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), g.name)
}

// noop is the function that does nothing.
const noop = "function main() { return {} }"

func run(ctx context.Context, o options) error {
	var rows []row
	for _, g := range groups {
		if !o.wanted(g) {
			continue
		}
		more, err := g.measure(ctx, o)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	text := table(rows) + comparison(rows)
	fmt.Print(text)
	if o.write == "" {
		return nil
	}
	return replaceTable(o.write, text)
}

// memoryAndStart measures a server with nothing in it.
func memoryAndStart(ctx context.Context, _ options) ([]row, error) {
	var answers, functions []time.Duration
	var memory int
	for range 5 {
		answered, function, kb, err := firstFunction(ctx)
		if err != nil {
			return nil, err
		}
		answers, functions, memory = append(answers, answered), append(functions, function), kb
	}
	return []row{
		{what: "start of the server to its first answer", stat: median(answers), target: "≤ 1 s"},
		{what: "start of the server to the first result of a new function", stat: median(functions)},
		{what: "memory of idle `quirl serve`, no stem cells (PSS, launcher and shells included)", text: fmt.Sprintf("%d MB", memory>>10), target: "< 80 MB"},
	}, nil
}

// firstFunction is how long a fresh server takes to answer, and to run a function
// of its own, and its memory before that.
func firstFunction(ctx context.Context) (answered, function time.Duration, memoryKB int, err error) {
	s, err := start(ctx, "--stem-cells=false")
	if err != nil {
		return 0, 0, 0, err
	}
	defer s.stop()
	if memoryKB, err = s.memoryKB(); err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	if err := s.create("noop", noop); err != nil {
		return 0, 0, 0, err
	}
	_, err = s.invoke("noop")
	return s.answered, s.answered + time.Since(began), memoryKB, err
}

// warm measures calls of a running function, and the floor under them.
func warm(ctx context.Context, o options) ([]row, error) {
	s, err := start(ctx, "--stem-cells=false", "--invocations-per-minute=100000000", "--pause-after=0s") // a paused container would not answer the floor
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := s.create("noop", noop); err != nil {
		return nil, err
	}
	for range o.calls / 3 { // let everything get warm
		if _, err := s.invoke("noop"); err != nil {
			return nil, err
		}
	}
	sockets, err := s.sockets()
	if err != nil || len(sockets) != 1 {
		return nil, fmt.Errorf("%d containers after serial calls, want 1: %w", len(sockets), err)
	}
	floor, err := newFloor(sockets[0])
	if err != nil {
		return nil, err
	}
	through, straight, err := turns(o.calls, 1, floor, func() (time.Duration, error) { return s.invoke("noop") })
	if err != nil {
		return nil, err
	}
	floor.close()
	rows := []row{
		{what: "warm call through the platform", stats: through, floor: straight, target: "+0.5 ms P50, +2 ms P99"},
	}
	more, err := throughput(s, o)
	return append(rows, more...), err
}

const workers = 8

// throughput measures calls per second of eight callers, once all containers
// that they need have been started and have done some work, in turns with the
// floor; of the turns it takes the median ratio.
func throughput(s *server, o options) ([]row, error) {
	platform := func() (func() error, error) {
		c, err := s.connect()
		return func() error { _, err := c.invoke("noop"); return err }, err
	}
	if _, err := together(3*time.Second, platform); err != nil {
		return nil, err
	}
	s.settle()
	sockets, err := s.sockets()
	if err != nil {
		return nil, err
	}
	next := 0
	straight := func() (func() error, error) {
		f, err := newFloor(sockets[next%len(sockets)])
		next++
		return func() error { _, err := f.run(); return err }, err
	}
	type turn struct{ through, floor float64 }
	turns := make([]turn, 5)
	for i := range turns {
		if turns[i].through, err = together(o.load/2, platform); err != nil {
			return nil, err
		}
		if turns[i].floor, err = together(o.load/2, straight); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(a.through/a.floor, b.through/b.floor) })
	t := turns[len(turns)/2]
	return []row{{
		what:   fmt.Sprintf("throughput, %d callers, %d containers", workers, len(sockets)),
		text:   fmt.Sprintf("%.0f/s", t.through),
		base:   fmt.Sprintf("%.0f/s", t.floor),
		ratio:  fmt.Sprintf("%.0f %%", 100*t.through/t.floor),
		target: "≥ 60 %",
	}}, nil
}

// together calls from eight goroutines for a while and returns calls per second.
func together(length time.Duration, caller func() (func() error, error)) (float64, error) {
	calls := make([]func() error, workers)
	for i := range calls {
		var err error
		if calls[i], err = caller(); err != nil {
			return 0, err
		}
	}
	// The callers share the machine with what they measure: one thread for them.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	counts, errs := make([]int, workers), make([]error, workers)
	began := time.Now()
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() {
			for time.Since(began) < length && errs[i] == nil {
				errs[i] = call()
				counts[i]++
			}
		})
	}
	wg.Wait()
	total := 0
	for i := range workers {
		if errs[i] != nil {
			return 0, errs[i]
		}
		total += counts[i]
	}
	return float64(total) / time.Since(began).Seconds(), nil
}

// coldStarts measures first calls of functions without stem cells, and the bare
// interpreter beside them.
func coldStarts(ctx context.Context, o options) ([]row, error) {
	return starts(ctx, o, "cold start, no stem cell", "--stem-cells=false", "+15 ms P50", true)
}

// stemStarts measures first calls of functions with a stem cell ready.
func stemStarts(ctx context.Context, o options) ([]row, error) {
	return starts(ctx, o, "cold start with a stem cell", "--stem-cells=true", "≤ 10 ms P50", false)
}

func starts(ctx context.Context, o options, what, flag, target string, bare bool) ([]row, error) {
	s, err := start(ctx, flag, "--memory=65536") // no start has to evict another one
	if err != nil {
		return nil, err
	}
	defer s.stop()
	languages := []struct {
		name, kind, code string
		interpreter      []string
	}{
		{"Node", "nodejs:default", noop, []string{"node", "-e", "process.stdout.write('x')"}},
		{"Python", "python:default", "def main(args):\n    return {}", []string{"python3", "-I", "-S", "-E", "-c", "print('x', flush=True)"}},
	}
	var rows []row
	for _, l := range languages {
		var starts, bares []time.Duration
		for i := range o.starts {
			name := fmt.Sprintf("%s%d", l.name, i)
			if err := s.createKind(name, l.kind, l.code); err != nil {
				return nil, err
			}
			s.settle()
			d, err := s.invoke(name)
			if err != nil {
				return nil, err
			}
			starts = append(starts, d)
			if !bare {
				continue
			}
			if d, err = bareStart(ctx, l.interpreter); err != nil {
				return nil, err
			}
			bares = append(bares, d)
		}
		rows = append(rows, row{what: what + ", " + l.name, stats: starts, floor: bares, target: target})
	}
	return rows, nil
}

// bareStart is the time of an interpreter from its start to its first output.
func bareStart(ctx context.Context, command []string) (time.Duration, error) {
	path := "/usr/bin/" + command[0]
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath(command[0]); err != nil {
			return 0, err
		}
	}
	cmd := exec.CommandContext(ctx, path, command[1:]...)
	cmd.Env = []string{"TZ=UTC", "PATH=/usr/bin:/bin"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		return 0, err
	}
	d := time.Since(began)
	return d, cmd.Wait()
}

// A row is one line of the table: a figure, the floor beside it, and what was aimed at.
type row struct {
	what, target      string
	stats, floor      []time.Duration
	stat              time.Duration
	text, base, ratio string
}

func median(ds []time.Duration) time.Duration { return percentile(ds, 50) }

func percentile(ds []time.Duration, p int) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }

func signed(d time.Duration) string { return fmt.Sprintf("%+.2f", float64(d.Microseconds())/1000) }

func spread(ds []time.Duration) string {
	return fmt.Sprintf("%s / %s / %s / %s", ms(percentile(ds, 50)), ms(percentile(ds, 90)), ms(percentile(ds, 95)), ms(percentile(ds, 99)))
}

func table(rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d cores, %s, %s\n\n", runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format("2006-01-02"))
	b.WriteString("| figure (times in ms: P50 / P90 / P95 / P99) | measured | floor in the same run | difference P50, P99 | aim |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		measured, floor, difference := r.text, r.base, r.ratio
		switch {
		case r.stat > 0:
			measured = ms(r.stat)
		case len(r.stats) > 0:
			measured = spread(r.stats)
		}
		if len(r.floor) > 0 {
			floor = spread(r.floor)
			difference = fmt.Sprintf("%s, %s", signed(median(r.stats)-median(r.floor)), signed(percentile(r.stats, 99)-percentile(r.floor, 99)))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.what, measured, floor, difference, r.target)
	}
	return b.String()
}

// replaceTable puts the text between the markers of the file.
func replaceTable(file, text string) error {
	const from, to = "<!-- make bench: begin -->\n", "<!-- make bench: end -->\n"
	old, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), from)
	_, tail, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no markers for the table", file)
	}
	return os.WriteFile(file, []byte(head+from+text+to+tail), 0o644)
}
