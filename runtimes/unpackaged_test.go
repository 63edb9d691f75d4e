package runtimes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"quirl/runtimes"
)

// TestRefused: what the compile scripts of Swift and .NET refuse before they need a
// compiler, which no registry of packages has: their other cases are those of proxytest.
func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		script, main string
		files        map[string]string
		want         string
	}{
		"swift, entry point":      {"swift/compile", "main()", map[string]string{"exec": "func main() {}"}, "is no name of a Swift function"},
		"swift, program":          {"swift/compile", "main", map[string]string{"exec": "\x00\x01"}, "syntax error"},
		"dotnet, entry point":     {"dotnet/compile", "A::B::C;reboot", map[string]string{"exec": "class A {}"}, "is not of the form Assembly::Namespace.Class::Method"},
		"dotnet, program":         {"dotnet/compile", "A::B::C", map[string]string{"exec": "MZ\x00\x01"}, "syntax error"},
		"dotnet, nothing":         {"dotnet/compile", "A::B::C", map[string]string{"readme.txt": "x"}, "neither an assembly (.dll) nor C# source (.cs)"},
		"dotnet, missing program": {"dotnet/publish", "/nowhere/dotnet", nil, "/nowhere/dotnet"},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := runtimes.Extract(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(tt.script, "publish") && exists(filepath.Join(files, "dotnet/lib/quirl-launcher.dll")) {
				t.Skip("the launcher is there already")
			}
			sources, result := t.TempDir(), t.TempDir()
			for path, content := range tt.files {
				if err := os.WriteFile(filepath.Join(sources, path), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.CommandContext(t.Context(), "sh", filepath.Join(files, tt.script), tt.main, sources, result).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("got %v, %q, want an error with %q", err, out, tt.want)
			}
			if exists(filepath.Join(result, "exec")) {
				t.Error("there is a program")
			}
		})
	}
}

// TestPublished: an archive of assemblies needs no compiler, and starts with the entry point.
func TestPublished(t *testing.T) {
	files, err := runtimes.Extract(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sources, result := t.TempDir(), filepath.Join(t.TempDir(), "result")
	if err := os.WriteFile(filepath.Join(sources, "Hello.dll"), []byte("MZ"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "sh", filepath.Join(files, "dotnet/compile"), "Hello::X.Hello::Main", sources, result).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("got %v, %q", err, out)
	}
	program, err := os.ReadFile(filepath.Join(result, "exec"))
	if err != nil || !strings.Contains(string(program), "/launch' 'Hello::X.Hello::Main' ") || !exists(filepath.Join(result, "Hello.dll")) {
		t.Errorf("got %q, %v", program, err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
