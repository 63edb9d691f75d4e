package pool_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"quirl/internal/storytest"
	"quirl/invoker/pool"
)

// TestStories replays testdata/*.txt: after each event line, the commands that
// the pool gives, indented. "#" starts a comment. The first line configures:
//
//	config memory=512 queue=10 starting=2 pause=10s keep=10m stem=nodejs:20/256/1
//	       ahead=20m until=25m stems=256 learn=true reactive=0/4/2m/1/1
//	2s arrive j1 guest/a[@revision] nodejs:20 256 [concurrency]
//	started 1 · failed 1 · finished 1 · spoilt 1 · returned 1 j1 … · died 1 · removed 1 · tick · drain
//
// A time in front moves the clock on. "ahead" and "until" are of the first container
// of an action; "reactive" are minimum, maximum, TTL, threshold and increment of the
// stem cells before it; "stats", "counters", "view" and "next" print what the pool tells.
func TestStories(t *testing.T) { storytest.Run(t, replay) }

func replay(t *testing.T, story string) string {
	t.Helper()
	var out strings.Builder
	var p *pool.Pool
	now := time.UnixMilli(0)
	jobs := map[string]pool.Job{}
	lines := bufio.NewScanner(strings.NewReader(story))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "    ") {
			continue
		}
		fmt.Fprintln(&out, line)
		fields := strings.Fields(strings.SplitN(line, "#", 2)[0])
		if len(fields) == 0 {
			continue
		}
		if d, err := time.ParseDuration(fields[0]); err == nil {
			now = now.Add(d)
			fields = fields[1:]
		}
		if fields[0] == "config" {
			p = pool.New(parseConfig(t, fields[1:]))
			continue
		}
		if tells, ok := told(p, fields[0], now); ok {
			fmt.Fprint(&out, tells)
			continue
		}
		for _, c := range p.Step(parseEvent(t, fields, jobs), now) {
			fmt.Fprintln(&out, "    "+format(c))
		}
	}
	return out.String()
}

// told is what the pool tells when it is asked.
func told(p *pool.Pool, what string, now time.Time) (string, bool) {
	switch what {
	case "stats":
		return fmt.Sprintf("    %+v\n", p.Stats()), true
	case "next":
		if p.Next().IsZero() {
			return "    never\n", true
		}
		return fmt.Sprintf("    in %v\n", p.Next().Sub(now)), true
	case "counters", "view":
		var v any = p.Counters()
		if what == "view" {
			v = p.View(now)
		}
		text, err := json.MarshalIndent(v, "    ", "  ")
		if err != nil {
			return err.Error(), true
		}
		return "    " + string(text) + "\n", true
	}
	return "", false
}

// A plan is the policy that has one for all, of which Ahead and Until are for the
// first container of an action alone.
type plan pool.Plan

func (plan) Busy(pool.Action, int, time.Time) {}

func (p plan) Idle(_ pool.Action, rank, _ int, _ time.Time) pool.Plan {
	if rank > 1 {
		p.Ahead, p.Until = 0, 0
	}
	return pool.Plan(p)
}

func parseConfig(t *testing.T, fields []string) pool.Config {
	t.Helper()
	cfg := pool.Config{Queue: 100, Starting: 10}
	var times plan
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "memory":
			cfg.Memory = number(t, value)
		case "queue":
			cfg.Queue = number(t, value)
		case "starting":
			cfg.Starting = number(t, value)
		case "pause":
			times.Pause = duration(t, value)
		case "keep":
			times.Keep = duration(t, value)
		case "stem":
			parts := strings.Split(value, "/")
			cfg.Stems = append(cfg.Stems, pool.Stem{Kind: parts[0], Memory: number(t, parts[1]), Count: number(t, parts[2])})
		case "ahead":
			times.Ahead = duration(t, value)
		case "until":
			times.Until = duration(t, value)
		case "stems":
			cfg.StemMemory = number(t, value)
		case "learn":
			cfg.LearnStems = value == "true"
		case "reactive":
			cfg.Stems[len(cfg.Stems)-1].Reactive = parseReactive(t, strings.Split(value, "/"))
		default:
			t.Fatalf("unknown configuration %q", f)
		}
	}
	cfg.Policy, cfg.StemAge = times, times.Keep
	return cfg
}

func parseReactive(t *testing.T, parts []string) *pool.Reactive {
	t.Helper()
	return &pool.Reactive{
		MinCount: number(t, parts[0]), MaxCount: number(t, parts[1]), TTL: duration(t, parts[2]),
		Threshold: number(t, parts[3]), Increment: number(t, parts[4]),
	}
}

func parseEvent(t *testing.T, f []string, jobs map[string]pool.Job) pool.Event {
	t.Helper()
	container := func() int { return number(t, f[1]) }
	switch f[0] {
	case "arrive":
		ns, action, _ := strings.Cut(f[2], "/")
		action, revision, updated := strings.Cut(action, "@")
		if !updated {
			revision = "1"
		}
		j := pool.Job{ID: f[1], Key: pool.Key{Namespace: ns, Action: ns + "/" + action, Revision: revision}, Kind: f[3], Memory: number(t, f[4]), Concurrency: 1}
		if len(f) > 5 {
			j.Concurrency = number(t, f[5])
		}
		jobs[j.ID] = j
		return pool.Arrived{Job: j}
	case "started":
		return pool.Started{Container: container()}
	case "failed":
		return pool.StartFailed{Container: container(), Err: fmt.Errorf("no room on the disk")}
	case "finished":
		return pool.Finished{Container: container(), Keep: true}
	case "spoilt":
		return pool.Finished{Container: container()}
	case "returned":
		return pool.Returned{Container: container(), Job: jobs[f[2]]}
	case "died":
		return pool.Died{Container: container()}
	case "removed":
		return pool.Removed{Container: container()}
	case "withdraw":
		return pool.Withdrawn{Job: jobs[f[1]]}
	case "tick":
		return pool.Tick{}
	case "drain":
		return pool.Drain{}
	}
	t.Fatalf("unknown event %q", f)
	return nil
}

func format(c pool.Command) string {
	switch c := c.(type) {
	case pool.Create:
		who := "as stem cell"
		if c.For != (pool.Key{}) {
			who = "for " + c.For.Action
		}
		if c.Expecting != (pool.Action{}) {
			who += " for the next call of " + c.Expecting.Name
		}
		return fmt.Sprintf("create %d %s %d MB %s", c.Container, c.Kind, c.Memory, who)
	case pool.Run:
		text := fmt.Sprintf("run %s in %d, %s", c.Job.ID, c.Container, c.Start)
		if c.Init {
			text += ", init: " + c.Reason.String()
		}
		if c.Resume {
			text += ", resume"
		}
		return text
	case pool.Pause:
		return fmt.Sprintf("pause %d", c.Container)
	case pool.Remove:
		return fmt.Sprintf("remove %d: %s", c.Container, c.Why)
	case pool.Fail:
		return fmt.Sprintf("fail %s: %v", c.Job.ID, c.Err)
	case pool.Refuse:
		return "refuse " + c.Job.ID
	case pool.HandBack:
		return "hand back " + c.Job.ID
	}
	return fmt.Sprintf("%T", c)
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
