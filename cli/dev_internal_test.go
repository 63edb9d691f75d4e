package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	print := func() uint64 {
		sum, err := fingerprint(dir)
		if err != nil || sum == 0 {
			t.Fatal(sum, err)
		}
		return sum
	}
	write("a.js", "1")
	write("sub/b.js", "1")
	before := print()
	if print() != before {
		t.Error("it changes by itself")
	}
	// What a build makes, and what an editor keeps for itself, is not looked at.
	write("node_modules/x/index.js", "1")
	write(".git/index", "1")
	write("sub/__pycache__/b.pyc", "1")
	if print() != before {
		t.Error("it sees what tools made")
	}
	for what, change := range map[string]func(){
		"larger": func() { write("sub/b.js", "12") },
		"touched": func() {
			if err := os.Chtimes(filepath.Join(dir, "a.js"), time.Time{}, time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		},
		"new": func() { write("c.js", "1") },
		"gone": func() {
			if err := os.Remove(filepath.Join(dir, "a.js")); err != nil {
				t.Fatal(err)
			}
			write("a.js", "other")
		},
	} {
		before := print()
		change()
		if print() == before {
			t.Errorf("%s: it does not see that", what)
		}
	}
	if _, err := fingerprint(filepath.Join(dir, "nothere")); err == nil {
		t.Error("a folder that is not there has a fingerprint")
	}
}
