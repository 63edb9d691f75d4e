package runtimes_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/container"
	"quirl/runtimes"
)

const fakeManifest = `{"runtimes": {"toy": [
	{"kind": "toy:1", "image": {"name": "toy"}, "quirl": {"runtime": "nodejs", "host": {"names": ["toy"], "places": ["~/toys/*/bin"],
		"version": [], "pattern": "^toy (1\\.\\d+)", "args": ["--flag", "{runtime}/server.js"], "mounts": ["{prefix}"], "mend": "install toy 1"}}},
	{"kind": "toy:2", "default": true, "image": {"name": "toy"}, "quirl": {"runtime": "nodejs", "host": {"names": ["toy"], "places": ["~/toys/*/bin"],
		"version": [], "pattern": "^toy (2\\.\\d+)", "args": ["--flag", "{runtime}/server.js"], "mounts": ["{prefix}"], "mend": "install toy 2"}}},
	{"kind": "toy:3", "image": {"name": "toy"}}
]}}`

// toyEnv makes the test binary an interpreter that prints its version, taken from
// its own path, and leaves a mark each time it runs.
func TestMain(m *testing.M) {
	if strings.Contains(filepath.Base(os.Args[0]), "toy") {
		self, _ := os.Executable()
		dir := filepath.Dir(filepath.Dir(self))
		mark, _ := os.CreateTemp(dir, "run")
		mark.Close()
		fmt.Println("toy", filepath.Base(dir))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// installToy makes home/toys/<version>/bin/toy, a program.
func installToy(t *testing.T, home, version string) string {
	t.Helper()
	bin := filepath.Join(home, "toys", version, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(bin, "toy")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	return program
}

func detect(t *testing.T, m *runtimes.Manifest, host runtimes.Host) *runtimes.Offer {
	t.Helper()
	offer, err := m.Detect(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	return offer
}

func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDetect(t *testing.T) {
	home := tempDir(t)
	program := installToy(t, home, "1.7")
	shim := filepath.Join(home, "shims")
	if err := os.Mkdir(shim, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shim, "toy"), []byte("#!/bin/sh\necho toy 2.0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	m := load(t, fakeManifest)
	host := runtimes.Host{Path: shim + ":relative", Home: home, Cache: filepath.Join(home, "versions.json")}
	for range 2 { // the second time from the cache
		offer := detect(t, m, host)
		if diff := cmp.Diff([]string{"toy:1"}, offer.Manifest.Kinds()); diff != "" {
			t.Error(diff)
		}
		def, err := offer.Manifest.Resolve("toy:default")
		if err != nil || def.Kind != "toy:1" {
			t.Errorf("default: got %+v, %v, want toy:1, the only one here", def, err)
		}
		got, _ := offer.Interpreter("toy:1")
		if want := (runtimes.Interpreter{Path: program, Version: "1.7"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		missing := []runtimes.Missing{
			{"toy:2", "another version is installed: " + program + " is toy 1.7", "install toy 2"},
			{"toy:3", "the manifest names no program of the host for it", "use a container technology that runs images"},
		}
		if diff := cmp.Diff(missing, offer.Missing); diff != "" {
			t.Error(diff)
		}
	}
	runs, _ := filepath.Glob(filepath.Join(home, "toys", "1.7", "run*"))
	if len(runs) != 1 {
		t.Errorf("the program was asked %d times, not once", len(runs))
	}
	if r, _ := m.Resolve("toy:default"); r.Kind != "toy:2" {
		t.Errorf("Detect changed the manifest: default is %s", r.Kind)
	}
}

func TestDetectWithNothing(t *testing.T) {
	offer := detect(t, load(t, fakeManifest), runtimes.Host{})
	if kinds := offer.Manifest.Kinds(); len(kinds) != 0 {
		t.Errorf("got %v", kinds)
	}
	if _, err := offer.Spec("toy:1", "/files"); !errors.Is(err, runtimes.ErrUnknownKind) {
		t.Errorf("got %v, want ErrUnknownKind", err)
	}
}

func TestSpec(t *testing.T) {
	home := tempDir(t)
	program := installToy(t, home, "1.7")
	offer := detect(t, load(t, fakeManifest), runtimes.Host{Home: home})
	got, err := offer.Spec("toy:default", "/files", "__OW_API_HOST=x")
	if err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Dir(filepath.Dir(program))
	want := container.Spec{
		Kind:    "toy:1",
		Command: []string{program, "--flag", "/quirl/nodejs/server.js"},
		Env: []string{
			"PATH=" + prefix + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=/tmp", "LANG=C.UTF-8", "TZ=UTC", "__OW_API_HOST=x",
		},
		Mounts: []container.Mount{{Source: "/files/nodejs", Target: "/quirl/nodejs"}, {Source: prefix, Target: prefix}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is installed differs; where the usual programs are, they are found, and nothing beside /usr is mounted for them.
func TestDetectHere(t *testing.T) {
	offer := detect(t, runtimes.Builtin(), runtimes.Host{Path: "/usr/bin"})
	for _, tt := range []struct{ program, kind string }{{"/usr/bin/node", "nodejs:default"}, {"/usr/bin/python3", "python:default"}} {
		if _, err := exec.LookPath(tt.program); err != nil {
			t.Log("not installed:", tt.program)
			continue
		}
		spec, err := offer.Spec(tt.kind, "/files")
		if err != nil || len(spec.Mounts) != 1 || !strings.HasPrefix(spec.Command[0], "/usr/") {
			t.Errorf("%s: got %+v, %v", tt.kind, spec, err)
		}
	}
}

func TestExtract(t *testing.T) {
	dir := t.TempDir()
	first, err := runtimes.Extract(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := runtimes.Extract(dir)
	if err != nil || first != second {
		t.Errorf("second call: got %s, %v, want %s", second, err, first)
	}
	for _, name := range []string{"nodejs/server.js", "python/server.py", "python/quirl_runtime/__init__.py"} {
		info, err := os.Stat(filepath.Join(first, name))
		if err != nil || info.Mode().Perm()&0o044 != 0o044 {
			t.Errorf("%s: %v, %v, want a file readable for all", name, info, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// TestCompile: what was compiled is what starts, so that even a broken source does no harm.
func TestCompile(t *testing.T) {
	offer, err := runtimes.Builtin().Detect(t.Context(), runtimes.Host{Path: "/usr/local/bin:/usr/bin:/bin"})
	if err != nil {
		t.Fatal(err)
	}
	interpreter, ok := offer.Interpreter("python:3")
	if !ok {
		t.Skip("no Python on this machine")
	}
	files, err := runtimes.Extract(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := offer.Compile(t.Context(), files); err != nil {
			t.Fatal(err)
		}
	}
	source := filepath.Join(files, "python", "quirl_runtime", "server.py")
	if err := os.WriteFile(source, []byte("this is no Python"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter.Path, "-I", "-S", "-B", "-c",
		"import sys; sys.path.insert(0, sys.argv[1]); from quirl_runtime import server; print(server.PORT)", filepath.Join(files, "python"))
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "8080\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestCompileTellsWhatIsWrong(t *testing.T) {
	offer, err := runtimes.Builtin().Detect(t.Context(), runtimes.Host{Path: "/usr/local/bin:/usr/bin:/bin"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := offer.Interpreter("python:3"); !ok {
		t.Skip("no Python on this machine")
	}
	files := t.TempDir() // with nothing to compile
	if err := offer.Compile(t.Context(), files); err == nil || !strings.Contains(err.Error(), "python:3") {
		t.Errorf("got %v, want an error that names the kind", err)
	}
	if left, _ := filepath.Glob(filepath.Join(files, "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func BenchmarkDetectCached(b *testing.B) {
	host := runtimes.Host{Path: "/usr/local/bin:/usr/bin:/bin", Cache: filepath.Join(b.TempDir(), "versions.json")}
	m := runtimes.Builtin()
	for b.Loop() {
		if _, err := m.Detect(b.Context(), host); err != nil {
			b.Fatal(err)
		}
	}
}
