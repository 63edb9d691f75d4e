package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"quirl/client"
)

const idRequired = "An activation ID is required."

func (a *app) activationCommand() *cobra.Command {
	cmd := noun("activation", "work with activations")
	cmd.AddCommand(a.activationList(), a.activationGet(), a.activationLogs(), a.activationResult(), a.activationPoll())
	return cmd
}

func (a *app) activationList() *cobra.Command {
	var l listFlags
	var since, upto int64
	var full bool
	cmd := &cobra.Command{Use: "list [NAMESPACE or NAME]", Short: "list activations"}
	cmd.Flags().IntVarP(&l.skip, "skip", "s", 0, "exclude the first `SKIP` number of activations from the result")
	cmd.Flags().IntVarP(&l.limit, "limit", "l", 30, "only return `LIMIT` number of activations from the collection with a maximum LIMIT of 200 activations")
	cmd.Flags().Int64Var(&since, "since", 0, "return activations with timestamps later than `SINCE`; measured in milliseconds since Th, 01, Jan 1970")
	cmd.Flags().Int64Var(&upto, "upto", 0, "return activations with timestamps earlier than `UPTO`; measured in milliseconds since Th, 01, Jan 1970")
	cmd.Flags().BoolVarP(&full, "full", "f", false, "include full activation description")
	cmd.RunE = a.run(0, 1, "An optional namespace is the only valid argument.", func(ctx context.Context, c *client.Client, args []string) error {
		query := l.query()
		if err := a.filterActivations(query, args); err != nil {
			return err
		}
		if since != 0 {
			query.Set("since", strconv.FormatInt(since, 10))
		}
		if upto != 0 {
			query.Set("upto", strconv.FormatInt(upto, 10))
		}
		if full {
			query.Set("docs", "true")
		}
		var list []client.Activation
		if _, err := c.Do(ctx, client.Request{Path: "namespaces/_/activations", Query: query, Into: &list}); err != nil {
			return fmt.Errorf("Unable to obtain the list of activations for namespace '_': %w", err)
		}
		if !full || a.structured() {
			return a.list(list, func() { a.printActivations(list) })
		}
		fmt.Fprintln(a.Stdout, "activations")
		for _, record := range list {
			if err := printJSON(a.Stdout, record); err != nil {
				return err
			}
		}
		return nil
	})
	return cmd
}

func (a *app) filterActivations(query url.Values, args []string) error {
	if len(args) == 0 {
		return nil
	}
	name, err := a.parseName(args[0])
	if err == nil && name.entity != "" {
		query.Set("name", name.entity)
	}
	return err
}

var statusNames = []string{"success", "application error", "developer error", "internal error"}

func (a *app) printActivations(list []client.Activation) {
	if len(list) == 0 {
		fmt.Fprintln(a.Stdout)
		return
	}
	kinds := make([]string, len(list))
	width, durationWidth := len("Kind"), 10
	for i, r := range list {
		if json.Unmarshal(r.Annotations.Get("kind"), &kinds[i]) != nil || kinds[i] == "" {
			kinds[i] = "unknown"
		}
		width = max(width, len(kinds[i]))
		durationWidth = max(durationWidth, len(durationOf(r)))
	}
	row := fmt.Sprintf("%%-19s %%-32s %%-%ds %%-5s %%-%ds %%-17s %%s\n", width, durationWidth)
	fmt.Fprintf(a.Stdout, row, "Datetime", "Activation ID", "Kind", "Start", "Duration", "Status", "Entity")
	for i, r := range list {
		start := "warm"
		if r.Annotations.Get("initTime") != nil {
			start = "cold"
		}
		status := "unknown"
		if r.StatusCode >= 0 && r.StatusCode < len(statusNames) {
			status = statusNames[r.StatusCode]
		}
		entity := shorten(r.Namespace, 20) + "/" + shorten(r.Name, 30) + ":" + r.Version
		fmt.Fprintf(a.Stdout, row, time.UnixMilli(r.Start).Format("2006-01-02 15:04:05"), r.ActivationID, kinds[i], start, durationOf(r), status, entity)
	}
}

func durationOf(r client.Activation) string {
	return (time.Duration(r.Duration) * time.Millisecond).String()
}

// shorten cuts the middle out of a long name.
func shorten(name string, most int) string {
	if len(name) <= most {
		return name
	}
	half := (most - 3) / 2
	return name[:most-3-half] + "..." + name[len(name)-half:]
}

// lastFlag is --last: the newest activation instead of an id.
func lastFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().BoolP("last", "l", false, "retrieves the last activation")
}

// pickActivation returns the id given, or the last one's, and the other arguments.
func (a *app) pickActivation(ctx context.Context, c *client.Client, args []string, last bool) (string, []string, error) {
	if !last {
		if err := argumentError(args, 1, 2, idRequired); err != nil {
			return "", nil, err
		}
		return args[0], args[1:], nil
	}
	var list []client.Activation
	if _, err := c.Do(ctx, client.Request{Path: "namespaces/_/activations", Query: url.Values{"limit": {"1"}, "skip": {"0"}}, Into: &list}); err != nil {
		return "", nil, err
	}
	if len(list) == 0 {
		return "", nil, &exitError{code: exitGeneral, err: errors.New("Activation list does not contain any activations.")}
	}
	return list[0].ActivationID, args, nil
}

func (a *app) activationGet() *cobra.Command {
	cmd := &cobra.Command{Use: "get (ACTIVATION_ID | --last) [FIELD_FILTER]", Short: "get activation"}
	last := lastFlag(cmd)
	summary := cmd.Flags().BoolP("summary", "s", false, "summarize activation details")
	logs := cmd.Flags().BoolP("logs", "g", false, "emit only the logs, stripped of time stamps and stream identifier")
	timeline := new(bool)
	if !a.isWsk() {
		cmd.Flags().BoolVar(timeline, "timeline", false, "draw where the time went")
	}
	cmd.RunE = a.run(0, 2, idRequired, func(ctx context.Context, c *client.Client, args []string) error {
		if *last {
			if err := argumentError(args, 0, 1, idRequired); err != nil {
				return err
			}
		}
		id, rest, err := a.pickActivation(ctx, c, args, *last)
		if err != nil {
			return err
		}
		if len(rest) == 1 && !hasField(client.Activation{}, rest[0]) {
			return usageError("Invalid field filter '%s'.", rest[0])
		}
		var record client.Activation
		if _, err := c.Do(ctx, client.Request{Path: client.Path("namespaces", "_", "activations", id), Into: &record}); err != nil {
			return fmt.Errorf("Unable to get activation '%s': %w", id, err)
		}
		switch {
		case *timeline:
			drawTimeline(a.Stdout, record)
			return nil
		case *logs:
			a.printLogs(record.Logs, true)
			return nil
		case *summary:
			fmt.Fprintf(a.Stdout, "activation result for '/%s/%s' (%s at %s)\n", record.Namespace, record.Name, record.Response.Status,
				time.UnixMilli(record.End).Format("2006-01-02 15:04:05 -0700 MST"))
			return a.value(record.Response.Result)
		}
		return a.got("activation", id, rest, record)
	})
	return cmd
}

func (a *app) activationLogs() *cobra.Command {
	cmd := &cobra.Command{Use: "logs (ACTIVATION_ID | --last)", Short: "get the logs of an activation"}
	last := lastFlag(cmd)
	strip := cmd.Flags().BoolP("strip", "r", false, "strip timestamp and stream information")
	follow := new(bool)
	if !a.isWsk() {
		cmd.Flags().BoolVarP(follow, "follow", "f", false, "show the lines while the activation runs, until it ends")
	}
	cmd.RunE = a.run(0, 1, idRequired, func(ctx context.Context, c *client.Client, args []string) error {
		if *last {
			if err := argumentError(args, 0, 0, idRequired); err != nil {
				return err
			}
		}
		id, _, err := a.pickActivation(ctx, c, args, *last)
		if err != nil {
			return err
		}
		if *follow {
			if err := a.follow(ctx, c, id, a.Stdout, *strip); err != nil {
				return fmt.Errorf("Unable to get logs for activation '%s': %w", id, err)
			}
			return nil
		}
		var answer struct {
			Logs []string `json:"logs"`
		}
		if _, err := c.Do(ctx, client.Request{Path: client.Path("namespaces", "_", "activations", id, "logs"), Into: &answer}); err != nil {
			return fmt.Errorf("Unable to get logs for activation '%s': %w", id, err)
		}
		return a.list(answer.Logs, func() { a.printLogs(answer.Logs, *strip) })
	})
	return cmd
}

var logPrefix = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z *(stdout:|stderr:)? ?(.*)$`)

func (a *app) printLogs(lines []string, strip bool) {
	for _, line := range lines {
		if strip {
			line = stripped(line)
		}
		fmt.Fprintln(a.Stdout, line)
	}
}

// stripped is a line of a log without its time and stream.
func stripped(line string) string {
	if m := logPrefix.FindStringSubmatch(line); m != nil {
		return m[2]
	}
	return line
}

func (a *app) activationResult() *cobra.Command {
	cmd := &cobra.Command{Use: "result (ACTIVATION_ID | --last)", Short: "get the result of an activation"}
	last := lastFlag(cmd)
	cmd.RunE = a.run(0, 1, idRequired, func(ctx context.Context, c *client.Client, args []string) error {
		if *last {
			if err := argumentError(args, 0, 0, idRequired); err != nil {
				return err
			}
		}
		id, _, err := a.pickActivation(ctx, c, args, *last)
		if err != nil {
			return err
		}
		var answer client.Response
		if _, err := c.Do(ctx, client.Request{Path: client.Path("namespaces", "_", "activations", id, "result"), Into: &answer}); err != nil {
			return fmt.Errorf("Unable to get result for activation '%s': %w", id, err)
		}
		return a.value(answer.Result)
	})
	return cmd
}

// pollEvery is how often poll asks.
const pollEvery = 2 * time.Second

func (a *app) activationPoll() *cobra.Command {
	var exitAfter, days, hours, minutes, seconds int
	cmd := &cobra.Command{Use: "poll [ NAMESPACE | ACTION_NAME ]", Short: "poll continuously for log messages from currently running actions"}
	f := cmd.Flags()
	f.IntVarP(&exitAfter, "exit", "e", 0, "stop polling after `SECONDS` seconds")
	f.IntVar(&seconds, "since-seconds", 0, "start polling for activations `SECONDS` seconds ago")
	f.IntVar(&minutes, "since-minutes", 0, "start polling for activations `MINUTES` minutes ago")
	f.IntVar(&hours, "since-hours", 0, "start polling for activations `HOURS` hours ago")
	f.IntVar(&days, "since-days", 0, "start polling for activations `DAYS` days ago")
	cmd.RunE = a.run(0, 1, "An optional namespace is the only valid argument.", func(ctx context.Context, c *client.Client, args []string) error {
		query := url.Values{"docs": {"true"}, "limit": {"0"}, "skip": {"0"}}
		if err := a.filterActivations(query, args); err != nil {
			return err
		}
		back := time.Duration(days)*24*time.Hour + time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second
		if exitAfter > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(exitAfter)*time.Second)
			defer cancel()
		}
		return a.poll(ctx, c, query, back)
	})
	return cmd
}

func (a *app) poll(ctx context.Context, c *client.Client, query url.Values, back time.Duration) error {
	fmt.Fprintf(a.Stdout, "Enter Ctrl-c to exit.\nPolling for activation logs\n")
	p := poller{seen: map[string]int64{}, since: time.Now().Add(-back).UnixMilli()}
	if back == 0 {
		if err := p.startAfterLast(ctx, c); err != nil {
			return err
		}
	}
	err := errNoStream
	if !a.isWsk() {
		err = p.stream(ctx, c, query, a.printActivation)
	}
	if errors.Is(err, errNoStream) {
		err = p.ask(ctx, c, query, a.printActivation)
	}
	switch {
	case ctx.Err() == nil:
		return err
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil
	}
	fmt.Fprintln(a.Stdout, "Poll terminated")
	return &exitError{code: exitGeneral, err: ctx.Err(), quiet: true}
}

func (a *app) printActivation(r client.Activation) error {
	fmt.Fprintf(a.Stdout, "\nActivation: '%s' (%s)\n", r.Name, r.ActivationID)
	return printJSON(a.Stdout, r.Logs)
}

// A poller remembers what it has shown.
type poller struct {
	since int64            // epoch ms
	seen  map[string]int64 // the starts of activations, by their ids
}

// mostSeen bounds what is remembered: older activations than overlap do not come again.
const mostSeen = 10_000

// isNew says whether an activation was not shown yet, and remembers it.
func (p *poller) isNew(r client.Activation) bool {
	if _, shown := p.seen[r.ActivationID]; shown {
		return false
	}
	if len(p.seen) >= mostSeen {
		maps.DeleteFunc(p.seen, func(_ string, start int64) bool { return start < r.Start-overlap.Milliseconds() })
	}
	p.seen[r.ActivationID] = r.Start
	return true
}

// ask shows what is new every pollEvery, until ctx ends.
func (p *poller) ask(ctx context.Context, c *client.Client, query url.Values, show func(client.Activation) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		fresh, err := p.fetch(ctx, c, query)
		if err != nil {
			return err
		}
		for _, r := range fresh {
			if err := show(r); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errNoStream says that the server has no streams of events, as OpenWhisk's.
var errNoStream = errors.New("the server has no streams of activations")

// overlap is how much older than what was shown last an activation may be that ended only
// after it: actions run for minutes.
const overlap = 15 * time.Minute

// stream shows what ends as it ends, until ctx ends. A stream that is cut off is taken up again.
func (p *poller) stream(ctx context.Context, c *client.Client, query url.Values, show func(client.Activation) error) error {
	query = url.Values{"docs": {"true"}, "name": query["name"]}
	first := p.since
	for since := first; ; since = max(first, p.since-overlap.Milliseconds()) {
		query.Set("since", strconv.FormatInt(since, 10))
		err := c.Stream(ctx, client.Request{Path: "namespaces/_/activations", Query: query}, func(e client.Event) (bool, error) {
			if e.Type != "activation" {
				return false, client.ErrEnded // we are behind: what was left out is in the next stream
			}
			var r client.Activation
			if err := json.Unmarshal([]byte(e.Data), &r); err != nil {
				return false, fmt.Errorf("%w: %w", client.ErrMalformed, err)
			}
			p.since = max(p.since, r.Start)
			if !p.isNew(r) {
				return true, nil
			}
			return true, show(r)
		})
		switch {
		case errors.Is(err, client.ErrMalformed):
			return errNoStream
		case !errors.Is(err, client.ErrEnded) || ctx.Err() != nil:
			return err
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startAfterLast passes over what is there already.
func (p *poller) startAfterLast(ctx context.Context, c *client.Client) error {
	var list []client.Activation
	_, err := c.Do(ctx, client.Request{Path: "namespaces/_/activations", Query: url.Values{"limit": {"1"}, "skip": {"0"}}, Into: &list})
	if err != nil {
		return err
	}
	for _, r := range list {
		p.since, p.seen[r.ActivationID] = r.Start, r.Start
	}
	return nil
}

func (p *poller) fetch(ctx context.Context, c *client.Client, query url.Values) ([]client.Activation, error) {
	query.Set("since", strconv.FormatInt(p.since, 10))
	var list, fresh []client.Activation
	if _, err := c.Do(ctx, client.Request{Path: "namespaces/_/activations", Query: query, Into: &list}); err != nil {
		return nil, err
	}
	slices.Reverse(list)
	for _, r := range list {
		if p.isNew(r) {
			fresh = append(fresh, r)
		}
	}
	return fresh, nil
}
