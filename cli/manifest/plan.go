package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quirl/client"
)

// Options say what is read, and what is known besides.
type Options struct {
	// Manifest is a file; Deployment is one, or empty.
	Manifest, Deployment string
	// Params are values that inputs of their names get.
	Params client.KeyValues
	// Strict keeps a runtime that does not fit the file of its action.
	Strict bool
	// LookupEnv finds the variables that files refer to.
	LookupEnv func(string) (string, bool)
	// Warn is told what is odd, in a sentence.
	Warn func(sentence string)
}

// A Plan is what a project consists of. Names of actions are with their package;
// packages that are referred to as default are no packages. Bodies are ready to be
// sent, but for the Exec of actions that have a Source.
type Plan struct {
	// Project is the project's name; empty when it has none.
	Project string
	// Where it goes, as far as the files say.
	Namespace, APIHost, Credential, Token string

	Packages     []client.Package
	Dependencies []Dependency
	Actions      []Action // sequences after all others
	Triggers     []Trigger
	Rules        []client.Rule
	Routes       []Route
	// API is a file with an API in the form of OpenAPI 2; empty when there is none.
	API string
}

// A Dependency is a package of others, known under a name of this project.
type Dependency struct {
	Name string
	// Binding is /namespace/package; empty for a project that is fetched and deployed.
	Binding string
	// Location is that project: a folder, or OWNER/REPOSITORY[/FOLDER] on GitHub, of which
	// Version is the branch, tag or commit.
	Location, Version string
	GitHub            bool
	Inputs            client.KeyValues
	Annotations       client.KeyValues
}

// An Action is the action to be, and where its code is.
type Action struct {
	client.Action
	Source *Source // nil for a sequence
	Web    string  // as --web has it; empty when nothing is said
}

// A Source says what an action runs.
type Source struct {
	// File is a path, or a URL of one; Code is the text of a program. One of them is set,
	// or none when an image is.
	File, Code string
	Kind       string // empty: by the file
	Main       string
	Image      string
	Native     bool
	// What is packed besides, and not at all, of a folder: patterns, from Dir on.
	Dir     string
	Include [][]string
	Exclude []string
}

// A Trigger is the trigger to be; Inputs are the feed's when it has one.
type Trigger struct {
	client.Trigger
	Feed   string
	Inputs client.KeyValues
}

// A Route is a path of an API, and the web action behind it, with its package.
type Route struct {
	API, Base, Path, Verb, Action, Response string
}

// defaultPackage is the package whose entities are in none.
const defaultPackage = "default"

// Find finds the manifest, and the deployment file if there is one, of a folder.
func Find(dir string) (manifest, deployment string, err error) {
	find := func(name string) string {
		for _, extension := range []string{".yaml", ".yml"} {
			path := filepath.Join(dir, name+extension)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
		return ""
	}
	manifest = find("manifest")
	if manifest == "" {
		return "", "", fmt.Errorf("Manifest file not found at path [%s].", filepath.Join(dir, "manifest.yaml"))
	}
	return manifest, find("deployment"), nil
}

// Read reads a project's files.
func Read(o Options) (*Plan, error) {
	if _, err := os.Stat(o.Manifest); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("Manifest file not found at path [%s].", o.Manifest)
	}
	f, err := readFile(o.Manifest)
	if err != nil {
		return nil, err
	}
	o.Warn = once(o.Warn)
	p := &planner{
		Plan: &Plan{}, scope: scope{Options: o, overrides: o.Params}.with(o.Params),
		file: filepath.Base(o.Manifest), dir: filepath.Dir(o.Manifest),
	}
	if o.Deployment != "" {
		d, err := readFile(o.Deployment)
		if err != nil {
			return nil, err
		}
		if err := p.overlay(f, d); err != nil {
			return nil, err
		}
	}
	p.target(&f.Project)
	if config := p.text(f.Project.Config); config != "" {
		p.API = filepath.Join(p.dir, filepath.FromSlash(config))
	}
	packages := f.all()
	if len(packages) == 0 {
		p.Warn(fmt.Sprintf("The manifest file [%s] contained no packages.", o.Manifest))
	}
	inputs, err := p.resolve(f.Project.Inputs)
	if err != nil {
		return nil, fmt.Errorf("%s: project: %w", p.file, err)
	}
	for _, e := range packages {
		if err := p.pkg(p.with(inputs), e.name, &e.value); err != nil {
			return nil, fmt.Errorf("%s: package %s: %w", p.file, e.name, err)
		}
	}
	slices.SortStableFunc(p.Actions, func(a, b Action) int { return sequencesLast(a) - sequencesLast(b) })
	return p.Plan, nil
}

func sequencesLast(a Action) int {
	if a.Source == nil {
		return 1
	}
	return 0
}

type planner struct {
	*Plan
	scope
	file, dir string // of the manifest
}

// once passes no sentence on a second time.
func once(warn func(string)) func(string) {
	said := map[string]bool{}
	return func(sentence string) {
		if !said[sentence] {
			said[sentence] = true
			warn(sentence)
		}
	}
}

// target takes what a file says of where the project goes; the first file that says it counts.
func (p *planner) target(f *project) {
	for _, of := range []struct {
		to    *string
		given string
	}{{&p.Project, f.Name}, {&p.Namespace, f.Namespace}, {&p.APIHost, f.APIHost}, {&p.Credential, f.Credential}, {&p.Token, f.Token}} {
		if *of.to == "" {
			*of.to = p.text(of.given)
		}
	}
}

// overlay puts into a manifest what the deployment file says of its entities.
func (p *planner) overlay(manifest, deployment *file) error {
	if d, m := deployment.Project.Name, manifest.Project.Name; d != "" && m != "" && d != m {
		return fmt.Errorf("The project named [%s] in deployment file [%s] does not match the name [%s] in manifest file [%s].", d, p.Deployment, m, p.Manifest)
	}
	p.target(&deployment.Project)
	overlayInputs(&manifest.Project.Inputs, deployment.Project.Inputs)
	all := manifest.all()
	for _, d := range deployment.all() {
		to := all.get(d.name)
		if to == nil {
			p.missing("package", d.name)
			continue
		}
		from := d.value
		overlayInputs(&to.Inputs, from.Inputs)
		overlayNodes(&to.Annotations, from.Annotations)
		for _, a := range from.Actions {
			if of := to.Actions.get(a.name); of != nil {
				overlayInputs(&of.Inputs, a.value.Inputs)
				overlayNodes(&of.Annotations, a.value.Annotations)
			} else {
				p.missing("action", a.name)
			}
		}
		for _, t := range from.Triggers {
			if of := to.Triggers.get(t.name); of != nil {
				overlayInputs(&of.Inputs, t.value.Inputs)
				overlayNodes(&of.Annotations, t.value.Annotations)
			} else {
				p.missing("trigger", t.name)
			}
		}
	}
	manifest.Packages, manifest.Project.Packages, manifest.Package, manifest.Project.Package = all, nil, nil, nil
	return nil
}

func (p *planner) missing(what, name string) {
	p.Warn(fmt.Sprintf("The %s [%s] in the deployment file was not found in the manifest file.", what, name))
}

func overlayInputs(to *ordered[input], from ordered[input]) {
	for _, e := range from {
		if have := to.get(e.name); have != nil {
			*have = have.override(e.value)
		} else {
			*to = append(*to, e)
		}
	}
}

func overlayNodes[T any](to *ordered[T], from ordered[T]) {
	for _, e := range from {
		if have := to.get(e.name); have != nil {
			*have = e.value
		} else {
			*to = append(*to, e)
		}
	}
}

func (p *planner) pkg(s scope, name string, f *pkg) error {
	name = s.text(name)
	if name == "" {
		return errors.New("it has no name")
	}
	p.target(&project{Namespace: f.Namespace, APIHost: f.APIHost, Credential: f.Credential, Token: f.Token})
	inputs, err := s.resolve(f.Inputs)
	if err != nil {
		return err
	}
	annotations, err := s.annotations(f.Annotations)
	if err != nil {
		return err
	}
	if name != defaultPackage {
		body := client.Package{Name: name, Parameters: inputs, Annotations: described(annotations, f.Description)}
		body.Publish = &f.Public
		p.Packages = append(p.Packages, body)
	}
	if len(f.Feeds) > 0 {
		p.Warn(fmt.Sprintf("The feeds of package [%s] are not deployed: a feed is an action with the annotation feed, a trigger names it under the key feed.", name))
	}
	if len(f.Compositions) > 0 {
		p.Warn(fmt.Sprintf("The compositions of package [%s] are not deployed: deploy what the composer makes of them as an action with the key conductor.", name))
	}
	in := &inPackage{planner: p, scope: s.with(inputs), name: name}
	return errors.Join(in.dependencies(f), in.actions(f), in.sequences(f), in.triggers(f), in.rules(f), in.routes(f))
}

// inPackage plans what a package has.
type inPackage struct {
	*planner
	scope
	name string
}

// qualified is the name of an action that is in this package unless it says another:
// /namespace/package/name, or package/name.
func (p *inPackage) qualified(name string) string {
	if strings.Contains(name, "/") || p.name == defaultPackage {
		return name
	}
	return p.name + "/" + name
}

func described(annotations client.KeyValues, description string) client.KeyValues {
	if description == "" || annotations.Get("description") != nil {
		return annotations
	}
	return append(annotations, client.KeyValue{Key: "description", Value: quoted(description)})
}

// each plans the entities of one sort; an error tells which.
func each[T any](what string, all ordered[T], plan func(name string, of T) error) error {
	var problems []error
	for _, e := range all {
		if err := plan(e.name, e.value); err != nil {
			problems = append(problems, fmt.Errorf("line %d: %s %s: %w", e.line, what, e.name, err))
		}
	}
	return errors.Join(problems...)
}

func (p *inPackage) dependencies(f *pkg) error {
	return each("dependency", f.Dependencies, func(name string, of dependency) (err error) {
		d := Dependency{Name: p.scope.text(name), Version: p.scope.text(of.Version)}
		if d.Inputs, err = p.scope.resolve(of.Inputs); err != nil {
			return err
		}
		if d.Annotations, err = p.scope.annotations(of.Annotations); err != nil {
			return err
		}
		location := strings.TrimSuffix(p.scope.text(of.Location), "/")
		repository, isGitHub := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(location, "https://"), "http://"), "github.com/")
		switch parts := strings.Split(strings.TrimPrefix(location, "/"), "/"); {
		case isGitHub && strings.Count(repository, "/") >= 1:
			d.GitHub, d.Location = true, repository
			if d.Version == "" {
				d.Version = "master"
			}
		case strings.HasPrefix(location, "./"), strings.HasPrefix(location, "../"):
			d.Location = filepath.Join(p.dir, filepath.FromSlash(location))
		case len(parts) == 2 && parts[0] != "" && parts[1] != "":
			d.Binding = "/" + strings.Join(parts, "/")
		default:
			return fmt.Errorf("%q is no location: a package (/namespace/package), a folder (./folder) or a repository (github.com/owner/repository/folder) is one", location)
		}
		p.Dependencies = append(p.Dependencies, d)
		return nil
	})
}

func (p *inPackage) actions(f *pkg) error {
	return each("action", f.Actions, func(name string, of action) (err error) {
		a := Action{Action: client.Action{Name: p.qualified(p.scope.text(name))}}
		if a.Parameters, err = p.scope.resolve(of.Inputs); err != nil {
			return err
		}
		if a.Annotations, err = p.scope.annotations(of.Annotations); err != nil {
			return err
		}
		a.Annotations = described(a.Annotations, of.Description)
		for _, flag := range []struct {
			key string
			set bool
		}{{"conductor", of.Conductor}, {"feed", of.Feed}, {"raw-http", of.RawHTTP}, {"final", of.Final}} {
			if flag.set && a.Annotations.Get(flag.key) == nil {
				a.Annotations = append(a.Annotations, client.KeyValue{Key: flag.key, Value: json.RawMessage("true")})
			}
		}
		if of.Runtime == "" {
			of.Runtime = of.Kind
		}
		p.renamed(&of.Function, of.Location, "location", "function")
		p.renamed(&of.Web, of.WebExport, "web-export", "web")
		if a.Source, err = p.source(name, of); err != nil {
			return err
		}
		if a.Web, err = p.web(name, of.Web); err != nil {
			return err
		}
		a.Limits = p.limits(of.Limits)
		p.Actions = append(p.Actions, a)
		return nil
	})
}

// renamed takes the value of a key's old name.
func (p *inPackage) renamed(to *string, old, oldKey, newKey string) {
	if old == "" {
		return
	}
	if oldKey != "web-export" { // which is as good as the other
		p.Warn(fmt.Sprintf("The [%s] key in the manifest file will soon be deprecated, please use the [%s] key instead.", oldKey, newKey))
	}
	if *to == "" {
		*to = old
	}
}

func (p *inPackage) web(name, given string) (string, error) {
	mode := strings.ToLower(p.scope.text(given))
	if mode != "" && !slices.Contains([]string{"yes", "true", "raw", "no", "false"}, mode) {
		return "", fmt.Errorf("Action [%s] has the value %q for web; yes, true, raw, no and false are possible", name, given)
	}
	return mode, nil
}

// source says what an action runs.
func (p *inPackage) source(name string, of action) (*Source, error) {
	text := p.scope.text
	s := &Source{Code: of.Code, Main: text(of.Main), Image: text(of.Docker), Native: of.Native, Dir: p.dir, Include: of.Include, Exclude: of.Exclude}
	runtime := strings.Replace(text(of.Runtime), "@", ":", 1) // nodejs@20 is another way to write it
	if runtime != "" && !strings.Contains(runtime, ":") {
		runtime += ":default"
	}
	s.Kind = runtime
	for _, pattern := range of.Include {
		if len(pattern) != 1 && len(pattern) != 2 {
			return nil, errors.New("include is a list of [what] or [what, where to]")
		}
	}
	function := text(of.Function)
	switch {
	case function != "" && of.Code != "":
		return nil, fmt.Errorf("Action [%s] is invalid. It has both code and function specified, only one of them is expected.", name)
	case of.Code != "":
		if runtime == "" && s.Image == "" {
			return nil, fmt.Errorf("Action [%s] is invalid. It has code specified without any runtime. With action source code, runtime is mandatory.", name)
		}
	case function == "" && s.Image == "":
		return nil, fmt.Errorf("Action [%s] is invalid. It has neither function nor code.", name)
	case strings.HasPrefix(function, "http://"), strings.HasPrefix(function, "https://"):
		s.File = function
	case function != "":
		s.File = function
		if !filepath.IsAbs(function) {
			s.File = filepath.Join(p.dir, filepath.FromSlash(function))
		}
		if _, err := os.Stat(s.File); err != nil {
			return nil, fmt.Errorf("its function cannot be read: %w", err)
		}
	}
	p.fitting(name, s)
	return s, nil
}

// Families maps file extensions to families of kinds.
var Families = map[string]string{
	".js": "nodejs", ".py": "python", ".java": "java", ".jar": "java", ".swift": "swift", ".php": "php",
	".rb": "ruby", ".rs": "rust", ".go": "go", ".cs": "dotnet", ".balx": "ballerina",
}

// fitting drops a runtime of another language than the file's, unless that is meant so.
func (p *inPackage) fitting(name string, s *Source) {
	language, _, _ := strings.Cut(s.Kind, ":")
	extension := filepath.Ext(s.File)
	family := Families[extension]
	if s.Kind == "" || family == "" || language == family || p.Strict || s.Native || s.Image != "" || family == "nodejs" && (language == "bun" || language == "deno") {
		return
	}
	p.Warn(fmt.Sprintf("Runtime [%s] specified in manifest does not match with action's source file extension [%s] for action [%s].", s.Kind, strings.TrimPrefix(extension, "."), name))
	s.Kind = family + ":default"
	p.Warn(fmt.Sprintf("Runtime changed to [%s] based on the action's source file extension for action [%s].", s.Kind, name))
}

func (p *inPackage) limits(given *limits) *client.Limits {
	if given == nil {
		return nil
	}
	for _, fixed := range []struct {
		name  string
		value *int
	}{
		{"concurrentActivations", given.Activations}, {"userInvocationRate", given.Rate},
		{"codeSize", given.CodeSize}, {"parameterSize", given.ParameterSize},
	} {
		if fixed.value != nil {
			p.Warn(fmt.Sprintf("Limit [%s] is currently not changeable. Ignoring...", fixed.name))
		}
	}
	l := &client.Limits{Timeout: given.Timeout, Memory: given.MemorySize, Logsize: given.LogSize, Concurrency: given.Concurrency}
	if *l == (client.Limits{}) {
		return nil
	}
	return l
}

func (p *inPackage) sequences(f *pkg) error {
	return each("sequence", f.Sequences, func(name string, of sequence) (err error) {
		a := Action{Action: client.Action{Name: p.qualified(p.scope.text(name)), Exec: &client.Exec{Kind: "sequence"}}}
		for component := range strings.SplitSeq(p.scope.text(of.Actions), ",") {
			component = strings.TrimSpace(component)
			if component == "" {
				return errors.New("actions is a list of actions with commas between them")
			}
			a.Exec.Components = append(a.Exec.Components, p.qualified(component))
		}
		if a.Annotations, err = p.scope.annotations(of.Annotations); err != nil {
			return err
		}
		a.Annotations = described(a.Annotations, of.Description)
		if a.Web, err = p.web(name, of.Web); err != nil {
			return err
		}
		p.Actions = append(p.Actions, a)
		return nil
	})
}

func (p *inPackage) triggers(f *pkg) error {
	return each("trigger", f.Triggers, func(name string, of trigger) (err error) {
		t := Trigger{Trigger: client.Trigger{Name: p.scope.text(name)}}
		if t.Inputs, err = p.scope.resolve(of.Inputs); err != nil {
			return err
		}
		if t.Annotations, err = p.scope.annotations(of.Annotations); err != nil {
			return err
		}
		t.Annotations = described(t.Annotations, of.Description)
		p.renamed(&of.Feed, of.Source, "source", "feed")
		t.Feed = p.scope.text(of.Feed)
		if t.Feed == "" {
			t.Parameters, t.Inputs = t.Inputs, nil
		}
		p.Triggers = append(p.Triggers, t)
		return nil
	})
}

func (p *inPackage) rules(f *pkg) error {
	return each("rule", f.Rules, func(name string, of rule) error {
		trigger, action := p.scope.text(of.Trigger), p.scope.text(of.Action)
		if trigger == "" || action == "" {
			return errors.New("a rule has the keys trigger and action")
		}
		annotations, err := p.scope.annotations(of.Annotations)
		if err != nil {
			return err
		}
		p.Rules = append(p.Rules, client.Rule{
			Name: p.scope.text(name), Annotations: described(annotations, of.Description),
			Trigger: quoted(trigger), Action: quoted(p.qualified(action)),
		})
		return nil
	})
}

func (p *inPackage) routes(f *pkg) error {
	return each("api", f.APIs, func(api string, of bases) error {
		for _, base := range of {
			for _, path := range base.value {
				for _, to := range path.value {
					if to.value.Method == "" {
						return fmt.Errorf("line %d: %s has no verb", to.line, to.name)
					}
					p.Routes = append(p.Routes, Route{
						API: p.scope.text(api), Base: rooted(base.name), Path: rooted(path.name), Verb: strings.ToUpper(to.value.Method),
						Action: p.qualified(to.name), Response: to.value.Response,
					})
				}
			}
		}
		return nil
	})
}

func rooted(path string) string { return "/" + strings.TrimPrefix(path, "/") }
