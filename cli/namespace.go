package cli

import (
	"context"
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
		fmt.Fprintln(a.Stdout, "namespaces")
		for _, name := range names {
			fmt.Fprintln(a.Stdout, name)
		}
		return nil
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
		fmt.Fprintf(a.Stdout, "Entities in namespace: %s\n", "default")
		var packages []client.Package
		if err := a.contents(ctx, c, "packages", &packages); err != nil {
			return err
		}
		a.printPackages(packages, *byName)
		var actions []client.Action
		if err := a.contents(ctx, c, "actions", &actions); err != nil {
			return err
		}
		a.printActions(actions, *byName)
		var triggers []client.Trigger
		if err := a.contents(ctx, c, "triggers", &triggers); err != nil {
			return err
		}
		a.printTriggers(triggers, *byName)
		var rules []client.Rule
		if err := a.contents(ctx, c, "rules", &rules); err != nil {
			return err
		}
		return a.printRules(ctx, c, "_", rules, *byName)
	})
	return cmd
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
