package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quirl/client"
)

// invokerCommand is for operators: those on the server's machine, and those who
// give the server's operator-key with --auth. wsk has nothing like it.
func (a *app) invokerCommand() *cobra.Command {
	cmd := noun("invoker", "see what runs functions (for operators)")
	cmd.AddCommand(a.invokerList(), a.invokerPool())
	return cmd
}

// operator makes a command that asks for a document below the host.
func (a *app) operator(cmd *cobra.Command, high int, required string, path func(args []string) (string, error), show func(raw json.RawMessage) error) *cobra.Command {
	plain := cmd.Flags().Bool("json", false, "print what the server answers, as JSON")
	cmd.RunE = a.run(0, high, required, func(ctx context.Context, c *client.Client, args []string) error {
		p, err := path(args)
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if _, err := c.Do(ctx, client.Request{Path: p, Outside: true, Into: &raw}); err != nil {
			return fmt.Errorf("Unable to get %s: %w", p, err)
		}
		if *plain || a.structured() {
			return a.value(raw)
		}
		return show(raw)
	})
	return cmd
}

func (a *app) invokerList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "list the invokers and their states"}
	path := func([]string) (string, error) { return "invokers", nil }
	return a.operator(cmd, 0, "No arguments are required.", path, func(raw json.RawMessage) error {
		var states map[string]string
		if err := json.Unmarshal(raw, &states); err != nil {
			return fmt.Errorf("%w: %w", client.ErrMalformed, err)
		}
		fmt.Fprintln(a.Stdout, "invokers")
		for _, name := range slices.Sorted(maps.Keys(states)) {
			fmt.Fprintf(a.Stdout, "%-70s %s\n", name, states[name])
		}
		return nil
	})
}

func (a *app) invokerPool() *cobra.Command {
	cmd := &cobra.Command{Use: "pool [NUMBER]", Short: "show the containers of an invoker, and what came of calls"}
	path := func(args []string) (string, error) {
		if len(args) == 0 {
			return "invokers/0/pool", nil
		}
		if n, err := strconv.Atoi(args[0]); err != nil || n < 0 {
			return "", usageError("An invoker's number is needed, not %q.", args[0])
		}
		return client.Path("invokers", args[0], "pool"), nil
	}
	return a.operator(cmd, 1, "An optional number is the only valid argument.", path, func(raw json.RawMessage) error {
		var p client.Pool
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("%w: %w", client.ErrMalformed, err)
		}
		return printPool(a.Stdout, p)
	})
}

// printPool prints the containers, then what the pool has counted.
func printPool(w io.Writer, p client.Pool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Container\tState\tKind\tMemory\tAge\tUnused\tServed\tStart\tReason\tAction")
	for _, c := range p.Containers {
		unused := "-"
		if c.State != "busy" {
			unused = age(p.Time, c.Used)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%d MB\t%s\t%s\t%d\t%s\t%s\t%s\n", c.ID, c.State, orDash(strings.TrimSpace(c.Kind+" "+c.Image)), c.Memory,
			age(p.Time, c.Made), unused, c.Served, orDash(c.Start), orDash(c.Reason), serves(c))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, j := range p.Waiting {
		fmt.Fprintf(w, "waiting: %d calls of %s\n", j.Jobs, j.Action)
	}
	printCounters(w, p)
	return nil
}

// serves is the action that a container has, or is made for.
func serves(c client.PoolContainer) string {
	if c.Expecting != "" {
		return "next call of " + c.Expecting
	}
	return orDash(c.Action)
}

func printCounters(w io.Writer, p client.Pool) {
	fmt.Fprintf(w, "memory: %d of %d MB in use, %d MB by stem cells (share %d MB)\n", p.Used, p.Memory, p.Stems, p.StemMemory)
	n := p.Counters
	fmt.Fprintf(w, "calls: %d warm, %d prewarmed, %d from another stem cell, %d cold\n", n.Warm, n.Prewarmed, n.Stem, n.Cold)
	var reasons []string
	for _, r := range slices.Sorted(maps.Keys(n.Reasons)) {
		if n.Reasons[r] > 0 {
			reasons = append(reasons, fmt.Sprintf("%s %d", r, n.Reasons[r]))
		}
	}
	fmt.Fprintf(w, "not warm because: %s\n", orDash(strings.Join(reasons, ", ")))
	fmt.Fprintf(w, "removed: %d for others, %d for want of use\n", n.Evictions, n.Expirations)
	fmt.Fprintf(w, "made ready ahead: %d used, %d taken by others, %d in vain, %d without room\n",
		n.PrewarmedUsed, n.PrewarmedTaken, n.PrewarmedUnused, n.PrewarmedNoRoom)
}

// age is a time between two moments, in the two largest units.
func age(now, then time.Time) string {
	d := max(0, now.Sub(then))
	switch {
	case d < time.Minute:
		return d.Truncate(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
