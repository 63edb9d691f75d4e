package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"

	"github.com/spf13/cobra"

	"quirl/client"
)

const packageRequired = "A package name is required."

func (a *app) packageCommand() *cobra.Command {
	cmd := noun("package", "work with packages")
	cmd.AddCommand(a.packagePut("create"), a.packagePut("update"), a.packageBind(), a.packageGet(), a.packageDelete(), a.packageList(), a.packageRefresh())
	return cmd
}

func (a *app) packagePut(verb string) *cobra.Command {
	var shared string
	cmd := &cobra.Command{Use: verb + " PACKAGE_NAME", Short: verb + " a package"}
	cmd.Flags().StringVar(&shared, "shared", "", "package visibility `SCOPE`; yes = shared, no = private")
	cmd.RunE = a.run(1, 1, packageRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		pkg := client.Package{Namespace: name.namespace, Name: name.entity, Annotations: a.params.annotations, Parameters: a.params.parameters}
		switch shared {
		case "":
		case "yes", "no":
			publish := shared == "yes"
			pkg.Publish = &publish
		default:
			return usageError("Cannot use value '%s' for shared.", shared)
		}
		if err := a.putPackage(ctx, c, name, pkg, verb == "update"); err != nil {
			if verb == "create" {
				return fmt.Errorf("Unable to create package '%s': %w", name.entity, err)
			}
			return fmt.Errorf("Package update failed: %w", err)
		}
		a.ok("%sd package %s", verb, name.entity)
		return nil
	})
	return cmd
}

func (a *app) putPackage(ctx context.Context, c *client.Client, name entityName, pkg client.Package, overwrite bool) error {
	_, err := c.Do(ctx, client.Request{
		Method: http.MethodPut, Path: client.Path("namespaces", name.namespace, "packages", name.entity),
		Query: url.Values{"overwrite": {strconv.FormatBool(overwrite)}}, Body: pkg,
	})
	return err
}

func (a *app) packageBind() *cobra.Command {
	cmd := &cobra.Command{Use: "bind PACKAGE_NAME BOUND_PACKAGE_NAME", Short: "bind parameters to a package"}
	overwrite := cmd.Flags().BoolP("overwrite", "o", false, "overwrite an existing binding")
	cmd.RunE = a.run(2, 2, "A package name and binding name are required.", func(ctx context.Context, c *client.Client, args []string) error {
		provider, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		name, err := a.parseEntity(args[1])
		if err != nil {
			return err
		}
		pkg := client.Package{Namespace: name.namespace, Name: name.entity, Annotations: a.params.annotations, Parameters: a.params.parameters, Binding: bindingTo(provider)}
		if err := a.putPackage(ctx, c, name, pkg, *overwrite); err != nil {
			return fmt.Errorf("Binding creation failed: %w", err)
		}
		a.ok("created binding %s", name.entity)
		return nil
	})
	return cmd
}

// bindingTo is the member of a package that stands for another one.
func bindingTo(provider entityName) json.RawMessage {
	encoded, err := json.Marshal(map[string]string{"namespace": provider.namespace, "name": provider.entity})
	if err != nil {
		panic(err) // any text can be encoded
	}
	return encoded
}

func (a *app) packageGet() *cobra.Command {
	cmd := &cobra.Command{Use: "get PACKAGE_NAME [FIELD_FILTER]", Short: "get package"}
	summary := cmd.Flags().BoolP("summary", "s", false, "summarize package details")
	cmd.RunE = a.run(1, 2, packageRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		if len(args) == 2 && !hasField(client.Package{}, args[1]) {
			return usageError("Invalid field filter '%s'.", args[1])
		}
		var pkg client.Package
		if _, err := c.Do(ctx, client.Request{Path: client.Path("namespaces", name.namespace, "packages", name.entity), Into: &pkg}); err != nil {
			return fmt.Errorf("Unable to get package '%s': %w", name.entity, err)
		}
		if *summary {
			a.summarizePackage(&pkg)
			return nil
		}
		return a.got("package", name.entity, args[1:], pkg)
	})
	return cmd
}

func (a *app) summarizePackage(pkg *client.Package) {
	const width = len("package")
	fmt.Fprint(a.Stdout, summaryOf("package", width, pkg.Namespace, pkg.Name, pkg.Annotations, pkg.Parameters))
	for _, part := range []struct {
		what string
		list []client.Action
	}{{"action", pkg.Actions}, {"feed  ", pkg.Feeds}} {
		for _, action := range part.list {
			fmt.Fprint(a.Stdout, summaryOf(part.what, width, pkg.Namespace+"/"+pkg.Name, action.Name, action.Annotations, action.Parameters))
		}
	}
}

func (a *app) packageRefresh() *cobra.Command {
	cmd := &cobra.Command{Use: "refresh [NAMESPACE]", Short: "refresh package bindings"}
	cmd.RunE = a.run(0, 1, "An optional namespace is the only valid argument.", func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.optionalName(args)
		if err != nil {
			return err
		}
		var done struct{ Added, Updated, Deleted []string }
		_, err = c.Do(ctx, client.Request{Method: http.MethodPost, Path: client.Path("namespaces", name.namespace, "packages", "refresh"), Into: &done})
		var refused *client.Error
		if errors.As(err, &refused) && refused.Status == http.StatusNotImplemented {
			return fmt.Errorf("The package refresh feature is not implemented in the target deployment%w", silent{err})
		}
		if err != nil {
			return fmt.Errorf("Package refresh for namespace '%s' failed: %w", name.namespace, err)
		}
		fmt.Fprintf(a.Stdout, "'%s' refreshed successfully\n", name.namespace)
		for _, part := range []struct {
			title string
			names []string
		}{{"created", done.Added}, {"updated", done.Updated}, {"deleted", done.Deleted}} {
			fmt.Fprintf(a.Stdout, "%s bindings:\n", part.title)
			for _, n := range part.names {
				fmt.Fprintln(a.Stdout, n)
			}
		}
		return nil
	})
	return cmd
}

// silent is an error that is there for its exit code, not for its text.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

func (a *app) packageDelete() *cobra.Command {
	cmd := &cobra.Command{Use: "delete PACKAGE_NAME", Short: "delete package"}
	cmd.RunE = a.run(1, 1, packageRequired, func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.parseEntity(args[0])
		if err != nil {
			return err
		}
		if _, err := c.Do(ctx, client.Request{Method: http.MethodDelete, Path: client.Path("namespaces", name.namespace, "packages", name.entity)}); err != nil {
			return fmt.Errorf("Unable to delete package '%s': %w", name.entity, err)
		}
		a.ok("deleted package %s", name.entity)
		return nil
	})
	return cmd
}

func (a *app) packageList() *cobra.Command {
	return listCommand(a, "packages", func(_ context.Context, _ *client.Client, _ entityName, list []client.Package, byName bool) error {
		return a.printPackages(list, byName)
	})
}

func (a *app) printPackages(packages []client.Package, byName bool) error {
	if byName {
		sort.SliceStable(packages, func(i, j int) bool { return packages[i].Name < packages[j].Name })
	}
	return a.list(packages, func() {
		fmt.Fprintln(a.Stdout, "packages")
		for _, p := range packages {
			visibility := "private"
			if p.Publish != nil && *p.Publish {
				visibility = "shared"
			}
			fmt.Fprintf(a.Stdout, "%-70s %s\n", "/"+p.Namespace+"/"+p.Name, visibility)
		}
	})
}
