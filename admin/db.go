package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quirl/store"
	"quirl/whisk"
)

func (a *admin) dbCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "db", Short: "look at the database, copy and migrate it"}
	cmd.AddCommand(a.dbGet(), a.dbCopy(), a.dbCompare(), a.dbImport())
	return cmd
}

// between opens the two stores that a command names by their URLs; create makes the second
// one when it is not there.
func (a *admin) between(create bool, do func(ctx context.Context, from, to store.Store) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		if len(args) != 2 {
			return misused("The URLs of two stores are required.")
		}
		var opened [2]store.Store
		for i, url := range args {
			if opened[i], err = a.OpenURL(cmd.Context(), url, create && i == 1); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, opened[i].Close()) }()
		}
		return do(cmd.Context(), opened[0], opened[1])
	}
}

func (a *admin) dbCopy() *cobra.Command {
	return &cobra.Command{
		Use: "copy FROM TO", Short: "copy all that a store has to another one",
		Long: "copy adds all that the store FROM has to the store TO, and replaces what has the same names there. Code is\nnot in stores but in the data folder. A copy that was cut off is begun again: what is there is not written\na second time. No server should use either store meanwhile.",
		RunE: a.between(true, func(ctx context.Context, from, to store.Store) error {
			counts, err := Copy(ctx, from, to, func(c Counts) { fmt.Fprintf(a.Err, "so far %v\n", c) })
			if err != nil {
				return fmt.Errorf("copied %v; then: %w", counts, err)
			}
			a.say("copied %v", counts)
			return nil
		}),
	}
}

// mostDifferences bounds what compare prints.
const mostDifferences = 20

func (a *admin) dbCompare() *cobra.Command {
	return &cobra.Command{
		Use: "compare FROM TO", Short: "say what is not the same in two stores",
		RunE: a.between(false, func(ctx context.Context, from, to store.Store) error {
			different, err := Differences(ctx, from, to)
			if err != nil {
				return err
			}
			if len(different) == 0 {
				a.say("the stores have the same")
				return nil
			}
			shown := different[:min(len(different), mostDifferences)]
			return failed("%d differences: %s", len(different), strings.Join(shown, ", "))
		}),
	}
}

// A row is one of a database's contents, as CouchDB has them.
type row struct {
	ID    string          `json:"id"`
	Key   string          `json:"key"`
	Value rowValue        `json:"value"`
	Doc   json.RawMessage `json:"doc,omitempty"`
}

type rowValue struct {
	Revision string `json:"rev"`
}

func (a *admin) dbGet() *cobra.Command {
	var view string
	var docs bool
	cmd := &cobra.Command{Use: "get DATABASE", Short: "print the contents of subjects, whisks or activations"}
	cmd.Flags().StringVarP(&view, "view", "w", "", "only what is in this `VIEW` of whisks: actions, packages, triggers or rules")
	cmd.Flags().BoolVar(&docs, "docs", false, "with the documents")
	cmd.RunE = a.with(1, 1, "A database is required: subjects, whisks or activations.", func(ctx context.Context, s store.Store, args []string) error {
		rows := []row{}
		add := func(id, revision string, document []byte) error {
			r := row{ID: id, Key: id, Value: rowValue{revision}}
			if docs {
				r.Doc = document
			}
			rows = append(rows, r)
			return nil
		}
		var err error
		collection := view[strings.LastIndex(view, "/")+1:] // of design/view
		switch {
		case view != "" && args[0] != "whisks", collection != "" && !slices.Contains(collections, whisk.Collection(collection)):
			return failed("there is no view %q of %s", view, args[0])
		case args[0] == "subjects":
			err = subjectRows(ctx, s, add)
		case args[0] == "whisks":
			err = s.WalkEntities(ctx, "", func(e whisk.Entity) error {
				if collection != "" && string(e.Collection()) != collection {
					return nil
				}
				return add(e.FullName().ID(), e.Common().Revision, whisk.EncodeEntity(e))
			})
		case args[0] == "activations":
			err = s.WalkActivations(ctx, "", func(r *whisk.Activation) error {
				return add(r.Namespace+"/"+string(r.ID), "", whisk.EncodeActivation(r))
			})
		default:
			return failed("there is no database %q: subjects, whisks and activations are known", args[0])
		}
		if err != nil {
			return err
		}
		if view == "" {
			view = "primary index"
		}
		a.say("getting contents for %s (%s)", args[0], view)
		return a.printRows(rows)
	})
	return cmd
}

// collections are the views of whisks.
var collections = []whisk.Collection{whisk.Actions, whisk.Packages, whisk.Triggers, whisk.Rules}

func subjectRows(ctx context.Context, s Source, add func(id, revision string, document []byte) error) error {
	subjects, err := s.Subjects(ctx)
	if err != nil {
		return err
	}
	for _, subject := range subjects {
		if err := add(subject.Name, "", whisk.Marshal(subject)); err != nil {
			return err
		}
	}
	return s.WalkLimits(ctx, "", func(namespace string, l whisk.NamespaceLimits) error {
		return add(namespace+"/limits", "", whisk.Marshal(l))
	})
}

func (a *admin) printJSON(v any) error {
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(v)
}

func (a *admin) printRows(rows []row) error {
	return a.printJSON(struct {
		Offset int   `json:"offset"`
		Rows   []row `json:"rows"`
		Total  int   `json:"total_rows"`
	}{0, rows, len(rows)})
}
