package clients_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// npm installs what the lock file in the folder npm/name pins, checked by its
// sums, and returns the folder of modules.
func npm(t *testing.T, name string) string {
	t.Helper()
	from := filepath.Join("npm", name)
	dir := installed(t, name, filepath.Join(from, "package-lock.json"), func(dir string) error {
		for _, file := range []string{"package.json", "package-lock.json"} {
			text, err := os.ReadFile(filepath.Join(from, file))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
				return err
			}
		}
		return run(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	})
	return filepath.Join(dir, "node_modules")
}

// pip installs what name/requirements.txt pins into a virtual environment, and
// returns its interpreter.
func pip(t *testing.T, name string) string {
	t.Helper()
	requirements, err := filepath.Abs(filepath.Join(name, "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	dir := installed(t, name, requirements, func(dir string) error {
		if err := run(t, dir, systemPython(), "-m", "venv", "."); err != nil {
			return err
		}
		return run(t, dir, filepath.Join("bin", "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", requirements)
	})
	return filepath.Join(dir, "bin", "python")
}

// systemPython is the system's own Python, where there is one: those of version
// managers in PATH may be scripts that choose another one by the folder.
func systemPython() string {
	const path = "/usr/bin/python3"
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return "python3"
}

// installed returns a folder that fill has filled, kept in the user's cache from
// one run to the next until the lock file changes.
func installed(t *testing.T, name, lock string, fill func(dir string) error) string {
	t.Helper()
	text, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	dir := filepath.Join(cache, "quirl", "clients", name+"-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temp) })
	if err := fill(temp); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("install %s: %v", name, err)
		}
		t.Skipf("%s cannot be installed: %v", name, err)
	}
	// Another run may have been quicker; its folder is as good.
	if err := os.Rename(temp, dir); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return dir
}

// run runs a program in dir; an error has what it printed.
func run(t *testing.T, dir, program string, args ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, &out)
	}
	return nil
}
