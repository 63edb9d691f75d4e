package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quirl/cli/manifest"
	"quirl/client"
)

// export is the command export: it writes the entities that are marked as those of a
// project to a manifest, and their code to files beside it.
func (d *deployer) export(ctx context.Context) error {
	if d.flags.name == "" {
		return usageError("Which project is exported? Give its name with --projectname.")
	}
	file := d.flags.manifest
	if file == "" {
		file = filepath.Join(d.flags.project, "manifest.yaml")
	}
	mine, err := d.owned(ctx, func(m mark) bool { return m.Project == d.flags.name })
	if err != nil {
		return err
	}
	if len(mine.rules)+len(mine.triggers)+len(mine.actions)+len(mine.packages) == 0 {
		return fmt.Errorf("There is nothing of a project '%s' in the namespace.", d.flags.name)
	}
	var namespaces []string
	if _, err := d.client.Do(ctx, client.Request{Path: "namespaces", Into: &namespaces}); err != nil {
		return fmt.Errorf("Unable to obtain the list of available namespaces: %w", err)
	}
	e := &exporter{deployer: d, dir: filepath.Dir(file), plan: &manifest.Plan{Project: d.flags.name}, home: slices.Concat(namespaces, []string{"_"})[0]}
	if err := e.collect(ctx, mine); err != nil {
		return err
	}
	if d.flags.preview {
		d.plan = e.plan
		d.preview()
		return nil
	}
	var text bytes.Buffer
	if err := manifest.Write(&text, e.plan); err != nil {
		return err
	}
	if err := e.write(file, text.Bytes()); err != nil {
		return err
	}
	for path, content := range e.code {
		if err := e.write(path, content); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.Stdout, "Success: The project %s was exported to %s.\n", d.flags.name, file)
	return nil
}

func (d *deployer) write(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

// An exporter makes a plan of entities.
type exporter struct {
	*deployer
	dir  string
	plan *manifest.Plan
	home string            // the caller's namespace
	code map[string][]byte // by path
}

func (e *exporter) get(ctx context.Context, collection, name string, query url.Values, into any) error {
	if _, err := e.client.Do(ctx, client.Request{Path: client.Path("namespaces", e.namespace, collection, name), Query: query, Into: into}); err != nil {
		return fmt.Errorf("Unable to get %s '%s': %w", strings.TrimSuffix(collection, "s"), name, err)
	}
	return nil
}

func (e *exporter) collect(ctx context.Context, mine entities) error {
	e.code = map[string][]byte{}
	for _, names := range [][]string{mine.packages, mine.actions, mine.triggers, mine.rules} {
		slices.Sort(names) // so that a manifest changes only with the project
	}
	for _, name := range mine.packages {
		var p client.Package
		if err := e.get(ctx, "packages", name, nil, &p); err != nil {
			return err
		}
		p.Name, p.Annotations = name, own(p.Annotations)
		var to struct{ Namespace, Name string }
		if json.Unmarshal(p.Binding, &to) == nil && to.Name != "" {
			e.plan.Dependencies = append(e.plan.Dependencies, manifest.Dependency{Name: name, Binding: "/" + to.Namespace + "/" + to.Name, Inputs: p.Parameters, Annotations: p.Annotations})
			continue
		}
		e.plan.Packages = append(e.plan.Packages, p)
	}
	for _, name := range mine.actions {
		if err := e.action(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range mine.triggers {
		if err := e.trigger(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range mine.rules {
		var r client.Rule
		if err := e.get(ctx, "rules", name, nil, &r); err != nil {
			return err
		}
		r.Annotations = own(r.Annotations)
		for _, part := range []*json.RawMessage{&r.Trigger, &r.Action} {
			var of struct{ Path, Name string }
			if err := json.Unmarshal(*part, &of); err != nil {
				return fmt.Errorf("rule %s: %w", name, err)
			}
			*part = quoted(strings.TrimPrefix(e.local("/"+of.Path+"/"+of.Name), "/"+e.namespace+"/"))
		}
		e.plan.Rules = append(e.plan.Rules, r)
	}
	return nil
}

// local is a full name as it is in a manifest: without the namespace where that is the project's.
func (e *exporter) local(name string) string {
	namespace, rest, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	switch {
	case namespace != e.namespace && namespace != e.home && namespace != "_":
		return name
	case strings.Contains(rest, "/"):
		return rest
	}
	return "/" + e.namespace + "/" + rest
}

// own are the annotations that the project's files have, without those of the platform,
// of this tool, and others.
func own(annotations client.KeyValues, others ...string) client.KeyValues {
	return slices.DeleteFunc(slices.Clone(annotations), func(kv client.KeyValue) bool {
		return kv.Key == markKey || kv.Key == "exec" || slices.Contains(others, kv.Key) || kv.Key == "provide-api-key" && string(kv.Value) == "false"
	})
}

func (e *exporter) action(ctx context.Context, name string) error {
	var a client.Action
	if err := e.get(ctx, "actions", name, url.Values{"code": {"true"}}, &a); err != nil {
		return err
	}
	exported := manifest.Action{Action: client.Action{Name: name, Parameters: a.Parameters, Annotations: own(a.Annotations), Limits: unusual(a.Limits)}}
	if a.Exec == nil {
		return fmt.Errorf("the action '%s' can be run, but not read", name)
	}
	if a.Exec.Kind == "sequence" {
		exported.Exec = &client.Exec{Kind: a.Exec.Kind}
		for _, component := range a.Exec.Components {
			exported.Exec.Components = append(exported.Exec.Components, e.local(component))
		}
		e.plan.Actions = append(e.plan.Actions, exported)
		return nil
	}
	exported.Source = &manifest.Source{Kind: a.Exec.Kind, Main: a.Exec.Main, Image: a.Exec.Image, Dir: e.dir}
	if a.Exec.Kind == "blackbox" {
		exported.Source.Kind = ""
	}
	if a.Exec.Code != nil && *a.Exec.Code != "" {
		content, extension, err := codeOf(a.Exec)
		if err != nil {
			return fmt.Errorf("action %s: %w", name, err)
		}
		folder := "default"
		if strings.Contains(name, "/") {
			folder = ""
		}
		exported.Source.File = filepath.Join(e.dir, folder, filepath.FromSlash(name)+extension)
		e.code[exported.Source.File] = content
	}
	e.plan.Actions = append(e.plan.Actions, exported)
	return nil
}

// unusual are the limits that an action does not have by itself.
func unusual(l *client.Limits) *client.Limits {
	if l == nil {
		return nil
	}
	keep := func(value *int, preset int) *int {
		if value != nil && *value == preset {
			return nil
		}
		return value
	}
	kept := client.Limits{Timeout: keep(l.Timeout, 60_000), Memory: keep(l.Memory, 256), Logsize: keep(l.Logsize, 10), Concurrency: keep(l.Concurrency, 1)}
	if kept == (client.Limits{}) {
		return nil
	}
	return &kept
}

// trigger takes a trigger with what its feed has of it.
func (e *exporter) trigger(ctx context.Context, name string) error {
	full := entityName{e.namespace, name}
	t, err := e.fetchTrigger(ctx, e.client, full)
	if err != nil {
		return fmt.Errorf("Unable to get trigger '%s': %w", name, err)
	}
	exported := manifest.Trigger{Trigger: client.Trigger{Name: name, Parameters: t.Parameters, Annotations: own(t.Annotations, feedAnnotation)}}
	f, hasFeed, err := e.feedOf(e.client, full, t)
	if err != nil {
		return err
	}
	if hasFeed {
		exported.Feed, exported.Parameters = e.local(f.action.String()), nil
		if exported.Inputs, err = f.config(ctx); err != nil {
			e.warn(fmt.Sprintf("The inputs of the trigger [%s] are unknown: its feed does not tell them: %v", name, err))
		}
	}
	e.plan.Triggers = append(e.plan.Triggers, exported)
	return nil
}

// config asks a feed for the parameters of its trigger: they are the member config of
// what it returns, as the feeds of OpenWhisk's packages have it.
func (f feed) config(ctx context.Context) (client.KeyValues, error) {
	status, record, err := f.send(ctx, feedRead, nil)
	if err != nil {
		return nil, err
	}
	var a struct {
		Response struct {
			Result struct {
				Config json.RawMessage `json:"config"`
			} `json:"result"`
		} `json:"response"`
	}
	if err := json.Unmarshal(record, &a); err != nil || a.Response.Result.Config == nil {
		return nil, fmt.Errorf("there is no config in its answer (status %d)", status)
	}
	config, err := sortedObject(a.Response.Result.Config)
	return slices.DeleteFunc(config, func(kv client.KeyValue) bool { return kv.Key == "name" || kv.Key == "namespace" }), err
}
