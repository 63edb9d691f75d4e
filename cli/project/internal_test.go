package project

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes files, whose names end with * when they are executable, and links,
// whose content begins with ->.
func tree(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
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
		var err error
		if target, link := strings.CutPrefix(content, "->"); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(files []file) []string {
	all := []string{}
	for _, f := range files {
		all = append(all, f.name)
	}
	return all
}

// TestPatterns compares what is left of a folder with what git leaves of it.
func TestPatterns(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	files := map[string]string{}
	for _, name := range strings.Fields("a.txt b.md sub/a.txt sub/b.md sub/deep/a.txt sub/deep/c.go logs/1.log logs/keep.log x/logs/2.log foo x/foo/y #hash !bang ab ac a?c [x] end\\ ünï.txt doc/api/x.html doc/x.html") {
		files[name] = name
	}
	for _, ignore := range []string{
		"", "*.txt", "/*.txt", "sub", "sub/", "/sub/deep", "sub/deep/", "deep", "**/deep", "sub/**", "sub/*", "**/a.txt", "sub/**/a.txt",
		"logs/*\n!logs/keep.log", "logs/\n!logs/keep.log", "*.log\n!keep.log\n", "foo/", "foo", "/foo", "x/foo", "x/*/y", "# comment\n\n", `\#hash`, `\!bang`,
		"a[bc]", "a[!b]", "a[^b]", "a?", `a\?c`, `\[x\]`, "*\n!*.md", "*\n!*/\n!*.md", "doc/*.html", "doc/**/x.html", "**", "/**", "*.txt   ", "sub/\r\n", "ünï*",
		"a.txt\n!a.txt\nsub/a.txt", "/", "//", "!a.txt",
	} {
		dir := tree(t, files)
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(ignore), 0o644); err != nil {
			t.Fatal(err)
		}
		want := gitFiles(t, dir)
		if err := os.Rename(filepath.Join(dir, ".gitignore"), filepath.Join(dir, ignoreFile)); err != nil {
			t.Fatal(err)
		}
		skip, err := readPatterns(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := scan(dir, skip)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, names(got)); diff != "" {
			t.Errorf("%q: what is left is not what git leaves (-git +got):\n%s", ignore, diff)
		}
		for name := range files {
			if kept := slices.Contains(want, name); kept == skip.matchFile(name) {
				t.Errorf("%q: matchFile(%s) is %v", ignore, name, !kept)
			}
		}
	}
}

// gitFiles lists what git does not ignore.
func gitFiles(t *testing.T, dir string) []string {
	t.Helper()
	git := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return string(out)
	}
	git("init", "-q")
	all := []string{}
	for name := range strings.SplitSeq(git("ls-files", "-z", "--others", "--exclude-standard"), "\x00") {
		if name != "" && name != ".gitignore" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func TestDefaultPatterns(t *testing.T) {
	dir := tree(t, map[string]string{
		"a.py": "", "a.pyc": "", "sub/b.pyc": "", "__pycache__/a": "", "sub/__pycache__/a": "", ".git/config": "", "node_modules/a": "", "target/x": "",
		".venv/a": "", "sub/target/a": "", ignoreFile: "!target/\n",
	})
	skip, err := readPatterns(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := scan(dir, skip)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.py", "sub/target/a", "target/x"}, names(files)); diff != "" {
		t.Error(diff)
	}
}

func TestLinks(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
		err   string
	}{
		"a file":             {map[string]string{"a": "x", "sub/b": "->../a"}, []string{"a", "sub/b"}, ""},
		"a folder":           {map[string]string{"real/a": "x", "link": "->real"}, []string{"link/a", "real/a"}, ""},
		"out":                {map[string]string{"a": "x", "out": "->../"}, nil, "the symbolic link out leads out of the folder"},
		"out by a name":      {map[string]string{"sub/out": "->/etc/passwd"}, nil, "the symbolic link sub/out leads out of the folder, to /etc/passwd"},
		"out, not wanted":    {map[string]string{"a": "x", "out": "->/etc", ignoreFile: "out"}, []string{"a"}, ""},
		"nowhere":            {map[string]string{"gone": "->nothing"}, nil, "the symbolic link gone leads nowhere"},
		"round":              {map[string]string{"a/b/c": "->../../a"}, nil, "the symbolic link a/b/c leads to a folder that it lies in"},
		"to all":             {map[string]string{"a/b": "->.."}, nil, "the symbolic link a/b leads to a folder that it lies in"},
		"to each other":      {map[string]string{"a/to": "->../b", "b/to": "->../a"}, nil, "leads to a folder that it lies in"},
		"excluded by a link": {map[string]string{"real/a": "x", "link": "->real", ignoreFile: "link/"}, []string{"real/a"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, c.files)
			skip, err := readPatterns(dir)
			if err != nil {
				t.Fatal(err)
			}
			files, err := scan(dir, skip)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got the error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, names(files)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestForeignPython(t *testing.T) {
	const pip311 = "pip 23.2.1 from /usr/lib/python3/dist-packages/pip (python 3.11)\n"
	for _, c := range []struct{ kind, goos, goarch, want string }{
		{"python:3.11", "linux", "amd64", ""},
		{"python:3", "linux", "amd64", ""},
		{"python:default", "linux", "arm64", ""},
		{"python:3.9", "linux", "amd64", "--only-binary=:all: --python-version=3.9"},
		{"python:3.11", "darwin", "arm64", "--only-binary=:all: --platform=manylinux2014_aarch64"},
		{"python:3.13", "darwin", "amd64", "--only-binary=:all: --python-version=3.13 --platform=manylinux2014_x86_64"},
	} {
		if got := strings.Join(foreign(c.kind, pip311, c.goos, c.goarch), " "); got != c.want {
			t.Errorf("%v: got %q", c, got)
		}
	}
}

func TestCrates(t *testing.T) {
	const text = `[package]
name = "action"
[dependencies]
serde = { version = "1" }
"serde_json" = "1" # hex = "1"
# regex = "1"
[dependencies.uuid]
version = "1"
[target.'cfg(unix)'.dependencies]
libc = "0.2"
[dev-dependencies]
rand = "0.8"
[profile.release]
lto = true
`
	if diff := cmp.Diff([]string{"serde", "serde_json", "uuid", "libc", "rand"}, cratesOf(text)); diff != "" {
		t.Error(diff)
	}
}

func TestChooseJar(t *testing.T) {
	for name, c := range map[string]struct{ files, jar, zip, err string }{
		"alone":                  {"target/a-1.jar src/b.jar target/classes/c.jar", "target/a-1.jar", "", ""},
		"with what it needs":     {"target/a-1.jar target/dependency/b.jar", "target/a-1.jar", "lib/b.jar lib/a-1.jar", ""},
		"shaded":                 {"target/a-1.jar target/original-a-1.jar", "target/a-1.jar", "", ""},
		"assembled":              {"target/a-1.jar target/a-1-jar-with-dependencies.jar target/dependency/b.jar", "target/a-1-jar-with-dependencies.jar", "", ""},
		"sources and docs aside": {"target/a-1.jar target/a-1-sources.jar target/a-1-javadoc.jar target/a-1-tests.jar", "target/a-1.jar", "", ""},
		"none":                   {"target/a.war", "", "", "it made 0"},
		"two":                    {"target/a.jar target/b.jar", "", "", "it made 2 target/a.jar, target/b.jar"},
	} {
		t.Run(name, func(t *testing.T) {
			var files []file
			for _, name := range strings.Fields(c.files) {
				files = append(files, file{name: name})
			}
			jar, zip, err := chooseJar(files)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got the error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(names(zip), " "); jar.name != c.jar || got != c.zip {
				t.Errorf("got %s and %q, want %s and %q", jar.name, got, c.jar, c.zip)
			}
		})
	}
}

func TestSize(t *testing.T) {
	files := map[string]string{"zeros": strings.Repeat("0", 4<<20)}
	for i, name := range []string{"small", "a", "b", "c", "d", "e"} {
		noise := make([]byte, (i+1)*100<<10)
		rand.Read(noise)
		files["data/"+name] = string(noise)
	}
	list, err := scan(tree(t, files), patterns{})
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "archive.zip")
	if err := pack(archive, list); err != nil {
		t.Fatal(err)
	}
	if err := checkSize(archive, 3<<20); err != nil {
		t.Errorf("3 MB are allowed: got %v", err)
	}
	want := "has 2.1 MB, and 2.0 MB are allowed; the largest files in it are data/e (0.6 MB), data/d (0.5 MB), data/c (0.4 MB), data/b (0.3 MB), data/a (0.2 MB): name in .quirlignore what the action does not need"
	if err := checkSize(archive, 2<<20); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestGoImports: what is vendored depends on what is imported, and on nothing else of the sources.
func TestGoImports(t *testing.T) {
	also := func(main string) string {
		files, err := scan(tree(t, map[string]string{"go.mod": "require x v1", "main.go": main}), patterns{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := planGo(&source{files: files})
		if err != nil {
			t.Fatal(err)
		}
		return p.Also
	}
	one := also("package main\nimport (\"x/a\"; \"fmt\")\n")
	if again := also("package main\n// other\nimport f \"fmt\"\nimport \"x/a\"\nvar a = 1"); again != one {
		t.Errorf("the same imports: got %q and %q", one, again)
	}
	if other := also("package main\nimport (\"x/b\"; \"fmt\")\n"); other == one {
		t.Errorf("other imports: got %q twice", one)
	}
}
