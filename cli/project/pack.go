package project

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Folder is packed as it is: nothing is installed, nothing is built.
type Folder struct {
	Dir string
	// Base is the folder that Include and Exclude start from.
	Base string
	// Include are files from elsewhere: [what], which keeps its path below Base, or
	// [what, where to]. What is a file, a folder or a pattern.
	Include [][]string
	// Exclude are patterns, as in .gitignore files, of what is left out.
	Exclude []string
}

// Pack makes the zip archive of a folder.
func (f Folder) Pack() ([]byte, error) {
	files, err := scan(f.Dir, nil)
	if err != nil {
		return nil, err
	}
	for _, include := range f.Include {
		more, err := f.included(include)
		if err != nil {
			return nil, fmt.Errorf("include %s: %w", strings.Join(include, ", "), err)
		}
		for _, m := range more { // what is named last counts
			files = append(slices.DeleteFunc(files, func(have file) bool { return have.name == m.name }), m)
		}
	}
	if files, err = f.kept(files); err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("the folder %s has no files to upload", f.Dir)
	}
	temporary, err := os.MkdirTemp("", "quirl-pack-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temporary)
	target := filepath.Join(temporary, "archive.zip")
	if err := pack(target, files); err != nil {
		return nil, err
	}
	if err := checkSize(target, maxArchive); err != nil {
		return nil, fmt.Errorf("the archive of %s %w", f.Dir, err)
	}
	return os.ReadFile(target)
}

// included are the files of one inclusion, by their names in the archive.
func (f Folder) included(include []string) ([]file, error) {
	what := path.Clean(filepath.ToSlash(include[0]))
	steps := strings.Split(what, "/")
	fixed := slices.IndexFunc(steps, func(step string) bool { return strings.ContainsAny(step, "*?[") })
	if fixed < 0 {
		fixed = len(steps)
	}
	prefix, rest := path.Join(steps[:fixed]...), strings.Join(steps[fixed:], "/")
	root := filepath.Join(f.Base, filepath.FromSlash(prefix))
	info, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	below := prefix
	for strings.HasPrefix(below+"/", "../") {
		below = strings.TrimPrefix(strings.TrimPrefix(below, ".."), "/")
	}
	if len(include) == 2 {
		below = strings.TrimPrefix(path.Clean("/"+include[1]), "/")
	}
	if !info.IsDir() {
		if len(include) == 2 && strings.HasSuffix(include[1], "/") {
			below = path.Join(below, path.Base(prefix))
		}
		return []file{{name: below, path: root, executable: info.Mode()&0o111 != 0}}, nil
	}
	files, err := scan(root, nil)
	if err != nil {
		return nil, err
	}
	if rest != "" {
		wanted, _, err := parsePattern("/" + rest)
		if err != nil {
			return nil, err
		}
		files = slices.DeleteFunc(files, func(m file) bool { return !(patterns{wanted}).matchFile(m.name) })
		if len(files) == 0 {
			return nil, fmt.Errorf("nothing in %s matches %s", root, rest)
		}
	}
	for i := range files {
		files[i].name = path.Join(below, files[i].name)
	}
	return files, nil
}

// kept are the files that no pattern leaves out.
func (f Folder) kept(files []file) ([]file, error) {
	var leave patterns
	for _, line := range f.Exclude {
		p, ok, err := parsePattern(strings.TrimPrefix(line, "./"))
		if err != nil {
			return nil, fmt.Errorf("exclude %s: %w", line, err)
		}
		if ok {
			leave = append(leave, p)
		}
	}
	base, err := filepath.EvalSymlinks(f.Base)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(files, func(m file) bool {
		name, err := filepath.Rel(base, m.path)
		return err == nil && leave.matchFile(filepath.ToSlash(name))
	}), nil
}
