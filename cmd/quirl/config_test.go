package main

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestConfigurationIsDocumented holds docs/configuration.md against the keys.
func TestConfigurationIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for f := range reflect.TypeFor[serveConfig]().Fields() {
		key, help := f.Tag.Get("yaml"), strings.ReplaceAll(f.Tag.Get("help"), "|", `\|`)
		if !strings.Contains(string(page), "| `"+key+"` | ") || !strings.Contains(string(page), help) {
			t.Errorf("docs/configuration.md does not have %s: %s", key, help)
		}
	}
}
