package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quirl/store"
	"quirl/whisk"
)

// A Source has all that is copied to a store.
type Source interface {
	store.Walker
	Subjects(ctx context.Context) ([]whisk.Subject, error)
	Entries(ctx context.Context, q store.JournalQuery) ([]store.JournalEntry, error)
}

// An OpenWhisk is the databases of one; its actions have their code with them.
type OpenWhisk interface {
	Source
	Close() error
}

// importer is an OpenWhisk as a Source: its code goes to attachments on the way.
type importer struct {
	OpenWhisk
	attachments store.Attachments
	system      bool              // also the catalog's namespace
	records     bool              // also activations
	kinds       map[string]string // other kinds in place of OpenWhisk's

	byKind map[string]int // the actions of each kind
}

// WalkEntities is that of store.Walker.
func (i *importer) WalkEntities(ctx context.Context, after string, each func(whisk.Entity) error) error {
	return i.OpenWhisk.WalkEntities(ctx, after, func(e whisk.Entity) error {
		if !i.system && e.FullName().Path.Root() == whisk.SystemNamespace {
			return nil
		}
		if a, ok := e.(*whisk.Action); ok {
			if kind := i.kinds[a.Exec.Kind]; kind != "" {
				a.Exec.Kind = kind
			}
			i.byKind[a.Exec.Kind]++
			if a.Exec.Code != nil {
				data, decoded := whisk.Stored(*a.Exec.Code, a.Exec.Binary)
				sum, err := i.attachments.PutAttachment(ctx, data)
				if err != nil {
					return fmt.Errorf("code of %s: %w", a.FullName(), err)
				}
				a.Exec.Code, a.Exec.Attachment = nil, &whisk.Attachment{SHA256: sum, Size: int64(len(data)), Decoded: decoded}
			}
		}
		return each(e)
	})
}

// WalkActivations is that of store.Walker.
func (i *importer) WalkActivations(ctx context.Context, after whisk.ActivationID, each func(*whisk.Activation) error) error {
	if !i.records {
		return nil
	}
	return i.OpenWhisk.WalkActivations(ctx, after, each)
}

func (a *admin) dbImport() *cobra.Command {
	var system, withoutActivations bool
	var kinds []string
	cmd := &cobra.Command{
		Use: "import URL", Short: "bring over what an OpenWhisk has in CouchDB",
		Long: "import reads the databases of an OpenWhisk, couchdb://user:password@host:5984/whisk_local_ (with the prefix of\ntheir names), and adds users, limits, entities with their code and activation records to the store. Nothing\nis changed in them. One that was cut off is begun again: what is there is not written a second time. What\ncannot be understood is told, and the exit code is 1.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx := cmd.Context()
			if len(args) != 1 {
				return misused("The URL of OpenWhisk's databases is required.")
			}
			i := &importer{system: system, records: !withoutActivations, kinds: map[string]string{}, byKind: map[string]int{}}
			for _, k := range kinds {
				old, other, ok := strings.Cut(k, "=")
				if !ok || old == "" || other == "" {
					return misused("%q is not of the form OLD=NEW, as in nodejs:14=nodejs:20.", k)
				}
				i.kinds[old] = other
			}
			problems := 0
			i.OpenWhisk, err = a.OpenWhisk(ctx, args[0], func(id string, err error) {
				problems++
				fmt.Fprintf(a.Err, "not imported: %s: %v\n", id, err)
			})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, i.Close()) }()
			if i.attachments, err = a.OpenAttachments(ctx); err != nil {
				return err
			}
			return a.with(1, 1, "", func(ctx context.Context, to store.Store, _ []string) error {
				counts, err := Copy(ctx, i, to, func(c Counts) { fmt.Fprintf(a.Err, "so far %v\n", c) })
				if err != nil {
					return fmt.Errorf("imported %v; then: %w", counts, err)
				}
				a.say("imported %v", counts)
				for _, kind := range slices.Sorted(maps.Keys(i.byKind)) {
					a.say("actions of kind %s: %d", kind, i.byKind[kind])
				}
				if problems > 0 {
					return failed("%d documents could not be imported", problems)
				}
				return nil
			})(cmd, args)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&system, "system", false, "also the namespace whisk.system, which has functions of quirl's own otherwise")
	f.BoolVar(&withoutActivations, "without-activations", false, "no activation records")
	f.StringArrayVar(&kinds, "kind", nil, "actions of one kind become such of another one, `OLD=NEW`; can be repeated")
	return cmd
}
