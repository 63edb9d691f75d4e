package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"quirl/client"
)

// listCommand lists a collection of a namespace, such as triggers.
func listCommand[T any](a *app, collection string, print func(ctx context.Context, c *client.Client, name entityName, list []T, byName bool) error) *cobra.Command {
	var l listFlags
	cmd := &cobra.Command{Use: "list [NAMESPACE]", Short: "list all " + collection}
	l.add(cmd)
	cmd.RunE = a.run(0, 1, "An optional namespace is the only valid argument.", func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.onlyNamespace(args)
		if err != nil {
			return err
		}
		var list []T
		if _, err := c.Do(ctx, client.Request{Path: client.Path("namespaces", name.namespace, collection), Query: l.query(), Into: &list}); err != nil {
			return fmt.Errorf("Unable to obtain the list of %s for namespace '%s': %w", collection, listed(name), err)
		}
		return print(ctx, c, name, list, l.byName)
	})
	return cmd
}
