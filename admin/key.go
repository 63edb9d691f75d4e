package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quirl/store"
	"quirl/whisk"
)

func (a *admin) keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "give out, list and revoke further keys of a namespace"}
	cmd.AddCommand(a.keyCreate(), a.keyList(), a.keyRevoke())
	return cmd
}

// namespaceOf finds a subject's namespace; by default that of the subject's name.
func namespaceOf(subject *whisk.Subject, name string) (*whisk.SubjectNamespace, error) {
	if name == "" {
		name = subject.Name
	}
	for i := range subject.Namespaces {
		if subject.Namespaces[i].Name == name {
			return &subject.Namespaces[i], nil
		}
	}
	return nil, failed("namespace \"%s\" not found for \"%s\"", name, subject.Name)
}

func (a *admin) keyCreate() *cobra.Command {
	var namespace, name, scope, expires string
	cmd := &cobra.Command{
		Use: "create SUBJECT", Short: "give out a further key, for one use or for a time, and print it",
		Long: "create makes a key beside the namespace's own one. Its scope says what it may be used for: all, invoke (of actions,\nand fire triggers), or read. It ends to be valid at a time, such as 2027-01-31 or 2027-01-31T12:00:00Z, or after so\nlong, such as 720h.",
	}
	f := cmd.Flags()
	f.StringVarP(&namespace, "namespace", "n", "", "the `NAMESPACE`; by default that of the subject's name")
	f.StringVar(&name, "name", "", "`NAME` by which the key is listed and revoked")
	f.StringVar(&scope, "scope", "all", "all, invoke or read")
	f.StringVar(&expires, "expires", "", "`WHEN` it ends to be valid; by default never")
	cmd.RunE = a.with(1, 1, subjectRequired, func(ctx context.Context, s store.Store, args []string) error {
		k := whisk.AccessKey{Key: whisk.NewKey(), Name: name, Created: time.Now().UnixMilli()}
		var ok bool
		if k.Scope, ok = whisk.ParseScope(scope); !ok {
			return misused("There is no scope %q: all, invoke and read are known.", scope)
		}
		if strings.TrimSpace(name) == "" {
			return misused("A name for the key is required: --name.")
		}
		if expires != "" {
			at, err := parseExpiry(expires, time.Now())
			if err != nil {
				return err
			}
			k.Expires = at.UnixMilli()
		}
		subject, err := editable(ctx, s, args[0])
		if err != nil {
			return err
		}
		n, err := namespaceOf(subject, namespace)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(n.Keys, func(other whisk.AccessKey) bool { return other.Name == name }) {
			return failed("A key named \"%s\" exists already in \"%s\"", name, n.Name)
		}
		n.Keys = append(n.Keys, k)
		if err := s.PutSubject(ctx, *subject); err != nil {
			return err
		}
		a.say("%s", k.Key)
		return nil
	})
	return cmd
}

// parseExpiry reads a time to come, or a duration from now.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	at, err := parseTime(text, now)
	if d, no := time.ParseDuration(text); no == nil {
		at = now.Add(d)
	}
	if err == nil && !at.After(now) {
		err = misused("%s is past.", text)
	}
	return at, err
}

func (a *admin) keyList() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{Use: "list SUBJECT", Short: "list the keys of a user's namespaces, without their secrets"}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "of this `NAMESPACE` alone")
	cmd.RunE = a.with(1, 1, subjectRequired, func(ctx context.Context, s store.Store, args []string) error {
		subject, err := editable(ctx, s, args[0])
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAMESPACE\tNAME\tSCOPE\tCREATED\tEXPIRES\tID")
		for _, n := range subject.Namespaces {
			if namespace != "" && n.Name != namespace {
				continue
			}
			fmt.Fprintf(w, "%s\t(own)\tall\t\tnever\t%s\n", n.Name, n.UUID)
			for _, k := range n.Keys {
				ends := "never"
				if k.Expires != 0 {
					ends = day(k.Expires)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, k.Name, k.Scope, day(k.Created), ends, k.UUID)
			}
		}
		return w.Flush()
	})
	return cmd
}

func day(millis int64) string { return time.UnixMilli(millis).UTC().Format("2006-01-02 15:04:05Z") }

func (a *admin) keyRevoke() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use: "revoke SUBJECT NAME|ID", Short: "make a further key open nothing any more",
		Long: "revoke ends a key by its name or its id. A namespace's own key is replaced by user create --revoke.",
	}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the `NAMESPACE`; by default that of the subject's name")
	cmd.RunE = a.with(2, 2, "A subject and the name of a key are required.", func(ctx context.Context, s store.Store, args []string) error {
		subject, err := editable(ctx, s, args[0])
		if err != nil {
			return err
		}
		n, err := namespaceOf(subject, namespace)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(n.Keys, func(k whisk.AccessKey) bool { return k.Name == args[1] || k.UUID == args[1] })
		if at < 0 {
			return failed("There is no key \"%s\" in \"%s\"", args[1], n.Name)
		}
		n.Keys = slices.Delete(n.Keys, at, at+1)
		if err := s.PutSubject(ctx, *subject); err != nil {
			return err
		}
		a.say("Key revoked")
		return nil
	})
	return cmd
}
