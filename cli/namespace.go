package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"quirl/client"
)

func (a *app) namespaceCommand() *cobra.Command {
	cmd := noun("namespace", "work with namespaces")
	get := a.contentsCommand("get")
	list := &cobra.Command{Use: "list", Short: "list available namespaces"}
	list.RunE = a.run(0, 0, "No arguments are required.", func(ctx context.Context, c *client.Client, _ []string) error {
		var names []string
		if _, err := c.Do(ctx, client.Request{Path: "namespaces", Into: &names}); err != nil {
			return fmt.Errorf("Unable to obtain the list of available namespaces: %w", err)
		}
		return a.list(names, func() {
			fmt.Fprintln(a.Stdout, "namespaces")
			for _, name := range names {
				fmt.Fprintln(a.Stdout, name)
			}
		})
	})
	cmd.AddCommand(get, list)
	return cmd
}

// listCommand is `wsk list`, another name of `wsk namespace get`.
func (a *app) listCommand() *cobra.Command { return a.contentsCommand("list") }

func (a *app) contentsCommand(verb string) *cobra.Command {
	cmd := &cobra.Command{Use: verb, Short: "list entities in the current namespace"}
	byName := cmd.Flags().BoolP("name-sort", "n", false, "sorts a list alphabetically by entity name")
	cmd.RunE = a.run(0, 0, "No arguments are required.", func(ctx context.Context, c *client.Client, _ []string) error {
		var all contents
		for _, part := range []struct {
			collection string
			into       any
		}{{"packages", &all.Packages}, {"actions", &all.Actions}, {"triggers", &all.Triggers}, {"rules", &all.Rules}} {
			if err := a.contents(ctx, c, part.collection, part.into); err != nil {
				return err
			}
		}
		if a.structured() {
			return a.value(all)
		}
		fmt.Fprintf(a.Stdout, "Entities in namespace: %s\n", "default")
		return errors.Join(a.printPackages(all.Packages, *byName), a.printActions(all.Actions, *byName),
			a.printTriggers(all.Triggers, *byName), a.printRules(ctx, c, "_", all.Rules, *byName))
	})
	return cmd
}

// contents are the entities of a namespace.
type contents struct {
	Packages []client.Package `json:"packages"`
	Actions  []client.Action  `json:"actions"`
	Triggers []client.Trigger `json:"triggers"`
	Rules    []client.Rule    `json:"rules"`
}

func (a *app) contents(ctx context.Context, c *client.Client, collection string, into any) error {
	_, err := c.Do(ctx, client.Request{
		Path: client.Path("namespaces", "_", collection), Query: url.Values{"limit": {"0"}, "skip": {"0"}}, Into: into,
	})
	if err != nil {
		return fmt.Errorf("Unable to obtain the list of entities for namespace 'default': %w", err)
	}
	return nil
}
