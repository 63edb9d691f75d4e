package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"quirl/test/quirltest"
	"quirl/whisk"
)

// TestServerless deploys, uses and removes a service with the Serverless
// Framework 3 and its provider for OpenWhisk. Two of the provider's commands are
// left out: `info` lists API routes, for which there is no gateway yet, and
// `deploy function` fails in the provider itself before it calls anybody.
// Version 1 of the framework, for which the provider was written, packs empty
// files with the Node.js of today.
func TestServerless(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	modules := npm(t, "serverless")
	shopkeeper := owner("shopkeeper")
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}, Subjects: []whisk.Subject{shopkeeper}})
	n := shopkeeper.Namespaces[0]
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("serverless", "service.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "HOME="+t.TempDir(), "API="+server.URL, "KEY="+n.Key.String(), "NAMESPACE="+n.Name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("service.js: %v\n%s", err, out)
	}
}
