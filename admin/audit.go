package admin

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quirl/store"
	"quirl/whisk"
)

// A watched store notes whether users or limits were changed through it.
type watched struct {
	store.Store
	changed bool
}

func (w *watched) Unwrap() store.Store { return w.Store }

// PutSubject is that of store.Subjects.
func (w *watched) PutSubject(ctx context.Context, s whisk.Subject) error {
	w.changed = true
	return w.Store.PutSubject(ctx, s)
}

// DeleteSubject is that of store.Subjects.
func (w *watched) DeleteSubject(ctx context.Context, name string) error {
	w.changed = true
	return w.Store.DeleteSubject(ctx, name)
}

// PutNamespaceLimits is that of store.Subjects.
func (w *watched) PutNamespaceLimits(ctx context.Context, namespace string, l whisk.NamespaceLimits) error {
	w.changed = true
	return w.Store.PutNamespaceLimits(ctx, namespace, l)
}

// DeleteNamespaceLimits is that of store.Subjects.
func (w *watched) DeleteNamespaceLimits(ctx context.Context, namespace string) error {
	w.changed = true
	return w.Store.DeleteNamespaceLimits(ctx, namespace)
}

// audit keeps a command that changed something in the audit log.
func (w *watched) audit(ctx context.Context, cmd *cobra.Command, args []string, failure error) error {
	if !w.changed {
		return nil
	}
	e := store.NewAuditEntry(time.Now())
	e.Actor = operator()
	_, e.Action, _ = strings.Cut(cmd.CommandPath(), " ") // without the program
	e.Target = strings.Join(args, " ")
	if failure != nil {
		e.Status = exitFailure
	}
	return w.Store.PutAudit(ctx, e)
}

// operator is the user of this machine, as USER@HOST.
func operator() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}

func (a *admin) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "look at who changed what"}
	cmd.AddCommand(a.auditList())
	return cmd
}

// auditLimit is how many entries are listed unless it is said.
const auditLimit = 100

func (a *admin) auditList() *cobra.Command {
	var namespace, since, until, output string
	var limit int
	cmd := &cobra.Command{Use: "list", Short: "list changes of entities, users and limits, the last ones first"}
	f := cmd.Flags()
	f.StringVarP(&namespace, "namespace", "n", "", "in this `NAMESPACE` alone")
	f.StringVar(&since, "since", "", "from this `TIME` on: 2026-11-27, 2026-11-27T10:00:00Z, or 24h for so long ago")
	f.StringVar(&until, "until", "", "before this `TIME`, likewise")
	f.IntVar(&limit, "limit", auditLimit, "at most so many; 0 is all")
	f.StringVarP(&output, "output", "o", "table", "table, json or csv")
	cmd.RunE = a.with(0, 0, "There are no arguments.", func(ctx context.Context, s store.Store, _ []string) error {
		q := store.AuditQuery{Namespace: namespace, Limit: limit}
		var err error
		if q.Since, err = parseTime(since, time.Now()); err != nil {
			return err
		}
		if q.Until, err = parseTime(until, time.Now()); err != nil {
			return err
		}
		all, err := s.ListAudit(ctx, q)
		if err != nil {
			return err
		}
		return a.printAudit(all, output)
	})
	return cmd
}

func auditRow(e *store.AuditEntry) []string {
	status := "ok"
	if e.Status != 0 {
		status = strconv.Itoa(e.Status)
	}
	return []string{e.Time().Format("2006-01-02T15:04:05.000Z"), e.Actor, e.Namespace, e.Action, e.Target, status, e.From, e.Key, e.TID}
}

var auditColumns = []string{"TIME", "ACTOR", "NAMESPACE", "ACTION", "TARGET", "STATUS", "FROM", "KEY", "TRANSACTION"}

func (a *admin) printAudit(all []store.AuditEntry, output string) error {
	switch output {
	case "json":
		return a.printJSON(all)
	case "csv":
		w := csv.NewWriter(a.Out)
		rows := [][]string{auditColumns}
		for i := range all {
			rows = append(rows, auditRow(&all[i]))
		}
		return w.WriteAll(rows)
	case "table":
		w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
		const shown = 7 // the rest is long
		fmt.Fprintln(w, strings.Join(auditColumns[:shown], "\t"))
		for i := range all {
			fmt.Fprintln(w, strings.Join(auditRow(&all[i])[:shown], "\t"))
		}
		return w.Flush()
	}
	return misused("the output %q is none of table, json and csv", output)
}
