package runtimes_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/runtimes"
)

var update = flag.Bool("update", false, "write the Dockerfiles")

//go:generate go test -run TestDockerfiles -update .

// TestDockerfiles: the recipe in each runtime's folder is that of the family's default, and
// of the family with the most kinds where several have the same server.
func TestDockerfiles(t *testing.T) {
	m := runtimes.Builtin()
	kinds := map[string]string{"native": m.Natives[0].Kind}
	for family := range m.Families {
		r, err := m.Resolve(family + ":default")
		if err != nil {
			t.Fatal(err)
		}
		if known, err := m.Resolve(kinds[r.Local.Runtime]); err != nil || len(m.Families[known.Family]) < len(m.Families[family]) {
			kinds[r.Local.Runtime] = r.Kind
		}
	}
	for folder, kind := range kinds {
		want, err := m.Dockerfile(kind)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, "Dockerfile")
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s; go generate ./runtimes writes it:\n%s", file, diff)
		}
	}
	for _, kind := range []string{"perl:5", "openwhisk/other"} {
		if text, err := m.Dockerfile(kind); err == nil {
			t.Errorf("%s: got %s", kind, text)
		}
	}
}
