// Package clients_test runs clients of other people against the real program.
package clients_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"quirl/test/quirltest"
)

// npmClient is the client of OpenWhisk for Node.
const npmClient = "openwhisk@3.21.9"

func TestOpenWhiskForNode(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	modules := install(t)
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}})
	cmd := exec.CommandContext(t.Context(), "node", "openwhisk.js")
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "API="+server.URL, "KEY="+quirltest.GuestKey)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("openwhisk.js: %v\n%s", err, out)
	}
}

// install returns the folder of modules that has the client; it is kept in the
// user's cache from one run to the next.
func install(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "quirl", "clients", npmClient)
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
	cmd := exec.CommandContext(t.Context(), "npm", "install", "--prefix", temp, "--no-audit", "--no-fund", "--loglevel=error", npmClient)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("npm install %s: %v\n%s", npmClient, err, &out)
		}
		t.Skipf("npm cannot install %s: %v\n%s", npmClient, err, &out)
	}
	// Another run may have been quicker; its folder is as good.
	if err := os.Rename(temp, dir); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return modules
}
