package policy_test

import (
	"bufio"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quirl/internal/storytest"
	"quirl/invoker/policy"
	"quirl/invoker/pool"
)

// TestStories replays testdata/*.txt: below each line with calls, the plan for
// each container that was in use, indented. "#" starts a comment.
//
//	config keep=10m pause=10s actions=100      the fixed policy, and bounds of the learned one
//	a 10 calls every 30m lasting 2s with 256 MB, 3 together
//	3h pass
//
// The words after "every" may be left out: a call lasts a second, alone, with 256 MB.
func TestStories(t *testing.T) { storytest.Run(t, replay) }

func replay(t *testing.T, story string) string {
	t.Helper()
	var out strings.Builder
	p := &player{T: t, now: time.UnixMilli(0)}
	for lines := bufio.NewScanner(strings.NewReader(story)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "    ") {
			continue
		}
		fmt.Fprintln(&out, line)
		words := strings.FieldsFunc(strings.SplitN(line, "#", 2)[0], func(r rune) bool { return r == ' ' || r == ',' })
		switch {
		case len(words) == 0:
		case words[0] == "config":
			p.config(words[1:])
		case words[1] == "pass":
			p.now = p.now.Add(p.duration(words[0]))
		default:
			for i, plan := range p.calls(words) {
				fmt.Fprintf(&out, "    %d: %s\n", i+1, tell(plan))
			}
		}
	}
	return out.String()
}

// A player plays a story.
type player struct {
	*testing.T
	policy pool.Policy
	now    time.Time
}

func (p *player) config(words []string) {
	fixed := policy.Fixed{PauseAfter: 10 * time.Second, KeepAlive: 10 * time.Minute}
	actions := 0
	for _, w := range words {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "keep":
			fixed.KeepAlive = p.duration(value)
		case "pause":
			fixed.PauseAfter = p.duration(value)
		case "actions":
			actions = p.number(value)
		default:
			p.Fatalf("unknown configuration %q", w)
		}
	}
	cfg := policy.Default(fixed)
	if actions > 0 {
		cfg.Actions = actions
	}
	p.policy = policy.NewLearned(cfg)
}

// calls makes the calls and returns the last plan of each rank.
func (p *player) calls(words []string) []pool.Plan {
	after := func(word, otherwise string) string {
		if i := slices.Index(words, word); i >= 0 {
			return words[i+1]
		}
		return otherwise
	}
	before := func(word, otherwise string) string {
		if i := slices.Index(words, word); i >= 0 {
			return words[i-1]
		}
		return otherwise
	}
	a := pool.Action{Namespace: "guest", Name: words[0]}
	every, lasts := p.duration(after("every", "0s")), p.duration(after("lasting", "1s"))
	memory := p.number(after("with", "256"))
	plans := make([]pool.Plan, p.number(before("together", "1")))
	for range p.number(words[1]) {
		for i := range plans {
			p.policy.Busy(a, i+1, p.now)
		}
		p.now = p.now.Add(lasts)
		for i := len(plans) - 1; i >= 0; i-- {
			plans[i] = p.policy.Idle(a, i+1, memory, p.now)
		}
		p.now = p.now.Add(every - lasts)
	}
	return plans
}

func tell(p pool.Plan) string {
	pause := "never pause"
	if p.Pause > 0 {
		pause = fmt.Sprint("pause after ", p.Pause)
	}
	text := fmt.Sprint(pause, ", keep for ", p.Keep.Round(time.Second))
	if p.Ahead > 0 {
		text += fmt.Sprint(", have one ready from ", p.Ahead.Round(time.Second), " to ", p.Until.Round(time.Second))
	}
	return text
}

func (p *player) duration(s string) time.Duration {
	p.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		p.Fatal(err)
	}
	return d
}

func (p *player) number(s string) int {
	p.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		p.Fatal(err)
	}
	return n
}
