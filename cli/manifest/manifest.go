// Package manifest reads the two files that describe a project of OpenWhisk's,
// manifest.yaml and deployment.yaml, into a plan: the entities that the project
// consists of, in the order in which they can be made. It also writes such files.
//
// It promises to refuse a key that means nothing, with its line, to keep the order of
// the file, and to contact nobody: what it knows of the world is files and variables.
// The format is that of OpenWhisk's wskdeploy; docs/deploy.md tells of it.
package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A file is a manifest, or a deployment file, which says more of a manifest's entities.
type file struct {
	Project  project      `yaml:"project"`
	Packages ordered[pkg] `yaml:"packages"`
	// Of older files.
	Application *project `yaml:"application"`
	Package     *pkg     `yaml:"package"`
}

type project struct {
	Name       string `yaml:"name"`
	Namespace  string `yaml:"namespace"`
	Credential string `yaml:"credential"`
	APIHost    string `yaml:"apiHost"`
	Token      string `yaml:"apigwAccessToken"`
	Version    string `yaml:"version"`
	License    string `yaml:"license"`
	// Config is a file with an API in the form of OpenAPI 2.
	Config   string         `yaml:"config"`
	Inputs   ordered[input] `yaml:"inputs"`
	Packages ordered[pkg]   `yaml:"packages"`
	Package  *pkg           `yaml:"package"`
}

type pkg struct {
	Name         string              `yaml:"name"`
	Version      string              `yaml:"version"`
	License      string              `yaml:"license"`
	Description  string              `yaml:"description"`
	Public       bool                `yaml:"public"`
	Namespace    string              `yaml:"namespace"`
	Credential   string              `yaml:"credential"`
	APIHost      string              `yaml:"apiHost"`
	Token        string              `yaml:"apigwAccessToken"`
	Inputs       ordered[input]      `yaml:"inputs"`
	Annotations  ordered[yaml.Node]  `yaml:"annotations"`
	Dependencies ordered[dependency] `yaml:"dependencies"`
	Actions      ordered[action]     `yaml:"actions"`
	Sequences    ordered[sequence]   `yaml:"sequences"`
	Triggers     ordered[trigger]    `yaml:"triggers"`
	Rules        ordered[rule]       `yaml:"rules"`
	APIs         ordered[bases]      `yaml:"apis"`
	Feeds        ordered[yaml.Node]  `yaml:"feeds"`
	Repositories yaml.Node           `yaml:"repositories"`
	Compositions ordered[yaml.Node]  `yaml:"compositions"`
	DisplayName  string              `yaml:"displayName"`
}

type action struct {
	Name        string             `yaml:"name"`
	Version     string             `yaml:"version"`
	Description string             `yaml:"description"`
	Function    string             `yaml:"function"`
	Location    string             `yaml:"location"` // old name of function
	Code        string             `yaml:"code"`
	Runtime     string             `yaml:"runtime"`
	Kind        string             `yaml:"kind"` // another name of runtime
	Main        string             `yaml:"main"`
	Docker      string             `yaml:"docker"`
	Native      bool               `yaml:"native"`
	Conductor   bool               `yaml:"conductor"`
	Feed        bool               `yaml:"feed"`
	RawHTTP     bool               `yaml:"raw-http"`
	Final       bool               `yaml:"final"`
	Web         string             `yaml:"web"`
	WebExport   string             `yaml:"web-export"`
	Limits      *limits            `yaml:"limits"`
	Inputs      ordered[input]     `yaml:"inputs"`
	Outputs     yaml.Node          `yaml:"outputs"`
	Annotations ordered[yaml.Node] `yaml:"annotations"`
	Include     [][]string         `yaml:"include"`
	Exclude     []string           `yaml:"exclude"`
	Namespace   string             `yaml:"namespace"`
	Credential  string             `yaml:"credential"`
	ExposedURL  string             `yaml:"exposedUrl"`
	DisplayName string             `yaml:"displayName"`
}

// limits are in milliseconds, MB, MB and activations of one container. The others cannot be set.
type limits struct {
	Timeout       *int `yaml:"timeout"`
	MemorySize    *int `yaml:"memorySize"`
	LogSize       *int `yaml:"logSize"`
	Concurrency   *int `yaml:"concurrency"`
	Activations   *int `yaml:"concurrentActivations"`
	Rate          *int `yaml:"userInvocationRate"`
	CodeSize      *int `yaml:"codeSize"`
	ParameterSize *int `yaml:"parameterSize"`
}

type sequence struct {
	Description string             `yaml:"description"`
	Actions     string             `yaml:"actions"`
	Web         string             `yaml:"web"`
	Annotations ordered[yaml.Node] `yaml:"annotations"`
}

type trigger struct {
	Name        string             `yaml:"name"`
	Description string             `yaml:"description"`
	Feed        string             `yaml:"feed"`
	Source      string             `yaml:"source"` // old name of feed
	Inputs      ordered[input]     `yaml:"inputs"`
	Annotations ordered[yaml.Node] `yaml:"annotations"`
	Namespace   string             `yaml:"namespace"`
	Credential  string             `yaml:"credential"`
	Events      yaml.Node          `yaml:"events"`
	DisplayName string             `yaml:"displayName"`
}

type rule struct {
	Name        string             `yaml:"name"`
	Description string             `yaml:"description"`
	Trigger     string             `yaml:"trigger"`
	Action      string             `yaml:"action"`
	Rule        string             `yaml:"rule"`
	DisplayName string             `yaml:"displayName"`
	Annotations ordered[yaml.Node] `yaml:"annotations"`
}

type dependency struct {
	Location    string             `yaml:"location"`
	Version     string             `yaml:"version"`
	Description string             `yaml:"description"`
	Inputs      ordered[input]     `yaml:"inputs"`
	Annotations ordered[yaml.Node] `yaml:"annotations"`
}

// bases are the base paths of an API with their paths, and these with the actions behind them.
type bases = ordered[ordered[ordered[operation]]]

// An operation is a verb, or a verb with the type of its response.
type operation struct {
	Method   string `yaml:"method"`
	Response string `yaml:"response"`
}

func (o *operation) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&o.Method)
	}
	type plain operation
	return strict(n, (*plain)(o))
}

// all are the packages of a file, wherever they stand in it.
func (f *file) all() ordered[pkg] {
	all := append(slices.Clone(f.Project.Packages), f.Packages...)
	for _, old := range []*pkg{f.Package, f.Project.Package} {
		if old != nil {
			all = append(all, entry[pkg]{name: old.Name, value: *old})
		}
	}
	return all
}

// readFile reads a manifest or a deployment file.
func readFile(path string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), plainly(err))
	}
	f := &file{}
	if len(document.Content) == 0 {
		return f, nil
	}
	if err := finite(&document, new(int), nil); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if err := strict(document.Content[0], f); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), plainly(err))
	}
	if f.Application != nil {
		f.Project = *f.Application
	}
	return f, nil
}

// maxNodes is what a file may have when all its aliases are written out.
const maxNodes = 100_000

// finite complains of aliases that lead back to themselves, or to very much. It counts
// nodes; above are those that lead here.
func finite(n *yaml.Node, count *int, above []*yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		if slices.Contains(above, n.Alias) {
			return fmt.Errorf("line %d: the value of %s contains itself", n.Line, n.Value)
		}
		n = n.Alias
	}
	if *count++; *count > maxNodes {
		return fmt.Errorf("line %d: with all aliases written out there are more than %d values", n.Line, maxNodes)
	}
	if len(n.Content) == 0 {
		return nil
	}
	above = append(above, n)
	for _, inside := range n.Content {
		if err := finite(inside, count, above); err != nil {
			return err
		}
	}
	return nil
}

// plainly takes from an error of the YAML library what only programmers want to know.
func plainly(err error) error {
	var many *yaml.TypeError
	if errors.As(err, &many) {
		return errors.New(strings.Join(many.Errors, "; "))
	}
	return err
}

// ordered is a mapping whose order, and the lines of whose keys, are kept.
type ordered[T any] []entry[T]

type entry[T any] struct {
	name  string
	line  int
	value T
}

// get returns the value of a name, nil when there is none.
func (o ordered[T]) get(name string) *T {
	for i := range o {
		if o[i].name == name {
			return &o[i].value
		}
	}
	return nil
}

// UnmarshalYAML reads a mapping; of two equal keys it complains.
func (o *ordered[T]) UnmarshalYAML(n *yaml.Node) error {
	n = target(n)
	if n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: names with values are expected here", n.Line)
	}
	for key, value := range pairs(n) {
		if o.get(key.Value) != nil {
			return fmt.Errorf("line %d: %s is here a second time", key.Line, key.Value)
		}
		e := entry[T]{name: key.Value, line: key.Line}
		if err := strict(value, &e.value); err != nil {
			return err
		}
		*o = append(*o, e)
	}
	return nil
}

// target is the node that an alias stands for.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pairs are the keys and values of a mapping, those merged in first.
func pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		own := map[string]bool{}
		for i := 0; i < len(n.Content); i += 2 {
			own[n.Content[i].Value] = true
		}
		for i := 0; i < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Tag != "!!merge" {
				if !yield(key, value) {
					return
				}
				continue
			}
			for inheritedKey, inherited := range pairs(target(value)) {
				if !own[inheritedKey.Value] && !yield(inheritedKey, inherited) {
					return
				}
			}
		}
	}
}

var (
	nodeType    = reflect.TypeFor[yaml.Node]()
	unmarshaler = reflect.TypeFor[yaml.Unmarshaler]()
)

// strict decodes a node, and complains of keys that the structure does not have.
func strict(n *yaml.Node, into any) error {
	if err := known(target(n), reflect.TypeOf(into).Elem()); err != nil {
		return err
	}
	return n.Decode(into)
}

func known(n *yaml.Node, t reflect.Type) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == nodeType || reflect.PointerTo(t).Implements(unmarshaler) || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: keys with values are expected here", n.Line)
	}
	for key, value := range pairs(n) {
		i := slices.IndexFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("yaml") == key.Value })
		if i < 0 {
			return fmt.Errorf("line %d: there is no key %q here", key.Line, key.Value)
		}
		if err := known(target(value), reflect.VisibleFields(t)[i].Type); err != nil {
			return err
		}
	}
	return nil
}
