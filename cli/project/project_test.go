package project_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/cli/project"
)

// write writes files into a folder; names that end with * are executable.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name, executable := strings.CutSuffix(name, "*")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if executable {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // it may have been there
			t.Fatal(err)
		}
	}
}

// need skips when a tool is missing, and fails where tools/setup has installed it.
func need(t *testing.T, tool string) {
	t.Helper()
	if testing.Short() {
		t.Skip("installs dependencies")
	}
	if _, err := exec.LookPath(tool); err == nil {
		return
	}
	if os.Getenv("CI") == "true" && (tool == "npm" || tool == "python3") {
		t.Fatalf("%s is not installed", tool)
	}
	t.Skipf("%s is not installed", tool)
}

// build builds a project and returns all that was said.
func build(t *testing.T, o project.Options) (archive *project.Archive, said string, err error) {
	t.Helper()
	var lines []string
	o.Say = func(sentence string) { lines = append(lines, sentence) }
	o.Running = func(command string) func() {
		lines = append(lines, "running "+command)
		return func() {}
	}
	archive, err = project.Build(t.Context(), o)
	return archive, strings.Join(lines, "\n"), err
}

// entries are the files of an archive with their content; executable ones have a * behind their names.
func entries(t *testing.T, content []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := f.Name
		if f.Mode()&0o111 != 0 {
			name += "*"
		}
		files[name] = string(text)
	}
	return files
}

// snapshot is all that a folder has.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			all[path] = "folder"
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = info.ModTime().String() + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const (
	uuidSum = "github.com/google/uuid v1.6.0 h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=\n" +
		"github.com/google/uuid v1.6.0/go.mod h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=\n"
	pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>hello</artifactId><version>1</version>
<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
<dependencies><dependency><groupId>com.google.code.gson</groupId><artifactId>gson</artifactId><version>2.10.1</version></dependency></dependencies></project>`
	gemspec = "Gem::Specification.new { |s| s.name = 'x'; s.version = '1'; s.summary = 'x'; s.authors = ['x']; s.files = ['lib/x.rb'] }"
)

// TestLanguages builds a project of each language: once more without a change, with one
// in the file Edit, and from another folder.
func TestLanguages(t *testing.T) {
	for name, c := range map[string]struct {
		tool  string
		files map[string]string
		kind  string
		ran   []string // the commands' beginnings
		has   []string // some of the archive
		not   []string // beginnings of names that the archive must not have
		edit  string
		again []string // what is said after the edit
		// varies says that what the tool makes is never the same.
		varies bool
	}{
		"Node.js": {
			tool: "npm", kind: "nodejs:default", edit: "index.js",
			files: map[string]string{"package.json": `{"dependencies": {"is-number": "7.0.0"}}`, "index.js": "exports.main = () => ({})", "node_modules/stale.js": "", ".npmrc": "//127.0.0.1/:_authToken=secret\n"},
			ran:   []string{"npm install --omit=dev"}, has: []string{"node_modules/is-number/index.js", "package.json"}, not: []string{".npmrc", "node_modules/stale.js", "node_modules/.", "package-lock.json"},
			again: []string{"dependencies are unchanged"},
		},
		"Node.js without dependencies": {
			tool: "npm", kind: "nodejs:default", edit: "index.js",
			files: map[string]string{"package.json": `{"main": "index.js", "devDependencies": {"is-number": "7.0.0"}}`, "index.js": ""},
			has:   []string{"index.js"}, not: []string{"node_modules"},
		},
		"Node.js that is built": {
			tool: "npm", kind: "nodejs:default", edit: "source.txt",
			files: map[string]string{
				"package.json": `{"main": "out.js", "scripts": {"build": "node build.js"}, "dependencies": {"is-number": "7.0.0"}, "devDependencies": {"isarray": "2.0.5"}}`,
				"build.js":     "require('isarray'); require('fs').writeFileSync('out.js', require('fs').readFileSync('source.txt'))", "source.txt": "exports.main = () => ({})",
			},
			ran: []string{"npm install --include=dev", "npm run build", "npm prune --omit=dev"}, has: []string{"out.js", "node_modules/is-number/index.js"}, not: []string{"node_modules/isarray"},
			again: []string{"dependencies are unchanged", "running npm run build", "running npm prune"},
		},
		"Node.js with packages of its own": {
			tool: "npm", kind: "nodejs:default", edit: "own/index.js",
			files: map[string]string{"package.json": `{"workspaces": ["own"]}`, "index.js": "", "own/package.json": `{"name": "own", "version": "1.0.0"}`, "own/index.js": "1"},
			ran:   []string{"npm install"}, has: []string{"node_modules/own/index.js", "own/index.js"},
			again: []string{"running npm install"},
		},
		"Python": {
			tool: "python3", kind: "python:default", edit: "main.py",
			files: map[string]string{"requirements.txt": "-r more.txt\n", "more.txt": "iniconfig==2.0.0\n", "main.py": "import iniconfig", "bin/mine": "1"},
			ran:   []string{"python3 -m pip install"}, has: []string{"main.py", "iniconfig/__init__.py", "bin/mine", "iniconfig-2.0.0.dist-info/METADATA"}, not: []string{"requirements.txt", ".quirl", "iniconfig/__pycache__"},
			again: []string{"dependencies are unchanged"},
		},
		"Python with a package of its own": {
			tool: "python3", kind: "python:default", edit: "own/own.py",
			files: map[string]string{
				"requirements.txt": "./own", "__main__.py": "", "own/own.py": "1",
				"own/pyproject.toml": "[project]\nname = \"own\"\nversion = \"1\"\n[tool.setuptools]\npy-modules = [\"own\"]\n",
			},
			ran: []string{"python3 -m pip install"}, has: []string{"own.py", "own/own.py"},
			again: []string{"running python3 -m pip install"}, varies: true,
		},
		"Go": {
			tool: "go", kind: "go:default", edit: "other.go",
			files: map[string]string{"go.mod": "module action\n\ngo 1.21\n\nrequire github.com/google/uuid v1.6.0\n", "go.sum": uuidSum, "main.go": "package main\n\nimport _ \"github.com/google/uuid\"\n", "other.go": "package main\n"},
			ran:   []string{"GOWORK=off go mod vendor"}, has: []string{"vendor/modules.txt", "vendor/github.com/google/uuid/uuid.go", "go.mod"},
			again: []string{"dependencies are unchanged"},
		},
		"Java": {
			tool: "mvn", kind: "java:default", edit: "src/main/java/Hello.java",
			files: map[string]string{"pom.xml": pom, "src/main/java/Hello.java": "public class Hello {}"},
			ran:   []string{"mvn -q -B"}, has: []string{"lib/hello-1.jar", "lib/gson-2.10.1.jar"}, not: []string{"pom.xml", "src", "target"},
			again: []string{"running mvn -q -B"}, varies: true,
		},
		"PHP": {
			tool: "composer", kind: "php:default", edit: "index.php",
			files: map[string]string{"composer.json": `{"autoload": {"psr-4": {"Own\\": "own/"}}}`, "index.php": "<?php", "own/X.php": "<?php"},
			ran:   []string{"composer install --no-dev"}, has: []string{"vendor/autoload.php", "own/X.php"},
			again: []string{"dependencies are unchanged"}, varies: true,
		},
		"PHP without Composer": {kind: "php:default", edit: "index.php", files: map[string]string{"index.php": "<?php"}, has: []string{"index.php"}},
		"Ruby": {
			tool: "bundle", kind: "ruby:default", edit: "own/lib/x.rb",
			files: map[string]string{"Gemfile": "gem 'x', path: 'own'", "main.rb": "require 'x'", "own/x.gemspec": gemspec, "own/lib/x.rb": "X = 1"},
			ran:   []string{"BUNDLE_PATH=vendor/bundle"}, has: []string{"vendor/bundle/bundler/setup.rb", "own/lib/x.rb"},
			again: []string{"running BUNDLE_PATH=vendor/bundle"},
		},
		"Ruby without gems": {kind: "ruby:default", edit: "main.rb", files: map[string]string{"Gemfile": "source 'x'\n", "main.rb": ""}, has: []string{"main.rb"}},
		"Rust": {
			tool: "cargo", kind: "rust:default", edit: "src/lib.rs",
			files: map[string]string{"Cargo.toml": "[package]\nname = \"x\"\nversion = \"1.0.0\"\n[dependencies]\nserde = \"1\"\nhex = \"0.4\"\n", "src/lib.rs": ""},
			ran:   []string{"cargo vendor"}, has: []string{"vendor/hex/Cargo.toml", "Cargo.lock", "src/lib.rs"},
			again: []string{"dependencies are unchanged"},
		},
		"Rust with what is there": {kind: "rust:default", edit: "src/lib.rs", files: map[string]string{"Cargo.toml": "[dependencies]\nserde = \"1\"\n", "src/lib.rs": ""}, has: []string{"src/lib.rs"}, not: []string{"vendor"}},
		"a program":               {kind: "native", edit: "exec*", files: map[string]string{"exec*": "#!/bin/sh\n", "data/x": "1"}, has: []string{"exec*", "data/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.tool != "" {
				need(t, c.tool)
			}
			t.Parallel()
			dir, cache := t.TempDir(), t.TempDir()
			write(t, dir, c.files)
			before := snapshot(t, dir)
			o := project.Options{Dir: dir, Cache: cache}
			first, said, err := build(t, o)
			if err != nil {
				t.Fatalf("%v: %s", err, output(err))
			}
			if first.Kind != c.kind {
				t.Errorf("kind: got %s, want %s", first.Kind, c.kind)
			}
			wantSaid(t, said, "running ", c.ran)
			checkEntries(t, entries(t, first.Content), c.has, c.not)

			second, said, err := build(t, o)
			if err != nil || !bytes.Equal(first.Content, second.Content) || said != "nothing has changed: the archive is used again" {
				t.Errorf("once more: got %v, said %q, want the same archive", err, said)
			}
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Errorf("the project was changed: %s", diff)
			}

			elsewhere := t.TempDir()
			write(t, elsewhere, c.files)
			other, _, err := build(t, project.Options{Dir: elsewhere, Cache: t.TempDir()})
			if err != nil || !c.varies && !bytes.Equal(first.Content, other.Content) {
				t.Errorf("from another folder: got %v and %s, want the same archive", err, cmp.Diff(entries(t, first.Content), entries(t, other.Content)))
			}

			write(t, dir, map[string]string{c.edit: c.files[c.edit] + "\n\n"})
			third, said, err := build(t, o)
			if err != nil || bytes.Equal(first.Content, third.Content) {
				t.Errorf("after an edit: got %v, want another archive", err)
			}
			wantSaid(t, said, "", c.again)
		})
	}
}

func output(err error) string {
	var failed *project.ToolError
	if errors.As(err, &failed) {
		return string(failed.Output)
	}
	return ""
}

// wantSaid compares lines with their beginnings.
func wantSaid(t *testing.T, said, prefix string, want []string) {
	t.Helper()
	lines := strings.FieldsFunc(said, func(r rune) bool { return r == '\n' })
	same := slices.EqualFunc(lines, want, func(line, want string) bool { return strings.HasPrefix(line, prefix+want) })
	if !same {
		t.Errorf("said %q, want %q", lines, want)
	}
}

func checkEntries(t *testing.T, files map[string]string, has, not []string) {
	t.Helper()
	for _, name := range has {
		if _, ok := files[name]; !ok {
			t.Errorf("the archive does not have %s", name)
		}
	}
	for name := range files {
		if i := slices.IndexFunc(not, func(n string) bool { return strings.HasPrefix(name, n) }); i >= 0 {
			t.Errorf("the archive has %s", name)
		}
	}
}

// TestRefused are projects that cannot be built.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		kind  string
		err   []string
	}{
		"nothing":              {nil, "", []string{"the language of the folder", "it has none of the files package.json, index.js, requirements.txt", "Cargo.toml, exec; give the kind with --kind"}},
		"two languages":        {map[string]string{"package.json": "{}", "requirements.txt": ""}, "", []string{"may be a project in nodejs (package.json) or python (requirements.txt): say which with --kind, for example --kind nodejs:default"}},
		"two without manifest": {map[string]string{"index.js": "", "main.rb": ""}, "", []string{"nodejs (index.js) or ruby (main.rb)"}},
		"no entry":             {map[string]string{"requirements.txt": "x"}, "", []string{"cannot be started: an action of the kind python needs one of the files __main__.py, main.py"}},
		"not that language":    {map[string]string{"index.js": ""}, "php:8.2", []string{"kind php needs one of the files index.php"}},
		"no program":           {map[string]string{"main.sh": ""}, project.Native, []string{"kind native needs one of the files exec"}},
		"no JSON":              {map[string]string{"package.json": "{", "index.js": ""}, "", []string{"package.json cannot be understood"}},
		"no Go":                {map[string]string{"go.mod": "require x v1", "main.go": "pakage"}, "", []string{"read the imports of main.go", "expected 'package'"}},
		"a pattern":            {map[string]string{"index.js": "", ".quirlignore": "a\n[b"}, "", []string{`.quirlignore, line 2: "[b" is no pattern: syntax error in pattern`}},
		"nothing left":         {map[string]string{"a": "", ".quirlignore": "*"}, "swift:default", []string{"has no files to upload"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, c.files)
			cache := filepath.Join(t.TempDir(), "made", "by", "it")
			for range 2 { // what is refused is not kept
				_, _, err := build(t, project.Options{Dir: dir, Kind: c.kind, Cache: cache})
				for _, want := range c.err {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("got the error %v, want %q", err, want)
					}
				}
			}
		})
	}
}

func TestAsItIs(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.swift": "1", "package.json": `{"dependencies": {"x": "1"}}`})
	archive, said, err := build(t, project.Options{Dir: dir, Kind: "swift:6.0", Cache: t.TempDir()})
	if err != nil || said != "" || archive.Kind != "swift:6.0" {
		t.Fatalf("got %v, %q, want an archive without a build", err, said)
	}
	if got := entries(t, archive.Content); len(got) != 2 {
		t.Errorf("got %v, want both files", got)
	}
}

func TestToolFails(t *testing.T) {
	need(t, "npm")
	dir, cache := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{"package.json": `{"scripts": {"build": "echo half; echo wrong >&2; exit 7"}}`})
	for range 2 {
		_, said, err := build(t, project.Options{Dir: dir, Cache: cache})
		if err == nil || !strings.Contains(err.Error(), "npm run build failed: exit status 7") {
			t.Errorf("got the error %v, want npm's exit status", err)
		}
		if got := output(err); !strings.Contains(got, "half\n") || !strings.Contains(got, "wrong\n") {
			t.Errorf("got the output %q, want all of it", got)
		}
		wantSaid(t, said, "running ", []string{"npm run build"})
	}
	left, err := filepath.Glob(filepath.Join(cache, "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
}

func TestToolIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct{ file, content, entry, want string }{
		{"package.json", `{"dependencies": {"x": "1"}}`, "index.js", "npm is needed for what package.json asks for and is not in PATH: install Node.js"},
		{"requirements.txt", "x", "main.py", "python3 is needed for the packages in requirements.txt and is not in PATH: install Python"},
		{"go.mod", "require x v1", "main.txt", "go is needed for the modules that go.mod requires"},
		{"pom.xml", "<project/>", "x", "mvn is needed for the project that pom.xml describes"},
		{"composer.json", "{}", "index.php", "composer is needed for what composer.json asks for"},
		{"Gemfile", "gem 'x'", "main.rb", "bundle is needed for the gems in Gemfile"},
		{"Cargo.toml", "[dependencies]\nx = \"1\"", "lib.rs", "cargo is needed for the crates in Cargo.toml"},
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{c.file: c.content, c.entry: ""})
		_, said, err := build(t, project.Options{Dir: dir, Cache: t.TempDir()})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || said != "" {
			t.Errorf("%s: got the error %v, said %q, want %q", c.file, err, said, c.want)
		}
	}
}

// TestDependenciesChange are the changes after which dependencies are installed again.
func TestDependenciesChange(t *testing.T) {
	need(t, "npm")
	dir, cache := t.TempDir(), t.TempDir()
	o := project.Options{Dir: dir, Cache: cache}
	write(t, dir, map[string]string{"package.json": `{"dependencies": {"is-number": "7.0.0"}}`, "index.js": "1"})
	for _, c := range []struct {
		name  string
		files map[string]string
		said  []string
		has   string
	}{
		{"the first time", nil, []string{"running npm install"}, ""},
		{"another file", map[string]string{"new.js": "1"}, []string{"dependencies are unchanged"}, "new.js"},
		{"an executable bit", map[string]string{"new.js*": "1"}, []string{"dependencies are unchanged"}, "new.js*"},
		{"another version", map[string]string{"package.json": `{"dependencies": {"is-number": "6.0.0"}}`}, []string{"running npm install"}, "new.js*"},
		{"back", map[string]string{"package.json": `{"dependencies": {"is-number": "7.0.0"}}`}, []string{"nothing has changed"}, "new.js*"},
		{"what has no part in it", map[string]string{".quirlignore": "new.js\n"}, []string{"nothing has changed"}, ""},
	} {
		write(t, dir, c.files)
		archive, said, err := build(t, o)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		wantSaid(t, said, "", c.said)
		for _, name := range []string{"new.js", "new.js*"} {
			if _, ok := entries(t, archive.Content)[name]; ok != (name == c.has) {
				t.Errorf("%s: %s is in the archive: %v", c.name, name, ok)
			}
		}
	}
}

// TestVendored are the changes after which other packages have to be vendored.
func TestVendored(t *testing.T) {
	need(t, "go")
	dir, cache := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{
		"go.mod": "module action\n\ngo 1.21\n\nrequire own v0.0.0\n\nreplace own => ./own\n", "main.go": "package main\n\nimport _ \"own/a\"\n",
		"own/go.mod": "module own\n\ngo 1.21\n", "own/a/a.go": "package a\n", "own/b/b.go": "package b\n",
	})
	for _, c := range []struct {
		main     string
		has, not []string
	}{
		{"package main\n\nimport _ \"own/a\"\n", []string{"vendor/own/a/a.go"}, []string{"vendor/own/b"}},
		{"package main\n\nimport _ \"own/b\"\n", []string{"vendor/own/b/b.go"}, []string{"vendor/own/a"}},
	} {
		write(t, dir, map[string]string{"main.go": c.main})
		archive, said, err := build(t, project.Options{Dir: dir, Cache: cache})
		if err != nil {
			t.Fatalf("%v: %s", err, output(err))
		}
		wantSaid(t, said, "running ", []string{"GOWORK=off go mod vendor"})
		checkEntries(t, entries(t, archive.Content), c.has, c.not)
	}
}

// TestAtOnce builds one project several times at once.
func TestAtOnce(t *testing.T) {
	need(t, "npm")
	dir, cache := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{"package.json": `{"dependencies": {"is-number": "7.0.0"}}`, "index.js": "1"})
	var group sync.WaitGroup
	contents := make([][]byte, 3)
	for i := range contents {
		group.Go(func() {
			archive, _, err := build(t, project.Options{Dir: dir, Cache: cache})
			if err != nil {
				t.Errorf("build: %v", err)
				return
			}
			contents[i] = archive.Content
		})
	}
	group.Wait()
	if !bytes.Equal(contents[0], contents[1]) || !bytes.Equal(contents[0], contents[2]) {
		t.Error("the archives differ")
	}
}
