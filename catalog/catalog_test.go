package catalog_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quirl/catalog"
	"quirl/whisk"
)

// TestPackages loads the manifests, and wants of each function what a good
// catalog says, and that the API would take it.
func TestPackages(t *testing.T) {
	var names []string
	for _, p := range catalog.Packages() {
		names = append(names, p.Name)
		if !p.Annotations.Has("description") {
			t.Errorf("package %s has no description", p.Name)
		}
		for _, a := range p.Actions {
			if a.Kind == "" || a.Code == "" || !whisk.ValidName(a.Name) || whisk.IsBinary(a.Code) {
				t.Errorf("%s/%s cannot be an action: kind %q, %d bytes of code", p.Name, a.Name, a.Kind, len(a.Code))
			}
			for _, key := range []string{"description", "sampleOutput"} {
				if !a.Annotations.Has(key) {
					t.Errorf("%s/%s has no annotation %s", p.Name, a.Name, key)
				}
			}
			if strings.Contains(a.Code, "__OW_API_KEY") != a.Annotations.IsTrue("provide-api-key") {
				t.Errorf("%s/%s: whether it reads its caller's key and the annotation provide-api-key differ", p.Name, a.Name)
			}
		}
	}
	if want := []string{"github", "samples", "slack", "utils", "websocket"}; !slices.Equal(names, want) {
		t.Errorf("packages %v, want %v", names, want)
	}
}

// TestEveryFileIsUsed finds functions that no manifest names.
func TestEveryFileIsUsed(t *testing.T) {
	var manifests strings.Builder
	var functions []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir() || filepath.Dir(path) == ".":
			return err
		case filepath.Base(path) == "manifest.json":
			text, err := os.ReadFile(path)
			manifests.Write(text)
			return err
		}
		functions = append(functions, filepath.ToSlash(path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		if !strings.Contains(manifests.String(), `"file": "`+f+`"`) {
			t.Errorf("no manifest names %s", f)
		}
	}
	if len(functions) == 0 {
		t.Error("there are no functions")
	}
}
