package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"quirl/internal/config"
)

type settings struct {
	Listen string        `yaml:"listen" help:"address"`
	Memory int           `yaml:"memory" help:"MB"`
	Guest  bool          `yaml:"guest-user" help:"guest"`
	Keep   time.Duration `yaml:"keep-alive" help:"time"`
	Key    string        `yaml:"key" help:"key" secret:"true"`
}

func load(t *testing.T, file string, env map[string]string, args ...string) (settings, error) {
	t.Helper()
	cfg := settings{Listen: "default", Memory: 1}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Flags(&cfg, flags)
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "quirl.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cfg, config.Load(&cfg, path, func(k string) string { return env[k] }, flags)
}

func TestLaterSourcesWin(t *testing.T) {
	got, err := load(t, "listen: file\nmemory: 2\nkeep-alive: 5m\n", map[string]string{"QUIRL_MEMORY": "3", "QUIRL_GUEST_USER": "true"}, "--memory=4")
	if err != nil {
		t.Fatal(err)
	}
	want := settings{Listen: "file", Memory: 4, Guest: true, Keep: 5 * time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		env  map[string]string
		args []string
		want string
	}{
		"unknown key": {file: "listen: x\nmemroy: 2\n", want: "line 2"},
		"wrong type":  {file: "memory: lots\n", want: "line 1"},
		"environment": {env: map[string]string{"QUIRL_MEMORY": "lots"}, want: "QUIRL_MEMORY"},
		"flag":        {args: []string{"--keep-alive=soon"}, want: "no duration"},
	} {
		_, err := load(t, c.file, c.env, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not contain %q", name, err, c.want)
		}
	}
}

func TestWriteHidesSecrets(t *testing.T) {
	var out strings.Builder
	if err := config.Write(&out, &settings{Listen: "here", Key: "abc"}); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "listen: here") || strings.Contains(s, "abc") || !strings.Contains(s, "(hidden)") {
		t.Errorf("wrote:\n%s", s)
	}
	out.Reset()
	if err := config.Write(&out, &settings{Listen: "postgres://me:abc@host/db?sslmode=disable"}); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "postgres://me:xxxxx@host/db?sslmode=disable") {
		t.Errorf("wrote:\n%s", s)
	}
}
