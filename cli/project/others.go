package project

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Class maps, scripts, and packages in the project's own folder.
var composerWhole = regexp.MustCompile(`"(classmap|scripts|path)"`)

func planPHP(s *source) (*plan, error) {
	text, err := s.text("composer.json")
	if err != nil || text == "" {
		return &plan{}, err
	}
	return &plan{
		Install: []Step{{Tool: composer, Args: []string{"install", "--no-dev", "--no-interaction", "--no-progress"}}},
		Outputs: []string{"vendor"},
		Inputs:  patternsOf("/composer.json", "/composer.lock", "/auth.json"),
		Whole:   composerWhole.MatchString(text),
		Leave:   patternsOf("/vendor/bin/", "/auth.json"),
	}, nil
}

var (
	gems = regexp.MustCompile(`(?m)^\s*(gem|gemspec)\b`)
	// Gems of the project's own folder.
	gemfileWhole = regexp.MustCompile(`\b(path|gemspec|eval_gemfile|require_relative)\b`)
)

func planRuby(s *source) (*plan, error) {
	text, err := s.text("Gemfile")
	if err != nil || !gems.MatchString(text) {
		return &plan{}, err
	}
	return &plan{
		// Standalone: with a file by which the runtime finds the gems without Bundler.
		Install: []Step{{Tool: bundler, Args: []string{"install", "--standalone"}, Env: []string{"BUNDLE_PATH=vendor/bundle", "BUNDLE_WITHOUT=development:test"}}},
		After:   relativeGems,
		Outputs: []string{"vendor/bundle"},
		Inputs:  patternsOf("/Gemfile", "/Gemfile.lock"),
		Whole:   gemfileWhole.MatchString(text),
		Leave:   patternsOf("/.bundle/", "/vendor/cache/", "/vendor/bundle/ruby/*/cache/", "/vendor/bundle/ruby/*/bin/"),
	}, nil
}

// relativeGems lets the file by which gems are found name those of the project's own
// folder from where it is: Bundler writes down the folder in which it ran.
func relativeGems(work string) error {
	work, err := filepath.EvalSymlinks(work)
	if err != nil {
		return err
	}
	setup := filepath.Join(work, "vendor", "bundle", "bundler", "setup.rb")
	text, err := os.ReadFile(setup)
	if err != nil {
		return err
	}
	return os.WriteFile(setup, bytes.ReplaceAll(text, []byte(`"`+work+`/`), []byte(`"#{__dir__}/../../../`)), 0o644)
}

// crates are those that every function in Rust can use.
var crates = []string{"serde", "serde_json", "serde_derive"}

func planRust(s *source) (*plan, error) {
	text, err := s.text("Cargo.toml")
	if err != nil || !slices.ContainsFunc(cratesOf(text), func(name string) bool { return !slices.Contains(crates, name) }) {
		return &plan{}, err
	}
	p := &plan{
		Install: []Step{{Tool: cargo, Args: []string{"vendor", "--quiet"}}},
		Outputs: []string{"vendor"},
		Inputs:  patternsOf("/Cargo.toml", "/Cargo.lock", "/.cargo/config.toml"),
	}
	if !s.has("Cargo.lock") { // then it is made, and says what was vendored
		p.Outputs = append(p.Outputs, "Cargo.lock")
	}
	return p, nil
}

var (
	tomlTable = regexp.MustCompile(`^\[\[?\s*([^\]]*?)\s*\]`)
	tomlKey   = regexp.MustCompile(`^["']?([A-Za-z0-9_-]+)`)
)

// cratesOf lists the dependencies that a Cargo.toml names.
func cratesOf(text string) (names []string) {
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if table := tomlTable.FindStringSubmatch(line); table != nil {
			before, last, dotted := cutLast(table[1], ".")
			inside = strings.HasSuffix(table[1], "dependencies")
			if dotted && strings.HasSuffix(before, "dependencies") { // [dependencies.NAME]
				names = append(names, strings.Trim(last, `"'`))
			}
			continue
		}
		if key := tomlKey.FindStringSubmatch(line); inside && key != nil {
			names = append(names, key[1])
		}
	}
	return names
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
