package clients_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// install returns the folder of modules that has an npm package, name@version; it
// is kept in the user's cache from one run to the next.
func install(t *testing.T, pkg string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "quirl", "clients", pkg)
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temp) })
	cmd := exec.CommandContext(t.Context(), "npm", "install", "--prefix", temp, "--no-audit", "--no-fund", "--loglevel=error", pkg)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("npm install %s: %v\n%s", pkg, err, &out)
		}
		t.Skipf("npm cannot install %s: %v\n%s", pkg, err, &out)
	}
	// Another run may have been quicker; its folder is as good.
	if err := os.Rename(temp, dir); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return modules
}
