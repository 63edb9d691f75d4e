package cli

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quirl/client"
)

// completionPatience bounds how long a shell waits for names from the server.
const completionPatience = 2 * time.Second

// completions are the collections whose names may stand at the places of a command's
// arguments, by the command's path below the root.
var completions = map[string][]string{
	"action get": {"actions"}, "action update": {"actions"}, "action invoke": {"actions"}, "action delete": {"actions"},
	"load": {"actions"}, "activation get": {"activations"}, "activation logs": {"activations"}, "activation result": {"activations"},
	"activation list": {"actions"}, "activation poll": {"actions"},
	"package get": {"packages"}, "package update": {"packages"}, "package delete": {"packages"}, "package bind": {"packages"},
	"trigger get": {"triggers"}, "trigger update": {"triggers"}, "trigger fire": {"triggers"}, "trigger delete": {"triggers"},
	"rule create": {"", "triggers", "actions"}, "rule update": {"rules", "triggers", "actions"}, "rule enable": {"rules"},
	"rule disable": {"rules"}, "rule status": {"rules"}, "rule get": {"rules"}, "rule delete": {"rules"},
}

// complete lets shells complete the names of what the server has.
func (a *app) complete(root *cobra.Command) {
	for path, collections := range completions {
		cmd, _, err := root.Find(strings.Fields(path))
		if err != nil { // wsk has fewer commands
			continue
		}
		files := cobra.ShellCompDirectiveNoFileComp
		if path == "action update" { // its second argument is a file
			files = cobra.ShellCompDirectiveDefault
		}
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) >= len(collections) || collections[len(args)] == "" {
				return nil, files
			}
			return a.namesOf(cmd.Context(), collections[len(args)]), cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// namesOf lists the names of a collection of the caller's namespace; a shell has no use
// for the reason why there are none.
func (a *app) namesOf(ctx context.Context, collection string) []string {
	c, err := a.authenticated()
	if err != nil {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	var entities []struct{ Namespace, Name, ActivationID string }
	_, err = c.Do(ctx, client.Request{Path: client.Path("namespaces", "_", collection), Query: url.Values{"limit": {"200"}, "skip": {"0"}}, Into: &entities})
	if err != nil {
		return nil
	}
	names := make([]string, len(entities))
	for i, e := range entities {
		names[i] = e.Name
		if _, pkg, packaged := strings.Cut(e.Namespace, "/"); packaged {
			names[i] = pkg + "/" + e.Name
		}
		if collection == "activations" {
			names[i] = e.ActivationID + "\t" + e.Name
		}
	}
	return names
}
