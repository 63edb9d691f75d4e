package pool_test

import (
	"bufio"
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
//	2s arrive j1 guest/a nodejs:20 256 [concurrency]
//	started 1 · failed 1 · finished 1 · spoilt 1 · returned 1 j1 … · died 1 · removed 1 · tick · drain
//
// A time in front moves the clock on.
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
		if fields[0] == "stats" {
			fmt.Fprintf(&out, "    %+v\n", p.Stats())
			continue
		}
		for _, c := range p.Step(parseEvent(t, fields, jobs), now) {
			fmt.Fprintln(&out, "    "+format(c))
		}
	}
	return out.String()
}

func parseConfig(t *testing.T, fields []string) pool.Config {
	t.Helper()
	cfg := pool.Config{Queue: 100, Starting: 10}
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
			cfg.PauseAfter = duration(t, value)
		case "keep":
			cfg.KeepAlive = duration(t, value)
		case "stem":
			parts := strings.Split(value, "/")
			cfg.Stems = append(cfg.Stems, pool.Stem{Kind: parts[0], Memory: number(t, parts[1]), Count: number(t, parts[2])})
		default:
			t.Fatalf("unknown configuration %q", f)
		}
	}
	return cfg
}

func parseEvent(t *testing.T, f []string, jobs map[string]pool.Job) pool.Event {
	t.Helper()
	container := func() int { return number(t, f[1]) }
	switch f[0] {
	case "arrive":
		ns, action, _ := strings.Cut(f[2], "/")
		j := pool.Job{ID: f[1], Key: pool.Key{Namespace: ns, Action: ns + "/" + action, Revision: "1"}, Kind: f[3], Memory: number(t, f[4]), Concurrency: 1}
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
		return fmt.Sprintf("create %d %s %d MB %s", c.Container, c.Kind, c.Memory, who)
	case pool.Run:
		text := fmt.Sprintf("run %s in %d, %s", c.Job.ID, c.Container, c.Start)
		if c.Init {
			text += ", init"
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
