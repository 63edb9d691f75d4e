// Command sim replays a day's calls, or some days', through the container pool in
// virtual time, under the fixed and under the learned policy, and prints side by
// side how many calls found no container ready and how much memory waited.
//
//	go run ./test/sim                       the trace that ships (testdata)
//	go run ./test/sim -trace FOLDER         files in the format of the Azure Functions trace of 2019
//	go run ./test/sim -generate -seed 7     a synthetic trace; -apps and -days say how large
//	go run ./test/sim -generate -save FOLDER   writes that trace and replays nothing
//
// It promises that the same trace and flags give the same figures: the pool is
// the real one, and the only randomness is seeded.
//
// Read trace.go for what a trace is, azure.go for its files, generate.go for the
// synthetic ones and where their distributions come from, replay.go for the world
// around the pool, and report.go for what is printed.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"quirl/invoker/policy"
)

//go:embed testdata/*.csv.gz
var shipped embed.FS

// options are the flags.
type options struct {
	trace    string
	generate bool
	save     string
	shape    shape
	world    world
	learned  policy.Config
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "sim:", err)
		}
		os.Exit(1)
	}
}

// openWhisk is the policy that the learned one falls back to.
var openWhisk = policy.Fixed{PauseAfter: 10 * time.Second, KeepAlive: 10 * time.Minute}

func parse(args []string) (options, error) {
	o := options{learned: policy.Default(openWhisk)}
	f := flag.NewFlagSet("sim", flag.ContinueOnError)
	f.StringVar(&o.trace, "trace", "", "`FOLDER` with a trace; empty is the one that ships")
	f.BoolVar(&o.generate, "generate", false, "make a synthetic trace")
	f.StringVar(&o.save, "save", "", "write the synthetic trace to `FOLDER`, and replay nothing")
	f.Uint64Var(&o.shape.Seed, "seed", 1, "of the synthetic trace")
	f.IntVar(&o.shape.Apps, "apps", 250, "applications of the synthetic trace")
	f.IntVar(&o.shape.Days, "days", 2, "days of the synthetic trace")
	f.IntVar(&o.world.Memory, "memory", 1<<20, "MB that all containers together may have")
	f.IntVar(&o.world.StemShare, "stem-memory", 25, "percent of it that stem cells may have")
	f.IntVar(&o.world.Kinds, "kinds", 0, "kinds that the functions have; 0 gives each its own, so that no stem cell serves another's call")
	f.DurationVar(&o.world.Start, "start", 50*time.Millisecond, "how long a container takes to start")
	f.Float64Var(&o.learned.Worth, "worth", o.learned.Worth, "learned: MB·s that a spared cold start is worth")
	f.DurationVar(&o.learned.Grace, "grace", o.learned.Grace, "learned: how long every container is kept")
	f.Float64Var(&o.learned.Margin, "margin", o.learned.Margin, "learned: share by which windows are widened")
	f.IntVar(&o.learned.Samples, "samples", o.learned.Samples, "learned: idle times that must be known")
	f.DurationVar(&o.learned.HalfLife, "half-life", o.learned.HalfLife, "learned: after which an idle time counts half")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unknown argument %q", f.Arg(0))
	case o.trace != "" && o.generate:
		return o, errors.New("-trace and -generate exclude each other")
	case o.save != "" && !o.generate:
		return o, errors.New("-save needs -generate")
	case o.shape.Apps < 1 || o.shape.Days < 1:
		return o, errors.New("-apps and -days must be positive")
	}
	return o, nil
}

func run(args []string, w io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	t, err := o.open()
	if err != nil {
		return err
	}
	if o.save != "" {
		return t.save(o.save)
	}
	return report(w, t, compare(t, o))
}

// open reads or makes the trace.
func (o *options) open() (*trace, error) {
	switch {
	case o.generate:
		return generate(o.shape), nil
	case o.trace != "":
		return readTrace(os.DirFS(o.trace))
	}
	folder, err := fs.Sub(shipped, "testdata")
	if err != nil {
		return nil, err
	}
	return readTrace(folder)
}
