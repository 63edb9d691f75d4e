//go:build linux

package sandboxcontainer_test

import (
	"os"
	"testing"

	"quirl/container/sandboxcontainer"
)

func TestCheck(t *testing.T) {
	findings := sandboxcontainer.Check(t.Context(), config(t))
	for _, f := range findings {
		t.Logf("%+v", f)
		if !f.OK && f.Cost == "" {
			t.Errorf("%s is not well and it does not say what that costs", f.Name)
		}
		if !f.OK && f.Required && os.Geteuid() == 0 {
			t.Errorf("%s: %s", f.Name, f.Found)
		}
	}
	if last := findings[len(findings)-1]; !last.OK && os.Geteuid() == 0 {
		t.Errorf("trial: %s", last.Found)
	}
}

func TestCheckFindsFaults(t *testing.T) {
	c := config(t)
	c.Launcher = "/no/such/launcher"
	found := make(map[string]bool)
	for _, f := range sandboxcontainer.Check(t.Context(), c) {
		found[f.Name] = f.OK
	}
	if found["launcher"] || found["trial"] || !found["kernel"] {
		t.Errorf("without launcher: %v", found)
	}
}
