package schema

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quirl/api/description"
)

// A Checker holds exchanges against all documents. Check may be called from
// many goroutines at once.
type Checker struct {
	documents []*document
}

// theirs is OpenWhisk's own document, seen from the root of this project.
const theirs = "../shared/contract/apiv1swagger.json"

// Open reads our documents, and OpenWhisk's where it is found beside root, the
// folder of this project.
func Open(root string) (*Checker, error) {
	c := new(Checker)
	texts := []struct {
		name string
		text []byte
	}{{"api.json", description.API().Content}, {"root.json", description.Root().Content}}
	upstream, err := os.ReadFile(filepath.Join(root, theirs))
	switch {
	case err == nil:
		texts = append(texts, struct {
			name string
			text []byte
		}{openWhisk, upstream})
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	for _, t := range texts {
		d, err := load(t.name, t.text)
		if err != nil {
			return nil, err
		}
		c.documents = append(c.documents, d)
	}
	return c, nil
}

// Check returns what the documents do not allow in an exchange, apart from
// their known lies. An exchange is held against the documents with the longest
// base path that covers it.
func (c *Checker) Check(x Exchange) []string {
	var problems []string
	for _, d := range c.documents {
		if !d.covers(x.Path) || d.spec.BasePath == "/" && strings.HasPrefix(x.Path, "/api/v1") {
			continue
		}
		for _, p := range d.check(&x) {
			if problem := x.Method + " " + x.Path + ": " + p + " (" + d.name + ")"; !excused(problem) {
				problems = append(problems, problem)
			}
		}
	}
	return problems
}

func excused(problem string) bool {
	return slices.ContainsFunc(lies, func(l lie) bool {
		return strings.HasSuffix(problem, l.document+")") && l.problem.MatchString(problem)
	})
}
