package admin

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quirl/store"
	"quirl/whisk"
)

// Usage is what a namespace used, as far as there are records of it.
type Usage struct {
	Namespace string `json:"namespace"`
	Day       string `json:"day,omitempty"` // UTC, such as 2026-11-27; empty when days are not told apart
	// Invocations are calls of functions, and of sequences and compositions as such; Failed are those of
	// them that did not succeed, and Cold those that waited for a container.
	Invocations int `json:"invocations"`
	Failed      int `json:"failed"`
	Cold        int `json:"cold"`
	// Seconds are those of functions; MemorySeconds are seconds times the MB that they may have.
	Seconds       float64 `json:"seconds"`
	MemorySeconds float64 `json:"memoryMBSeconds"`
	// Bytes are those of results and logs.
	Bytes int64 `json:"bytes"`
}

// usageColumns are the names of the columns of tables and CSV.
var usageColumns = []string{"namespace", "day", "invocations", "failed", "cold", "seconds", "memoryMBSeconds", "bytes"}

func (u Usage) columns() []string {
	return []string{
		u.Namespace, u.Day, strconv.Itoa(u.Invocations), strconv.Itoa(u.Failed), strconv.Itoa(u.Cold),
		strconv.FormatFloat(u.Seconds, 'f', 3, 64), strconv.FormatFloat(u.MemorySeconds, 'f', 1, 64), strconv.FormatInt(u.Bytes, 10),
	}
}

// UsageOf adds up the records that started from since on and before until; zero times are no bounds.
func UsageOf(ctx context.Context, w store.Walker, since, until time.Time, byDay bool) ([]Usage, error) {
	type key struct{ namespace, day string }
	sums := map[key]*Usage{}
	err := w.WalkActivations(ctx, "", func(a *whisk.Activation) error {
		if a.Start.Before(since) || !until.IsZero() && !a.Start.Before(until) {
			return nil
		}
		k := key{namespace: a.Namespace}
		if byDay {
			k.day = a.Start.UTC().Format(time.DateOnly)
		}
		u := sums[k]
		if u == nil {
			u = &Usage{Namespace: k.namespace, Day: k.day}
			sums[k] = u
		}
		u.add(a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]Usage, 0, len(sums))
	for _, u := range sums {
		list = append(list, *u)
	}
	slices.SortFunc(list, func(a, b Usage) int { return strings.Compare(a.Namespace+"\x00"+a.Day, b.Namespace+"\x00"+b.Day) })
	return list, nil
}

// add adds one record. Triggers and rules are no invocations.
func (u *Usage) add(a *whisk.Activation) {
	kind := textOf(a.Annotations, "kind")
	if kind == "" {
		return
	}
	u.Invocations++
	if a.Response.Status != whisk.Success {
		u.Failed++
	}
	u.Bytes += int64(len(a.Response.Result))
	for _, line := range a.Logs {
		u.Bytes += int64(len(line)) + 1
	}
	if kind == "sequence" || string(a.Annotations.Get("conductor")) == "true" { // whose parts have records of their own
		return
	}
	if a.Annotations.Get("initTime") != nil {
		u.Cold++
	}
	seconds := float64(a.Duration) / 1000
	u.Seconds += seconds
	var limits struct{ Memory float64 }
	if json.Unmarshal(a.Annotations.Get("limits"), &limits) == nil {
		u.MemorySeconds += seconds * limits.Memory
	}
}

func textOf(p whisk.Parameters, name string) string {
	var text string
	_ = json.Unmarshal(p.Get(name), &text) // what is no text is none
	return text
}

func (a *admin) usageCommand() *cobra.Command {
	var since, until, output string
	var byDay bool
	cmd := &cobra.Command{Use: "usage [NAMESPACE]", Short: "add up what namespaces used, by their records"}
	cmd.Flags().StringVar(&since, "since", "", "from this `TIME` on: 2026-11-27, 2026-11-27T10:00:00Z, or 24h for so long ago")
	cmd.Flags().StringVar(&until, "until", "", "before this `TIME`, likewise")
	cmd.Flags().BoolVar(&byDay, "by-day", false, "for each day (UTC) apart")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or csv")
	cmd.RunE = a.with(0, 1, "A namespace is the only valid argument.", func(ctx context.Context, s store.Store, args []string) error {
		var bounds [2]time.Time
		var err error
		for i, text := range []string{since, until} {
			if bounds[i], err = parseTime(text, time.Now()); err != nil {
				return err
			}
		}
		list, err := UsageOf(ctx, s, bounds[0], bounds[1], byDay)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			list = slices.DeleteFunc(list, func(u Usage) bool { return u.Namespace != args[0] })
		}
		return a.printUsage(list, output)
	})
	return cmd
}

// parseTime reads a point in time; an empty text is none.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misused("%q is no time: write 2026-11-27, 2026-11-27T10:00:00Z or 24h", text)
}

func (a *admin) printUsage(list []Usage, output string) error {
	switch output {
	case "json":
		return a.printJSON(list)
	case "csv":
		w := csv.NewWriter(a.Out)
		rows := [][]string{usageColumns}
		for _, u := range list {
			rows = append(rows, u.columns())
		}
		return w.WriteAll(rows)
	case "table":
		w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, strings.Join(usageColumns, "\t")+"\t")
		for _, u := range list {
			fmt.Fprintln(w, strings.Join(u.columns(), "\t")+"\t")
		}
		return w.Flush()
	}
	return misused("the output %q is none of table, json and csv", output)
}
