package project

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// ignoreFile has patterns of what is no part of the project.
const ignoreFile = ".quirlignore"

// defaults are no part of any project, unless its ignoreFile says otherwise.
var defaults = []string{".git", "node_modules", "__pycache__", "target", ".venv", "*.pyc", ignoreFile}

// patterns are those of .gitignore files: the last one that matches decides. A test holds
// them against git. Libraries for them are large, or take a part of the syntax otherwise.
type patterns []pattern

type pattern struct {
	steps   []string // between the slashes; ** is any number of folders
	negated bool
	folder  bool // matches folders alone
}

// readPatterns reads the patterns of a project, after the defaults.
func readPatterns(dir string) (patterns, error) {
	text, err := os.ReadFile(filepath.Join(dir, ignoreFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the patterns: %w", err)
	}
	all := patternsOf(defaults...)
	for i, line := range strings.Split(string(text), "\n") {
		p, ok, err := parsePattern(line)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %q is no pattern: %w", ignoreFile, i+1, line, err)
		}
		if ok {
			all = append(all, p)
		}
	}
	return all, nil
}

// patternsOf parses patterns that are known to be well-formed.
func patternsOf(lines ...string) patterns {
	var all patterns
	for _, line := range lines {
		p, _, err := parsePattern(line)
		if err != nil {
			panic(err)
		}
		all = append(all, p)
	}
	return all
}

// parsePattern parses a line; ok says that it has a pattern.
func parsePattern(line string) (p pattern, ok bool, err error) {
	line = strings.TrimSuffix(line, "\r")
	if strings.HasPrefix(line, "#") {
		return p, false, nil
	}
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	line, p.negated = strings.CutPrefix(line, "!")
	line, p.folder = strings.CutSuffix(line, "/")
	if line == "" {
		return p, false, nil
	}
	if !strings.Contains(line, "/") {
		line = "**/" + line
	}
	p.steps = strings.Split(strings.TrimPrefix(line, "/"), "/")
	for i, step := range p.steps {
		p.steps[i] = strings.ReplaceAll(step, "[!", "[^")
		if _, err := path.Match(p.steps[i], ""); err != nil {
			return p, false, err
		}
	}
	return p, true, nil
}

// match says whether a file or folder is excluded. Folders are asked before what is in
// them: that cannot be taken in again.
func (ps patterns) match(name string, folder bool) (excluded bool) {
	steps := strings.Split(name, "/")
	for _, p := range ps {
		if (folder || !p.folder) && matchSteps(p.steps, steps) {
			excluded = !p.negated
		}
	}
	return excluded
}

// matchFile says whether a file, or a folder above it, is excluded.
func (ps patterns) matchFile(name string) bool {
	for i, c := range name {
		if c == '/' && ps.match(name[:i], true) {
			return true
		}
	}
	return ps.match(name, false)
}

func matchSteps(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case len(name) == 0:
		return false
	case pattern[0] == "**":
		// At the end it is everything within a folder, else also no folder at all.
		return len(pattern) == 1 || matchSteps(pattern[1:], name) || matchSteps(pattern, name[1:])
	}
	ok, err := path.Match(pattern[0], name[0])
	return err == nil && ok && matchSteps(pattern[1:], name[1:])
}
