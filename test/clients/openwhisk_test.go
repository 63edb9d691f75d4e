// Package clients_test runs clients of other people against the real program.
package clients_test

import (
	"os"
	"os/exec"
	"testing"

	"quirl/test/quirltest"
)

// npmClient is the client of OpenWhisk for Node.
const npmClient = "openwhisk@3.21.9"

func TestOpenWhiskForNode(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	modules := install(t, npmClient)
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}})
	cmd := exec.CommandContext(t.Context(), "node", "openwhisk.js")
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "API="+server.URL, "KEY="+quirltest.GuestKey)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("openwhisk.js: %v\n%s", err, out)
	}
}
