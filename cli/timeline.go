package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"quirl/client"
)

// A phase is a part of an activation's time.
type phase struct {
	what string
	took time.Duration
}

// phasesOf are what a record says of where the time went: in microseconds in the
// annotation timeline of this platform, else in the milliseconds of OpenWhisk's.
func phasesOf(record client.Activation) []phase {
	var fine struct{ Admission, Queue, Container, Init, Run int64 }
	if raw := record.Annotations.Get("timeline"); raw != nil && json.Unmarshal(raw, &fine) == nil {
		return []phase{
			{"admission", time.Duration(fine.Admission) * time.Microsecond},
			{"queue", time.Duration(fine.Queue) * time.Microsecond},
			{"container", time.Duration(fine.Container) * time.Microsecond},
			{"init", time.Duration(fine.Init) * time.Microsecond},
			{"run", time.Duration(fine.Run) * time.Microsecond},
		}
	}
	note := func(key string) time.Duration {
		var n int64
		if json.Unmarshal(record.Annotations.Get(key), &n) != nil {
			return 0
		}
		return time.Duration(n) * time.Millisecond
	}
	wait, init := note("waitTime"), note("initTime")
	return []phase{{"wait", wait}, {"init", init}, {"run", max(0, time.Duration(record.Duration)*time.Millisecond-init)}}
}

// drawTimeline draws the phases one below the other, each where it was in the whole.
func drawTimeline(w io.Writer, record client.Activation) {
	phases := phasesOf(record)
	var all time.Duration
	for _, p := range phases {
		all += p.took
	}
	start := "warm"
	var cold struct{ Reason, Start string }
	switch {
	case json.Unmarshal(record.Annotations.Get("coldStart"), &cold) == nil && cold.Reason != "":
		start = cold.Start + ": " + cold.Reason
	case record.Annotations.Get("initTime") != nil:
		start = "cold"
	}
	fmt.Fprintf(w, "activation %s of /%s/%s, %s, %s, %s\n", record.ActivationID, record.Namespace, record.Name, record.Response.Status, start, milliseconds(all))
	const width = 60
	var before time.Duration
	for _, p := range phases {
		if p.took == 0 {
			continue
		}
		from, to := int(before*width/all), int((before+p.took)*width/all)
		bar := strings.Repeat(" ", min(from, width-1)) + strings.Repeat("#", max(1, to-from))
		fmt.Fprintf(w, "  %-10s %10s  |%-*s|\n", p.what, milliseconds(p.took), width, bar)
		before += p.took
	}
}
