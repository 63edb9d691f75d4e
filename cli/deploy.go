package cli

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quirl/cli/manifest"
	"quirl/client"
)

// projectFlags are those of OpenWhisk's wskdeploy.
type projectFlags struct {
	manifest, deployment, project, namespace, name string
	strict, preview, managed                       bool
	lines                                          bool // one for each entity
}

func (a *app) projectCommand() *cobra.Command {
	cmd := noun("project", "The OpenWhisk Project Management Tool")
	p := &projectFlags{}
	f := cmd.PersistentFlags()
	f.StringVar(&a.config, "config", "", "`FILE` with properties instead of ~/.wskprops")
	f.StringVar(&p.manifest, "manifest", "", "path to manifest `FILE`")
	f.StringVar(&p.project, "project", ".", "path to the project's `FOLDER`")
	f.StringVar(&p.deployment, "deployment", "", "path to deployment `FILE`")
	f.StringVarP(&p.namespace, "namespace", "n", "", "`NAMESPACE`")
	f.StringVar(&p.name, "projectname", "", "`NAME` of the project")
	f.BoolVar(&p.strict, "strict", false, "allow user defined runtime version")
	f.BoolVar(&p.preview, "preview", false, "show the deployment plan without deploying any assets")
	f.StringVarP(&a.flags.key, "key", "k", "", "client key")
	f.StringVarP(&a.flags.cert, "cert", "c", "", "client cert")
	deploy := &cobra.Command{Use: "deploy", Short: "deploy the project's entities"}
	deploy.Flags().BoolVar(&p.managed, "managed", false, "mark the entities as the project's, and delete what it had before")
	deploy.RunE = a.project(p, func(ctx context.Context, d *deployer) error { return d.deployAll(ctx) })
	undeploy := &cobra.Command{Use: "undeploy", Short: "delete the project's entities", Long: "delete the entities of a manifest, or all that are marked as those of the project --projectname"}
	undeploy.RunE = a.project(p, func(ctx context.Context, d *deployer) error { return d.undeployAll(ctx) })
	sync := &cobra.Command{Use: "sync", Short: "deploy the project's entities, and delete those that it had before and has no more"}
	sync.RunE = a.project(p, func(ctx context.Context, d *deployer) error {
		p.managed = true
		return d.deployAll(ctx)
	})
	export := &cobra.Command{Use: "export", Short: "write a manifest, and the code, of the entities marked as those of the project --projectname"}
	export.RunE = a.project(p, func(ctx context.Context, d *deployer) error { return d.export(ctx) })
	cmd.AddCommand(deploy, undeploy, sync, export)
	return cmd
}

// project adapts a command that takes no arguments.
func (a *app) project(p *projectFlags, do func(context.Context, *deployer) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := argumentError(args, 0, 0, "No arguments are required."); err != nil {
			return err
		}
		p.lines, a.flags.verbose = a.flags.verbose, false // its lines are of entities; those of requests come with --debug
		d := &deployer{app: a, flags: p}
		byName := cmd.Name() == "export" || cmd.Name() == "undeploy" && p.name != ""
		if !byName {
			if err := d.read(); err != nil {
				return err
			}
		}
		return d.connected(cmd.Context(), do)
	}
}

// A deployer makes a plan true on a server. Its calls may be repeated: they say what
// there should be.
type deployer struct {
	*app
	flags     *projectFlags
	client    *client.Client
	namespace string
	plan      *manifest.Plan
	// mark is the annotation of the entities of a managed project; nil when it is none.
	mark *mark
	// above are the folders of the projects that this one is a dependency of.
	above []string
}

// markKey is the annotation that tells which project an entity belongs to.
const markKey = "whisk-managed"

// A mark is the value of that annotation.
type mark struct {
	File    string            `json:"file"`
	Deps    []json.RawMessage `json:"projectDeps"`
	Hash    string            `json:"projectHash"` // of the manifest
	Project string            `json:"projectName"`
}

// read reads the project's files.
func (d *deployer) read() error {
	file, deployment := d.flags.manifest, d.flags.deployment
	if file == "" {
		found, beside, err := manifest.Find(d.flags.project)
		if err != nil {
			return &exitError{code: exitGeneral, err: err}
		}
		file = found
		if deployment == "" {
			deployment = beside
		}
	}
	plan, err := manifest.Read(manifest.Options{
		Manifest: file, Deployment: deployment, Params: d.params.parameters, Strict: d.flags.strict,
		LookupEnv: d.LookupEnv, Warn: d.warn,
	})
	if err != nil {
		return err
	}
	if d.flags.name != "" {
		if plan.Project != "" && plan.Project != d.flags.name {
			d.warn(fmt.Sprintf("The project name has been overridden. Using %s", d.flags.name))
		}
		plan.Project = d.flags.name
	}
	d.plan, d.flags.manifest = plan, file
	return nil
}

// connected finds out where the project goes: flags come before the files, and these before the properties.
func (d *deployer) connected(ctx context.Context, do func(context.Context, *deployer) error) error {
	d.namespace = d.flags.namespace
	if plan := d.plan; plan != nil {
		for _, setting := range []struct {
			to   *string
			said string
		}{{&d.app.flags.apihost, plan.APIHost}, {&d.app.flags.auth, plan.Credential}, {&d.namespace, plan.Namespace}} {
			if *setting.to == "" {
				*setting.to = setting.said
			}
		}
	}
	c, err := d.authenticated()
	if err != nil {
		return err
	}
	if plan := d.plan; plan != nil && plan.Token != "" {
		d.props["APIGW_ACCESS_TOKEN"] = plan.Token
	}
	if d.namespace == "" {
		d.namespace = d.props["NAMESPACE"]
	}
	if d.namespace == "" {
		d.namespace = "_"
	}
	d.client = c
	return do(ctx, d)
}

// warn says what is odd.
func (d *deployer) warn(sentence string) { fmt.Fprintf(d.Stderr, "Warning: %s\n", sentence) }

// step does what there is to do for one entity, and says so when that was asked for.
func (d *deployer) step(doing, done, what, name string, do func() error) error {
	if d.flags.lines {
		fmt.Fprintf(d.Stdout, "Info: %s %s [%s] ...\n", doing, what, name)
	}
	if err := do(); err != nil {
		return err
	}
	if d.flags.lines {
		fmt.Fprintf(d.Stdout, "Info: %s [%s] has been successfully %s.\n", what, name, done)
	}
	return nil
}

// deployAll is the command deploy, or sync.
func (d *deployer) deployAll(ctx context.Context) error {
	if d.flags.preview {
		d.preview()
		return nil
	}
	if d.flags.managed {
		if err := d.manage(); err != nil {
			return err
		}
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	err := d.deploy(ctx)
	if err == nil && d.mark != nil {
		err = d.removeOld(ctx)
	}
	if err != nil {
		fmt.Fprintf(d.Stderr, "Error: Deployment did not complete successfully. Run `%s project undeploy` to remove partially deployed assets.\n", d.name)
		return err
	}
	fmt.Fprintln(d.Stdout, "Success: Deployment completed successfully.")
	return nil
}

// manage makes the mark of a managed project: its hash changes with the manifest.
func (d *deployer) manage() error {
	if d.plan.Project == "" {
		return usageError("A managed project has a name: set the key name below project in %s, or give --projectname.", d.flags.manifest)
	}
	text, err := os.ReadFile(d.flags.manifest)
	if err != nil {
		return err
	}
	sum := sha1.New()
	fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(d.flags.manifest), len(text), text)
	d.mark = &mark{File: filepath.Base(d.flags.manifest), Deps: []json.RawMessage{}, Hash: hex.EncodeToString(sum.Sum(nil)), Project: d.plan.Project}
	return nil
}

// marked adds the mark to an entity's annotations.
func (d *deployer) marked(annotations client.KeyValues) client.KeyValues {
	if d.mark == nil {
		return annotations
	}
	value, err := json.Marshal(d.mark)
	if err != nil {
		panic(err) // any mark can be encoded
	}
	return put(annotations, markKey, value)
}

// prepare makes the code of all actions, before anything is changed.
func (d *deployer) prepare(ctx context.Context) error {
	for i := range d.plan.Actions {
		action := &d.plan.Actions[i]
		var err error
		if action.Source != nil {
			action.Exec, err = d.execOf(ctx, action.Source)
		} else {
			err = d.resolveComponents(action.Exec)
		}
		if err != nil {
			return fmt.Errorf("action %s: %w", action.Name, err)
		}
		if err := webAnnotations(&action.Action, nil, action.Web, ""); err != nil {
			return fmt.Errorf("action %s: %w", action.Name, err)
		}
	}
	return nil
}

// full is a name with the namespace that it is in.
func (d *deployer) full(name string) (entityName, error) {
	n, err := d.parseEntity(name)
	if err == nil && !strings.HasPrefix(name, "/") && strings.Count(name, "/") < 2 {
		n.namespace = d.namespace
	}
	return n, err
}

func (d *deployer) resolveComponents(exec *client.Exec) error {
	for i, component := range exec.Components {
		name, err := d.full(component)
		if err != nil {
			return err
		}
		exec.Components[i] = name.String()
	}
	return nil
}

// deploy makes the entities, each after those that it needs.
func (d *deployer) deploy(ctx context.Context) error {
	for _, p := range d.plan.Packages {
		p.Namespace, p.Annotations = d.namespace, d.marked(p.Annotations)
		if err := d.put(ctx, "package", "packages", p.Name, p); err != nil {
			return err
		}
	}
	for _, dependency := range d.plan.Dependencies {
		if err := d.step("Deploying", "deployed", "dependency", dependency.Name, func() error { return d.depend(ctx, dependency) }); err != nil {
			return err
		}
	}
	for _, action := range d.plan.Actions {
		body := action.Action
		body.Namespace, body.Annotations = d.namespace, d.marked(body.Annotations)
		what := "action"
		if action.Source == nil {
			what = "sequence"
		}
		if err := d.put(ctx, what, "actions", body.Name, body); err != nil {
			return err
		}
	}
	for _, trigger := range d.plan.Triggers {
		if err := d.deployTrigger(ctx, trigger); err != nil {
			return err
		}
	}
	for _, rule := range d.plan.Rules {
		if err := d.deployRule(ctx, rule); err != nil {
			return err
		}
	}
	for _, r := range d.plan.Routes {
		name := strings.TrimSuffix(r.Base, "/") + r.Path + " " + r.Verb
		if err := d.step("Deploying", "deployed", "api", name, func() error { return d.deployRoute(ctx, r) }); err != nil {
			return fmt.Errorf("Unable to create API '%s': %w", name, err)
		}
	}
	return d.deployAPI(ctx)
}

// deployAPI makes the API that the project's file describes.
func (d *deployer) deployAPI(ctx context.Context) error {
	if d.plan.API == "" {
		return nil
	}
	text, err := readSwagger(d.plan.API)
	if err != nil {
		return err
	}
	return d.step("Deploying", "deployed", "api", filepath.Base(d.plan.API), func() error {
		doc := apiDoc{Namespace: d.namespace, Swagger: text}
		if err := d.manageAPI(ctx, d.client, http.MethodPost, "createApi", nil, map[string]any{"apidoc": doc}, nil); err != nil {
			return fmt.Errorf("Unable to create API '%s': %w", d.plan.API, err)
		}
		return nil
	})
}

// put makes an entity, or changes it to what it should be.
func (d *deployer) put(ctx context.Context, what, collection, name string, body any) error {
	return d.step("Deploying", "deployed", what, name, func() error {
		err := d.try(ctx, what+" "+name, client.Request{
			Method: http.MethodPut, Path: client.Path("namespaces", d.namespace, collection, name), Query: url.Values{"overwrite": {"true"}}, Body: body,
		})
		if err != nil {
			return fmt.Errorf("Unable to create %s '%s': %w", what, name, err)
		}
		return nil
	})
}

// attempts is how often a call is made that the server did not, or could not, answer.
const attempts = 3

// try makes a call whose repetition does no harm.
func (d *deployer) try(ctx context.Context, what string, r client.Request) error {
	for attempt := 1; ; attempt++ {
		_, err := d.client.Do(ctx, r)
		var refused *client.Error
		passing := errors.Is(err, client.ErrUnreachable) || errors.As(err, &refused) && (refused.Status >= 500 || refused.Status == http.StatusTooManyRequests)
		if !passing || attempt == attempts {
			return err
		}
		d.warn(fmt.Sprintf("Retrying [%s] after error: [%v]", what, err))
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// depend binds the package of others, or deploys the project that it is in.
func (d *deployer) depend(ctx context.Context, of manifest.Dependency) error {
	binding, annotations, inputs := of.Binding, of.Annotations, of.Inputs
	if binding == "" {
		name, err := d.deployProject(ctx, of)
		if err != nil {
			return fmt.Errorf("Unable to deploy dependency '%s': %w", of.Name, err)
		}
		if name == of.Name {
			return nil
		}
		binding = "/" + d.namespace + "/" + name
	}
	provider, err := d.parseEntity(binding)
	if err != nil {
		return err
	}
	body := client.Package{Namespace: d.namespace, Name: of.Name, Binding: bindingTo(provider), Parameters: inputs, Annotations: d.marked(annotations)}
	err = d.try(ctx, "binding "+of.Name, client.Request{
		Method: http.MethodPut, Path: client.Path("namespaces", d.namespace, "packages", of.Name), Query: url.Values{"overwrite": {"true"}}, Body: body,
	})
	if err != nil {
		return fmt.Errorf("Unable to create binding '%s': %w", of.Name, err)
	}
	return nil
}

// deployTrigger makes a trigger, and tells its feed of it; a feed that has it already
// forgets it first.
func (d *deployer) deployTrigger(ctx context.Context, t manifest.Trigger) error {
	name := entityName{d.namespace, t.Name}
	t.Namespace, t.Annotations = d.namespace, d.marked(t.Annotations)
	if t.Feed == "" {
		return d.put(ctx, "trigger", "triggers", t.Name, t.Trigger)
	}
	action, err := d.full(t.Feed)
	if err != nil {
		return err
	}
	if err := d.forget(ctx, name); err != nil {
		return err
	}
	t.Annotations = put(t.Annotations, feedAnnotation, quoted(action.String()))
	return d.step("Deploying", "deployed", "trigger feed", t.Name, func() error {
		if err := d.put(ctx, "trigger", "triggers", t.Name, t.Trigger); err != nil {
			return err
		}
		f := feed{app: d.app, client: d.client, trigger: name, action: action}
		err := f.quietly(ctx, feedCreate, t.Inputs)
		if err == nil {
			return nil
		}
		err = fmt.Errorf("Unable to create trigger '%s': %w", t.Name, err)
		if dropped := d.dropTrigger(context.WithoutCancel(ctx), d.client, name); dropped != nil {
			return errors.Join(err, fmt.Errorf("delete the trigger again: %w", dropped))
		}
		return err
	})
}

// forget tells the feed of a trigger, if there are such, that it goes. A feed that fails,
// or is gone, keeps nobody from anything.
func (d *deployer) forget(ctx context.Context, name entityName) error {
	existing, err := d.fetchTrigger(ctx, d.client, name)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("Unable to get trigger '%s': %w", name.entity, err)
	}
	f, hasFeed, err := d.feedOf(d.client, name, existing)
	if err == nil && hasFeed {
		err = f.quietly(ctx, feedDelete, nil)
	}
	if err != nil {
		d.warn(err.Error())
	}
	return nil
}

func (d *deployer) deployRule(ctx context.Context, rule client.Rule) error {
	rule.Namespace, rule.Annotations = d.namespace, d.marked(rule.Annotations)
	for _, part := range []*json.RawMessage{&rule.Trigger, &rule.Action} {
		var given string
		if err := json.Unmarshal(*part, &given); err != nil {
			return err
		}
		name, err := d.full(given)
		if err != nil {
			return err
		}
		*part = quoted(name.String())
	}
	if err := d.put(ctx, "rule", "rules", rule.Name, rule); err != nil {
		return err
	}
	// Its status is not changed by making it again: one that was disabled is enabled here.
	return d.try(ctx, "rule "+rule.Name, client.Request{
		Method: http.MethodPost, Path: client.Path("namespaces", d.namespace, "rules", rule.Name), Body: client.Rule{Status: "active"},
	})
}

func (d *deployer) deployRoute(ctx context.Context, r manifest.Route) error {
	action, err := d.full(r.Action)
	if err != nil {
		return err
	}
	response := r.Response
	if response == "" { // as the specification of manifests has it
		response = "http"
	}
	doc, err := d.routeOf(ctx, d.client, []string{r.Base, r.Path, r.Verb, action.String()}, r.API, response)
	if err != nil {
		return err
	}
	return d.manageAPI(ctx, d.client, http.MethodPost, "createApi", url.Values{"responsetype": {response}}, map[string]any{"apidoc": doc}, nil)
}

// preview shows what would be deployed.
func (d *deployer) preview() {
	out := d.Stdout
	fmt.Fprintln(out, "Packages:")
	for _, p := range d.plan.Packages {
		fmt.Fprintf(out, "    %s\n", p.Name)
		printInputs(d.app, p.Parameters)
	}
	fmt.Fprintln(out, "Dependencies:")
	for _, dep := range d.plan.Dependencies {
		fmt.Fprintf(out, "    %s: %s%s\n", dep.Name, dep.Binding, dep.Location)
		printInputs(d.app, dep.Inputs)
	}
	fmt.Fprintln(out, "Actions:")
	for _, action := range d.plan.Actions {
		switch s := action.Source; {
		case s == nil:
			fmt.Fprintf(out, "    %s: %s\n", action.Name, strings.Join(action.Exec.Components, ", "))
		default:
			fmt.Fprintf(out, "    %s: %s\n", action.Name, strings.Join(strings.Fields(s.Kind+" "+s.Image+" "+s.File), " "))
		}
		printInputs(d.app, action.Parameters)
	}
	fmt.Fprintln(out, "Triggers:")
	for _, t := range d.plan.Triggers {
		fmt.Fprintf(out, "    %s\n", strings.TrimSpace(t.Name+" "+t.Feed))
		printInputs(d.app, append(t.Parameters, t.Inputs...))
	}
	fmt.Fprintln(out, "Rules:")
	for _, rule := range d.plan.Rules {
		fmt.Fprintf(out, "    %s: %s -> %s\n", rule.Name, rule.Trigger, rule.Action)
	}
	fmt.Fprintln(out, "APIs:")
	for _, r := range d.plan.Routes {
		fmt.Fprintf(out, "    %s %s: %s\n", r.Verb, strings.TrimSuffix(r.Base, "/")+r.Path, r.Action)
	}
}

func printInputs(a *app, inputs client.KeyValues) {
	for _, kv := range inputs {
		fmt.Fprintf(a.Stdout, "        %s: %s\n", kv.Key, kv.Value)
	}
}
