package main

import (
	"fmt"
	"strings"
	"time"
)

// published are figures of others: as they were published, and of OpenWhisk
// standalone with Docker on a machine of our kind. Times are in ms; an empty
// figure is one that nobody gives.
var published = []struct {
	what, row                string // row begins the name of ours
	openwhisk, here, fission string
}{
	{"cold start, P50 / P99", "cold start, no stem cell, Node", "720 / 1017", "765 / –", "110 / –"},
	{"cold start with a stem cell, P50 / P99", "cold start with a stem cell, Node", "", "99 / –", ""},
	{"warm call, P50 / P99", "warm call through the platform", "7 / 36", "5 to 7 / –", "4.4 / –"},
	{"calls per second, 8 callers", "throughput, ", "", "230/s", ""},
	{"memory when idle", "memory of idle ", "", "386 MB", ""},
}

// comparison puts our rows beside them; rows that were not measured are left out.
func comparison(rows []row) string {
	var b strings.Builder
	for _, p := range published {
		for _, r := range rows {
			if strings.HasPrefix(r.what, p.row) {
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", p.what, r.short(), p.openwhisk, p.here, p.fission)
				break
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n| beside others | quirl, in this run | OpenWhisk, published | OpenWhisk on such a machine | Fission, published |\n|---|---|---|---|---|\n" + b.String()
}

// short is a row's figure as a comparison has it.
func (r row) short() string {
	if len(r.stats) > 0 {
		return fmt.Sprintf("%.1f / %.1f", inMS(percentile(r.stats, 50)), inMS(percentile(r.stats, 99)))
	}
	return r.text
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
