package project

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Native is the kind of folders with a program of their own.
const Native = "native"

// A Recipe tells how the projects of one language are built.
type Recipe struct {
	// Family is the first half of the language's kinds.
	Family string
	// Manifests are files that tell the language; Sources are those that do where no
	// manifest is. They lie in the project's folder.
	Manifests, Sources []string
	// Entries are the files of which a runtime needs one; none asks for nothing.
	Entries []string

	plan func(s *source) (*plan, error)
}

// Kind is the default kind of the language.
func (r *Recipe) Kind() string {
	if r.Family == Native {
		return Native
	}
	return r.Family + ":default"
}

// Detect finds the recipe for a folder by its files, or for a kind when that is given.
func Detect(dir, kind string) (*Recipe, error) {
	if kind != "" {
		family, _, _ := strings.Cut(kind, ":")
		for i := range recipes {
			if recipes[i].Family == family {
				return &recipes[i], nil
			}
		}
		return &Recipe{Family: family}, nil
	}
	found, why := marked(dir, func(r *Recipe) []string { return r.Manifests })
	if len(found) == 0 {
		found, why = marked(dir, func(r *Recipe) []string { return r.Sources })
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("the language of the folder %s is not known: it has none of the files %s; give the kind with --kind", dir, strings.Join(marks(), ", "))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("the folder %s may be a project in %s: say which with --kind, for example --kind %s", dir, strings.Join(why, " or "), found[0].Kind())
}

// marked are the recipes of whose files one is in the folder, and which that is.
func marked(dir string, files func(*Recipe) []string) (found []*Recipe, why []string) {
	for i := range recipes {
		r := &recipes[i]
		if r.Family == Native && len(found) > 0 {
			continue // a program beside sources is theirs
		}
		at := slices.IndexFunc(files(r), func(name string) bool {
			info, err := os.Stat(filepath.Join(dir, name))
			return err == nil && info.Mode().IsRegular()
		})
		if at >= 0 {
			found, why = append(found, r), append(why, fmt.Sprintf("%s (%s)", r.Family, files(r)[at]))
		}
	}
	return found, why
}

// marks are all the files by which languages are told.
func marks() (all []string) {
	for _, r := range recipes {
		all = append(append(all, r.Manifests...), r.Sources...)
	}
	return all
}

// startable says what is missing before the runtime would.
func (r *Recipe) startable(dir string, files []file) error {
	if len(r.Entries) == 0 || slices.ContainsFunc(files, func(f file) bool { return slices.Contains(r.Entries, f.name) }) {
		return nil
	}
	return fmt.Errorf("the folder %s cannot be started: an action of the kind %s needs one of the files %s", dir, r.Family, strings.Join(r.Entries, ", "))
}

// A source is the project that a plan is made for.
type source struct {
	ctx   context.Context
	files []file
	kind  string
}

func (s *source) has(name string) bool {
	return slices.ContainsFunc(s.files, func(f file) bool { return f.name == name })
}

// text is the content of a file, empty when there is none.
func (s *source) text(name string) (string, error) {
	for _, f := range s.files {
		if f.name == name {
			text, err := os.ReadFile(f.path)
			return string(text), err
		}
	}
	return "", nil
}

// A plan is what is done for one project.
type plan struct {
	// Install, and then After in the folder of the build, makes Outputs, the dependencies, which are kept until one of Inputs (name
	// patterns) or Also has changed.
	Install []Step
	After   func(work string) error
	Outputs []string
	Inputs  patterns
	Also    string
	// Whole says that the dependencies depend on all files of the project, so that they cannot be kept.
	Whole bool
	// Beside is one of Outputs whose content is packed beside the code.
	Beside string
	// Build is run after that when any file has changed.
	Build []Step
	// Leave are patterns of what is not packed, by the names in the folder of the build.
	Leave patterns
	// Jar finds the result among the files: a jar alone, or what a zip is to have; nil packs all.
	Jar func(files []file) (jar *file, zip []file, err error)
}

// replaces says that a file of the project gives way to what is installed.
func (p *plan) replaces(f file) bool {
	return len(p.Install) > 0 && slices.ContainsFunc(p.Outputs, func(o string) bool { return strings.HasPrefix(f.name, o+"/") })
}

// place is the name that a file of the build has in the archive.
func (p *plan) place(name string) string {
	if p.Beside == "" {
		return name
	}
	return strings.TrimPrefix(name, p.Beside+"/")
}

// inputs are the files on which the dependencies depend.
func (p *plan) inputs(files []file) []file {
	if p.Whole {
		return files
	}
	return slices.DeleteFunc(slices.Clone(files), func(f file) bool { return !p.Inputs.matchFile(f.name) })
}

// versions are those of all tools that the plan runs.
func (p *plan) versions(ctx context.Context) (string, error) {
	var all strings.Builder
	var asked []*Tool
	for _, s := range slices.Concat(p.Install, p.Build) {
		if slices.Contains(asked, s.Tool) {
			continue
		}
		asked = append(asked, s.Tool)
		version, err := s.Tool.version(ctx)
		if err != nil {
			return "", err
		}
		all.WriteString(version)
	}
	return all.String(), nil
}
