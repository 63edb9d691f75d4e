// Package clients_test runs clients of other people against the real program.
package clients_test

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"quirl/test/quirltest"
	"quirl/whisk"
)

// TestOpenWhiskForNode runs the scripts of the folder openwhisk, each in a
// namespace of its own: all methods of all resources of the client.
func TestOpenWhiskForNode(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	modules := npm(t, "openwhisk")
	scripts, err := filepath.Glob("openwhisk/*.js")
	if err != nil {
		t.Fatal(err)
	}
	var owners []whisk.Subject
	for _, script := range scripts {
		owners = append(owners, owner(strings.TrimSuffix(filepath.Base(script), ".js")))
	}
	server := quirltest.Start(t, quirltest.Options{Args: []string{quirltest.Containers()}, Subjects: owners})
	archive := archived(t)
	for i, script := range scripts {
		if filepath.Base(script) == "client.js" { // what the others share
			continue
		}
		n := owners[i].Namespaces[0]
		t.Run(n.Name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "node", script)
			cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "API="+server.URL, "KEY="+n.Key.String(), "NAMESPACE="+n.Name, "ZIP="+archive)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", script, err, out)
			}
		})
	}
}

// owner is a subject with one namespace.
func owner(name string) whisk.Subject {
	return whisk.Subject{Name: name, Namespaces: []whisk.SubjectNamespace{{Name: name, Key: whisk.NewKey()}}}
}

// archived writes an action of two files as zip, entry function shout, and returns its path.
func archived(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "action.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	for name, text := range map[string]string{
		"package.json": `{"main": "lib/entry.js"}`,
		"lib/entry.js": `exports.shout = ({text}) => ({text: text.toUpperCase()})`,
	} {
		file, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
