package clients_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"quirl/test/quirltest"
	"quirl/whisk"
)

// TestComposer makes compositions with the composer of OpenWhisk, by its library
// and by its programs, and runs them.
func TestComposer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	needPackages(t)
	modules := npm(t, "openwhisk")
	scripts := []string{"library", "programs"}
	var owners []whisk.Subject
	for _, script := range scripts {
		owners = append(owners, owner(script))
	}
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}, Subjects: owners})
	for i, script := range scripts {
		n := owners[i].Namespaces[0]
		t.Run(script, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "node", filepath.Join("composer", script+".js"))
			cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "HOME="+homeOf(t, server.URL, n.Key), "NAMESPACE="+n.Name)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s.js: %v\n%s", script, err, out)
			}
		})
	}
}

// homeOf makes a home folder whose ~/.wskprops names the server and the key. The
// composer sends them only when the namespace there is _.
func homeOf(t *testing.T, url string, key whisk.Key) string {
	t.Helper()
	home := t.TempDir()
	props := fmt.Sprintf("APIHOST=%s\nAUTH=%s\nNAMESPACE=_\n", url, key)
	if err := os.WriteFile(filepath.Join(home, ".wskprops"), []byte(props), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

// needPackages skips when npm could not fetch the packages of the Node.js
// runtime, which under CI=true it must: every composition requires one of them.
func needPackages(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(quirltest.Root() + "/runtimes/nodejs/node_modules/openwhisk"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("the packages of the Node.js runtime are not there: tools/setup fetches them")
	}
	t.Skip("the packages of the Node.js runtime are not there: tools/setup fetches them")
}
