package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"quirl/client"
)

// The bounds of a load test: it is for a look at one's own function.
const (
	mostCallers   = 1000
	longestLoad   = time.Hour
	mostLoadCalls = 100_000_000
)

// loadFlags say how much load there is.
type loadFlags struct {
	callers, calls int
	duration       time.Duration
}

func (f *loadFlags) check() error {
	switch {
	case f.callers < 1 || f.callers > mostCallers:
		return usageError("--concurrency %d is not between 1 and %d", f.callers, mostCallers)
	case f.duration <= 0 || f.duration > longestLoad:
		return usageError("--duration %s is not between 0s and %s", f.duration, longestLoad)
	case f.calls < 0 || f.calls > mostLoadCalls:
		return usageError("--calls %d is not between 0 and %d", f.calls, mostLoadCalls)
	}
	return nil
}

func (a *app) loadCommand() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use: "load ACTION_NAME", Short: "invoke an action again and again, and say how long that takes",
		Long: "load invokes an action from several callers at once, each waiting for its result, until the\nduration is over, the calls are made, or it is interrupted; then it says how long they took.",
	}
	cmd.Flags().IntVarP(&f.callers, "concurrency", "c", 8, "callers at once")
	cmd.Flags().DurationVar(&f.duration, "duration", 10*time.Second, "how long calls are begun, such as 30s")
	cmd.Flags().IntVar(&f.calls, "calls", 0, "the most calls in all; 0 means no bound")
	cmd.RunE = a.run(1, 1, nameRequired, func(ctx context.Context, c *client.Client, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		// Connections are kept for all callers; the default keeps two.
		if transport, ok := c.HTTP.Transport.(*http.Transport); ok {
			transport.MaxIdleConnsPerHost, transport.MaxIdleConns = f.callers, f.callers
		}
		done := a.progress("%d callers for %s", f.callers, f.duration)
		r := a.load(ctx, c, name, f)
		done()
		r.print(a, f)
		if r.latencies.total == 0 {
			return &exitError{code: exitGeneral, err: errors.New("no call succeeded"), quiet: r.calls > 0}
		}
		return nil
	})
	return cmd
}

// loadReport is what came of a load test.
type loadReport struct {
	mu        sync.Mutex
	calls     int
	begun     int
	latencies histogram // of the calls that succeeded
	cold      int
	failures  map[string]int // by what was said
	took      time.Duration
}

// load calls until it has to stop, and waits for the calls that it began.
func (a *app) load(ctx context.Context, c *client.Client, name entityName, f loadFlags) *loadReport {
	r := &loadReport{failures: make(map[string]int)}
	began := time.Now()
	until := began.Add(f.duration)
	var callers sync.WaitGroup
	for range f.callers {
		callers.Go(func() {
			for ctx.Err() == nil && time.Now().Before(until) && r.begin(f.calls) {
				start := time.Now()
				cold, err := a.loadOnce(ctx, c, name)
				r.end(time.Since(start), cold, err)
				if err != nil && !pause(ctx, 10*time.Millisecond) { // who is refused does not hammer
					return
				}
			}
		})
	}
	callers.Wait()
	r.took = time.Since(began)
	return r
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// begin says whether there is one more call to make.
func (r *loadReport) begin(most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if most > 0 && r.begun >= most {
		return false
	}
	r.begun++
	return true
}

func (r *loadReport) end(took time.Duration, cold bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, context.Canceled) {
		return
	}
	r.calls++
	if err != nil {
		r.failures[failureOf(err)]++
		return
	}
	r.latencies.add(took)
	if cold {
		r.cold++
	}
}

// failureOf is a text that is the same for failures of the same sort.
func failureOf(err error) string {
	var refused *client.Error
	switch {
	case !errors.As(err, &refused):
		return err.Error()
	case refused.Code == "" && refused.Status == http.StatusBadGateway:
		return "502: the function failed"
	}
	return fmt.Sprintf("%d: %s", refused.Status, counts.ReplaceAllString(refused.Message, "(allowed: $1)"))
}

// counts are what a message about a limit counts: each refusal has another number.
var counts = regexp.MustCompile(`\(count: \d+, allowed: (\d+)\)`)

// loadOnce makes one call and says whether it found no container.
func (a *app) loadOnce(ctx context.Context, c *client.Client, name entityName) (cold bool, err error) {
	var record struct{ Annotations client.KeyValues }
	status, err := c.Do(ctx, client.Request{
		Method: http.MethodPost, Path: client.Path("namespaces", name.namespace, "actions", name.entity),
		Query: url.Values{"blocking": {"true"}, "result": {"false"}}, Body: object(a.params.parameters), Into: &record,
	})
	if err == nil && status == http.StatusAccepted {
		err = errors.New("202: the server did not wait for the result")
	}
	var init json.Number
	return err == nil && json.Unmarshal(record.Annotations.Get("initTime"), &init) == nil, err
}

func (r *loadReport) print(a *app, f loadFlags) {
	failed := r.calls - r.latencies.total
	fmt.Fprintf(a.Stdout, "%d calls by %d callers in %.1f s: %.1f/s, %d failed, %d cold\n",
		r.calls, f.callers, r.took.Seconds(), float64(r.calls)/r.took.Seconds(), failed, r.cold)
	if r.latencies.total > 0 {
		fmt.Fprintf(a.Stdout, "latency: min %s", milliseconds(r.latencies.min))
		for _, q := range []float64{50, 90, 95, 99, 99.9} {
			fmt.Fprintf(a.Stdout, ", P%v %s", q, milliseconds(r.latencies.quantile(q/100)))
		}
		fmt.Fprintf(a.Stdout, ", max %s\n", milliseconds(r.latencies.max))
		r.latencies.draw(a.Stdout)
	}
	said := make([]string, 0, len(r.failures))
	for text := range r.failures {
		said = append(said, text)
	}
	slices.Sort(said)
	for _, text := range said {
		fmt.Fprintf(a.Stderr, "%d failed: %s\n", r.failures[text], text)
	}
}
