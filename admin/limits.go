package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quirl/store"
	"quirl/whisk"
)

const namespaceRequired = "A namespace is required."

func (a *admin) limitsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "limits", Short: "set, get and delete limits of namespaces"}
	cmd.AddCommand(a.limitsSet(), a.limitsGet(), a.limitsDelete())
	return cmd
}

// limitNames are the names of the members of a limits document, in its order.
func limitNames() []string {
	t := reflect.TypeFor[whisk.NamespaceLimits]()
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}

func (a *admin) limitsSet() *cobra.Command {
	cmd := &cobra.Command{Use: "set NAMESPACE", Short: "set limits of a namespace; those not given stay"}
	t := reflect.TypeFor[whisk.NamespaceLimits]()
	for i, name := range limitNames() {
		switch t.Field(i).Type.String() {
		case "*int":
			cmd.Flags().Int(name, 0, "")
		case "[]string":
			cmd.Flags().StringSlice(name, nil, "")
		default:
			cmd.Flags().String(name, "", "")
		}
	}
	cmd.RunE = a.with(1, -1, namespaceRequired, func(ctx context.Context, s store.Store, args []string) error {
		limits, err := s.NamespaceLimits(ctx, args[0])
		if errors.Is(err, store.ErrNotFound) {
			limits, err = &whisk.NamespaceLimits{}, nil
		}
		if err != nil {
			return err
		}
		given, err := givenLimits(cmd.Flags(), args[1:])
		if err != nil {
			return err
		}
		if err := json.Unmarshal(given, limits); err != nil {
			return misused("%v", err)
		}
		if err := s.PutNamespaceLimits(ctx, args[0], *limits); err != nil {
			return err
		}
		a.say("Limits successfully set for \"%s\"", args[0])
		return nil
	})
	return cmd
}

// givenLimits are the limits of the flags, as a document. What follows --allowedKinds, and is
// no flag, are more of them.
func givenLimits(flags *pflag.FlagSet, more []string) ([]byte, error) {
	document := map[string]any{}
	var problem error
	names := limitNames()
	flags.Visit(func(f *pflag.Flag) {
		if !slices.Contains(names, f.Name) { // one of all commands
			return
		}
		switch f.Value.Type() {
		case "int":
			document[f.Name], _ = flags.GetInt(f.Name) // it is one
		case "stringSlice":
			kinds, _ := flags.GetStringSlice(f.Name) // it is one
			document[f.Name] = append(kinds, more...)
			more = nil
		case "string":
			if f.Name != "storeActivations" {
				document[f.Name] = f.Value.String()
				return
			}
			yes, ok := map[string]bool{"yes": true, "true": true, "no": false, "false": false}[strings.ToLower(f.Value.String())]
			if !ok {
				problem = misused("storeActivations is yes, true, no or false, and not %s", strconv.Quote(f.Value.String()))
			}
			document[f.Name] = yes
		}
	})
	if problem == nil && len(more) > 0 {
		problem = misused("what is %s? %s", strings.Join(more, " "), namespaceRequired)
	}
	if problem == nil && len(document) == 0 {
		problem = misused("Which limits? Name one, for example --invocationsPerMinute 120.")
	}
	if problem != nil {
		return nil, problem
	}
	return json.Marshal(document)
}

func (a *admin) limitsGet() *cobra.Command {
	cmd := &cobra.Command{Use: "get NAMESPACE", Short: "print the limits that a namespace has of its own"}
	cmd.RunE = a.with(1, 1, namespaceRequired, func(ctx context.Context, s store.Store, args []string) error {
		limits, err := s.NamespaceLimits(ctx, args[0])
		if errors.Is(err, store.ErrNotFound) {
			a.say("No limits found, default system limits apply")
			return nil
		}
		if err != nil {
			return err
		}
		var document map[string]json.RawMessage
		if err := json.Unmarshal(whisk.Marshal(limits), &document); err != nil {
			return err
		}
		for _, name := range limitNames() {
			if value, ok := document[name]; ok {
				a.say("%s = %s", name, plain(value))
			}
		}
		return nil
	})
	return cmd
}

// plain is a value as people write it: text without its quotes, lists in words.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var list []string
	if json.Unmarshal(value, &list) == nil {
		return fmt.Sprint(list)
	}
	return string(value)
}

func (a *admin) limitsDelete() *cobra.Command {
	cmd := &cobra.Command{Use: "delete NAMESPACE", Short: "delete the limits that a namespace has of its own"}
	cmd.RunE = a.with(1, 1, namespaceRequired, func(ctx context.Context, s store.Store, args []string) error {
		err := s.DeleteNamespaceLimits(ctx, args[0])
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		a.say("Limits deleted")
		return nil
	})
	return cmd
}
