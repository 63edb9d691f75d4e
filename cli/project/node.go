package project

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// manifest is what package.json says about dependencies.
type manifest struct {
	Scripts              map[string]any    `json:"scripts"`
	Dependencies         map[string]string `json:"dependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
	PeerDependencies     map[string]string `json:"peerDependencies"`
	DevDependencies      map[string]string `json:"devDependencies"`
	Workspaces           any               `json:"workspaces"`
}

// lifecycle are the scripts that npm runs when it installs.
var lifecycle = []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"}

func planNode(s *source) (*plan, error) {
	text, err := s.text("package.json")
	if err != nil || text == "" {
		return &plan{}, err
	}
	var m manifest
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("package.json cannot be understood: %w", err)
	}
	p := &plan{
		Outputs: []string{"node_modules"},
		Inputs:  patternsOf("/package.json", "/package-lock.json", "/npm-shrinkwrap.json", "/.npmrc"),
		Whole:   m.whole(),
		Leave:   patternsOf("/.npmrc", "node_modules/**/.bin/", "node_modules/.cache/", "node_modules/.package-lock.json"),
	}
	build := m.has("build")
	install := Step{Tool: npm, Args: []string{"install", "--omit=dev", "--no-audit", "--no-fund"}}
	if s.has("package-lock.json") || s.has("npm-shrinkwrap.json") {
		install.Args[0] = "ci"
	} else {
		p.Leave = append(p.Leave, patternsOf("/package-lock.json")...)
	}
	if build {
		install.Args[1] = "--include=dev"
		p.Build = append(p.Build, Step{Tool: npm, Args: []string{"run", "build"}})
	}
	if m.needed(build) {
		p.Install = append(p.Install, install)
	}
	if build && len(m.DevDependencies) > 0 {
		p.Build = append(p.Build, Step{Tool: npm, Args: []string{"prune", "--omit=dev", "--no-audit", "--no-fund"}})
	}
	return p, nil
}

func (m *manifest) has(script string) bool { _, ok := m.Scripts[script]; return ok }

// needed says whether there is anything to install.
func (m *manifest) needed(build bool) bool {
	return len(m.Dependencies)+len(m.OptionalDependencies)+len(m.PeerDependencies) > 0 || build && len(m.DevDependencies) > 0 || m.whole()
}

// whole says that an install takes files of the project, or runs a script of it.
func (m *manifest) whole() bool {
	for _, versions := range []map[string]string{m.Dependencies, m.OptionalDependencies, m.PeerDependencies, m.DevDependencies} {
		for _, v := range versions {
			if strings.HasPrefix(v, "file:") || strings.HasPrefix(v, "link:") || strings.HasPrefix(v, ".") {
				return true
			}
		}
	}
	return m.Workspaces != nil || slices.ContainsFunc(lifecycle, m.has)
}
