package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"quirl/client"
)

// undeployAll is the command undeploy.
func (d *deployer) undeployAll(ctx context.Context) error {
	undeploy := func() error { return d.undeploy(ctx) }
	switch {
	case d.plan == nil:
		mine, err := d.owned(ctx, func(m mark) bool { return m.Project == d.flags.name })
		if err != nil {
			return err
		}
		if d.flags.preview {
			mine.print(d.app)
			return nil
		}
		undeploy = func() error { return d.remove(ctx, mine) }
	case d.flags.preview:
		d.preview()
		return nil
	}
	if err := undeploy(); err != nil {
		fmt.Fprintln(d.Stderr, "Error: Undeployment did not complete successfully.")
		return err
	}
	fmt.Fprintln(d.Stdout, "Success: Undeployment completed successfully.")
	return nil
}

// undeploy deletes the entities of the plan in the reverse of the order in which they are made.
func (d *deployer) undeploy(ctx context.Context) error {
	if err := d.undeployAPI(ctx); err != nil {
		return err
	}
	for _, r := range slices.Backward(d.plan.Routes) {
		query, name := url.Values{"basepath": {r.Base}, "relpath": {r.Path}, "operation": {strings.ToLower(r.Verb)}}, strings.TrimSuffix(r.Base, "/")+r.Path
		err := d.step("Undeploying", "undeployed", "api", name, func() error {
			return d.manageAPI(ctx, d.client, http.MethodDelete, "deleteApi", query, nil, nil)
		})
		if err != nil { // where it is not there already
			d.warn(fmt.Sprintf("Unable to delete API '%s': %v", name, err))
		}
	}
	var plan entities
	for _, rule := range slices.Backward(d.plan.Rules) {
		plan.rules = append(plan.rules, rule.Name)
	}
	for _, trigger := range slices.Backward(d.plan.Triggers) {
		plan.triggers = append(plan.triggers, trigger.Name)
	}
	for _, action := range slices.Backward(d.plan.Actions) {
		plan.actions = append(plan.actions, action.Name)
	}
	if err := d.remove(ctx, plan); err != nil {
		return err
	}
	for _, of := range slices.Backward(d.plan.Dependencies) {
		if err := d.remove(ctx, entities{packages: []string{of.Name}}); err != nil {
			return err
		}
		if of.Binding != "" {
			continue
		}
		nested, done, err := d.dependency(ctx, of)
		if err != nil {
			return fmt.Errorf("Unable to undeploy dependency '%s': %w", of.Name, err)
		}
		err = nested.undeploy(ctx)
		done()
		if err != nil {
			return err
		}
	}
	var packages entities
	for _, p := range slices.Backward(d.plan.Packages) {
		packages.packages = append(packages.packages, p.Name)
	}
	return d.remove(ctx, packages)
}

// undeployAPI deletes the API that the project's file describes.
func (d *deployer) undeployAPI(ctx context.Context) error {
	if d.plan.API == "" {
		return nil
	}
	text, err := readSwagger(d.plan.API)
	if err != nil {
		return err
	}
	var doc swagger
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return err
	}
	err = d.step("Undeploying", "undeployed", "api", doc.BasePath, func() error {
		return d.manageAPI(ctx, d.client, http.MethodDelete, "deleteApi", url.Values{"basepath": {doc.BasePath}}, nil, nil)
	})
	if err != nil { // where it is not there already
		d.warn(fmt.Sprintf("Unable to delete API '%s': %v", doc.BasePath, err))
	}
	return nil
}

// entities are names by what they are the names of.
type entities struct {
	rules, triggers, actions, packages []string
}

func (e entities) print(a *app) {
	for _, part := range []struct {
		title string
		names []string
	}{{"Rules", e.rules}, {"Triggers", e.triggers}, {"Actions", e.actions}, {"Packages", e.packages}} {
		fmt.Fprintf(a.Stdout, "%s:\n", part.title)
		for _, name := range part.names {
			fmt.Fprintf(a.Stdout, "    %s\n", name)
		}
	}
}

// remove deletes entities. Those that are gone already are as good as deleted.
func (d *deployer) remove(ctx context.Context, e entities) error {
	for _, name := range e.rules {
		if err := d.drop(ctx, "rule", "rules", name); err != nil {
			return err
		}
	}
	for _, name := range e.triggers {
		if err := d.forget(ctx, entityName{d.namespace, name}); err != nil {
			return err
		}
		if err := d.drop(ctx, "trigger", "triggers", name); err != nil {
			return err
		}
	}
	for _, name := range e.actions {
		if err := d.drop(ctx, "action", "actions", name); err != nil {
			return err
		}
	}
	for _, name := range e.packages {
		if err := d.dropPackage(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (d *deployer) drop(ctx context.Context, what, collection, name string) error {
	return d.step("Undeploying", "undeployed", what, name, func() error {
		err := d.try(ctx, what+" "+name, client.Request{Method: http.MethodDelete, Path: client.Path("namespaces", d.namespace, collection, name)})
		if err != nil && !isNotFound(err) {
			return fmt.Errorf("Unable to delete %s '%s': %w", what, name, err)
		}
		return nil
	})
}

// dropPackage deletes a package, unless there are actions in it that are not the project's.
func (d *deployer) dropPackage(ctx context.Context, name string) error {
	var p client.Package
	_, err := d.client.Do(ctx, client.Request{Path: client.Path("namespaces", d.namespace, "packages", name), Into: &p})
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("Unable to get package '%s': %w", name, err)
	}
	if bound := string(p.Binding); len(p.Actions) > 0 && (bound == "" || bound == "{}" || bound == "false") {
		var foreign []string
		for _, action := range p.Actions {
			foreign = append(foreign, action.Name)
		}
		d.warn(fmt.Sprintf("The package [%s] stays: it has actions that are not of this project: %s.", name, strings.Join(foreign, ", ")))
		return nil
	}
	return d.drop(ctx, "package", "packages", name)
}

// removeOld deletes what the managed project had in an earlier manifest.
func (d *deployer) removeOld(ctx context.Context) error {
	old, err := d.owned(ctx, func(m mark) bool { return m.Project == d.mark.Project && m.Hash != d.mark.Hash })
	if err != nil {
		return err
	}
	for _, part := range []struct {
		what  string
		names []string
	}{{"rule", old.rules}, {"trigger", old.triggers}, {"action", old.actions}, {"package", old.packages}} {
		for _, name := range part.names {
			if d.flags.lines {
				fmt.Fprintf(d.Stdout, "Info: Deleting %s [%s] which was removed from the current managed project [%s] as part of undeployment.\n", part.what, name, d.mark.Project)
			}
		}
	}
	return d.remove(ctx, old)
}

// owned are the entities of the namespace whose mark is wanted.
func (d *deployer) owned(ctx context.Context, wanted func(mark) bool) (entities, error) {
	var e entities
	var err error
	list := func(to *[]string, collection string) {
		if err == nil {
			*to, err = d.markedNames(ctx, collection, wanted)
		}
	}
	list(&e.rules, "rules")
	list(&e.triggers, "triggers")
	list(&e.actions, "actions")
	list(&e.packages, "packages")
	return e, err
}

// markedNames are the names of those entities of a collection, actions with their package.
func (d *deployer) markedNames(ctx context.Context, collection string, wanted func(mark) bool) ([]string, error) {
	var names []string
	const page = 200 // which is the most that a server gives at once
	for skip := 0; ; skip += page {
		var rows []struct {
			Namespace, Name string
			Annotations     client.KeyValues
		}
		_, err := d.client.Do(ctx, client.Request{
			Path:  client.Path("namespaces", d.namespace, collection),
			Query: url.Values{"limit": {strconv.Itoa(page)}, "skip": {strconv.Itoa(skip)}}, Into: &rows,
		})
		if err != nil {
			return nil, fmt.Errorf("Unable to obtain the list of %s for namespace '%s': %w", collection, listed(entityName{namespace: d.namespace}), err)
		}
		for _, row := range rows {
			var m mark
			if json.Unmarshal(row.Annotations.Get(markKey), &m) != nil || !wanted(m) {
				continue
			}
			if _, pkg, packaged := strings.Cut(row.Namespace, "/"); packaged {
				row.Name = pkg + "/" + row.Name
			}
			names = append(names, row.Name)
		}
		if len(rows) < page {
			return names, nil
		}
	}
}
