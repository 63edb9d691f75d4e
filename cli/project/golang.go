package project

import (
	"fmt"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	required = regexp.MustCompile(`(?m)^\s*require\b`)
	replaced = regexp.MustCompile(`=>\s*\.`) // by a folder of the project
)

func planGo(s *source) (*plan, error) {
	text, err := s.text("go.mod")
	if err != nil || !required.MatchString(text) || s.has("vendor/modules.txt") {
		return &plan{}, err
	}
	imports, err := importsOf(s.files)
	if err != nil {
		return nil, err
	}
	return &plan{
		Install: []Step{{Tool: golang, Args: []string{"mod", "vendor"}, Env: []string{"GOWORK=off"}}},
		Outputs: []string{"vendor"},
		Inputs:  patternsOf("/go.mod", "/go.sum"),
		// What is vendored is what the sources import.
		Also:  strings.Join(imports, "\n"),
		Whole: replaced.MatchString(text),
	}, nil
}

// importsOf lists what the Go sources among the files import.
func importsOf(files []file) ([]string, error) {
	var all []string
	for _, f := range files {
		if path.Ext(f.name) != ".go" {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.path, nil, parser.ImportsOnly)
		if err != nil {
			return nil, fmt.Errorf("read the imports of %s: %w", f.name, err)
		}
		for _, i := range parsed.Imports {
			all = append(all, i.Path.Value)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
