package upkeep

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	for _, c := range []struct {
		name string
		step time.Duration // of the clock, within a minute
		want string
	}{
		{"nothing", 0, ""},
		{"a small correction", -3 * time.Second, ""},
		{"an hour back", -time.Hour, "the clock was set back"},
		{"an hour forward", time.Hour, "the clock was set forward"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			wall, passed := time.Date(2026, 3, 29, 2, 0, 0, 0, time.UTC), time.Duration(0)
			clock := &Clock{
				Log:  slog.New(slog.NewTextHandler(&log, nil)),
				Wall: func() time.Time { return wall }, Passed: func() time.Duration { return passed },
			}
			pass := func(step time.Duration) {
				passed += time.Minute
				wall = wall.Add(time.Minute + step)
				clock.look()
			}
			for range 3 {
				pass(0)
			}
			pass(c.step)
			pass(0)
			said := log.String()
			if c.want == "" && said != "" || !strings.Contains(said, c.want) || strings.Count(said, "\n") > 1 {
				t.Errorf("it says %q, want %q once", said, c.want)
			}
			if c.want != "" && !strings.Contains(said, "by=1h0m0s") {
				t.Errorf("it says %q, want by how much", said)
			}
		})
	}
}
