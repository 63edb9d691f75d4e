// Package catalog is the functions that every platform has: the packages of the
// namespace whisk.system, which everybody may use, bind and put into sequences.
//
// Each folder is a package: manifest.json describes it, the other files are its
// functions. Install brings them into a store.
package catalog

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"quirl/whisk"
)

// Namespace owns the packages of the catalog.
const Namespace = whisk.SystemNamespace

//go:embed */manifest.json */*.js */*.py
var files embed.FS

// A Package is one package of the catalog.
type Package struct {
	Name        string
	Annotations whisk.Parameters
	Actions     []Action // by name
}

// An Action is one function of the catalog.
type Action struct {
	Name string
	// Kind is that of the file's language as users write it, e.g. nodejs:default.
	Kind        string
	Code        string
	Annotations whisk.Parameters
}

// kinds are the kinds of functions by the extension of their files.
var kinds = map[string]string{".js": "nodejs:default", ".py": "python:default"}

// A manifest is the file that describes a package. Annotations are objects, in
// the order in which the API shows them.
type manifest struct {
	Annotations json.RawMessage `json:"annotations"`
	Actions     map[string]struct {
		File        string          `json:"file"` // from the catalog's root: packages may share a function
		Annotations json.RawMessage `json:"annotations"`
	} `json:"actions"`
}

// Packages returns the packages of the catalog by name.
func Packages() []Package {
	names, err := fs.Glob(files, "*/manifest.json")
	if err != nil {
		panic(err) // the pattern is right
	}
	packages := make([]Package, len(names))
	for i, name := range names {
		if packages[i], err = load(name); err != nil {
			panic(err) // the files are part of this program, and a test loads them
		}
	}
	return packages
}

func load(file string) (Package, error) {
	p := Package{Name: path.Dir(file)}
	text, err := files.ReadFile(file)
	if err != nil {
		return p, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return p, fmt.Errorf("%s: %w", file, err)
	}
	if p.Annotations, err = annotations(m.Annotations); err != nil {
		return p, fmt.Errorf("%s: %w", file, err)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Actions)) {
		code, err := files.ReadFile(m.Actions[name].File)
		if err != nil {
			return p, fmt.Errorf("%s: %s: %w", file, name, err)
		}
		a := Action{Name: name, Kind: kinds[path.Ext(m.Actions[name].File)], Code: string(code)}
		if a.Annotations, err = annotations(m.Actions[name].Annotations); err != nil {
			return p, fmt.Errorf("%s: %s: %w", file, name, err)
		}
		p.Actions = append(p.Actions, a)
	}
	return p, nil
}

// annotations reads an object with its members in order.
func annotations(object json.RawMessage) (whisk.Parameters, error) {
	members, err := whisk.Members(object)
	for i := range members {
		members[i].Value = whisk.Compact(members[i].Value)
	}
	return members, err
}
