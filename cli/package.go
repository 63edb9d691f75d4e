package cli

import (
	"context"
	"encoding/json"
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
	cmd := &cobra.Command{Use: "package", Short: "work with packages"}
	cmd.AddCommand(a.packagePut("create"), a.packagePut("update"), a.packageBind(), a.packageGet(), a.packageDelete(), a.packageList())
	return cmd
}

func (a *app) packagePut(verb string) *cobra.Command {
	var shared string
	cmd := &cobra.Command{Use: verb + " PACKAGE_NAME", Short: verb + " a package"}
	cmd.Flags().StringVar(&shared, "shared", "", "package visibility `SCOPE`; yes = shared, no = private")
	cmd.Flags().Lookup("shared").NoOptDefVal = "yes"
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
			return fmt.Errorf("Package %s failed: %w", verb, err)
		}
		fmt.Fprintf(a.Stdout, "ok: %sd package %s\n", verb, name.entity)
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
		binding, err := json.Marshal(map[string]string{"namespace": provider.namespace, "name": provider.entity})
		if err != nil {
			return err
		}
		pkg := client.Package{Namespace: name.namespace, Name: name.entity, Annotations: a.params.annotations, Parameters: a.params.parameters, Binding: binding}
		if err := a.putPackage(ctx, c, name, pkg, *overwrite); err != nil {
			return fmt.Errorf("Binding creation failed: %w", err)
		}
		fmt.Fprintf(a.Stdout, "ok: created binding %s\n", name.entity)
		return nil
	})
	return cmd
}

func (a *app) packageGet() *cobra.Command {
	cmd := &cobra.Command{Use: "get PACKAGE_NAME [FIELD_FILTER]", Short: "get package"}
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
		if len(args) == 2 {
			fmt.Fprintf(a.Stdout, "ok: got package %s, displaying field %s\n", name.entity, args[1])
			return printField(a.Stdout, pkg, args[1])
		}
		fmt.Fprintf(a.Stdout, "ok: got package %s\n", name.entity)
		return printJSON(a.Stdout, pkg)
	})
	return cmd
}

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
		fmt.Fprintf(a.Stdout, "ok: deleted package %s\n", name.entity)
		return nil
	})
	return cmd
}

func (a *app) packageList() *cobra.Command {
	var l listFlags
	cmd := &cobra.Command{Use: "list [NAMESPACE]", Short: "list all packages"}
	l.add(cmd)
	cmd.RunE = a.run(0, 1, "An optional namespace is the only valid argument.", func(ctx context.Context, c *client.Client, args []string) error {
		name := entityName{namespace: "_"}
		if len(args) == 1 {
			var err error
			if name, err = a.parseName(args[0]); err != nil {
				return err
			}
			if name.entity != "" {
				return &exitError{code: exitGeneral, err: fmt.Errorf("An entity name, '%s', was provided instead of a namespace. Valid namespaces are of the following format: /NAMESPACE.", args[0])}
			}
		}
		var packages []client.Package
		if _, err := c.Do(ctx, client.Request{Path: client.Path("namespaces", name.namespace, "packages"), Query: l.query(), Into: &packages}); err != nil {
			return fmt.Errorf("Unable to obtain the list of packages for namespace '%s': %w", listed(name), err)
		}
		if l.byName {
			sort.SliceStable(packages, func(i, j int) bool { return packages[i].Name < packages[j].Name })
		}
		a.printPackages(packages)
		return nil
	})
	return cmd
}

func (a *app) printPackages(packages []client.Package) {
	fmt.Fprintln(a.Stdout, "packages")
	for _, p := range packages {
		visibility := "private"
		if p.Publish != nil && *p.Publish {
			visibility = "shared"
		}
		fmt.Fprintf(a.Stdout, "%-70s %s\n", "/"+p.Namespace+"/"+p.Name, visibility)
	}
}
