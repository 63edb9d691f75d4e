// Package script_test runs the scripts of this folder against the real programs.
//
// Scripts named cli_* run twice: $QUIRL is quirl in one run and wsk in the other.
// Every script has a folder of its own, a free address ($ADDR, $URL), and a home
// whose .wskprops names that address. commands_test.go has the commands that are ours.
package script_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"quirl/container/dockercontainer/dockertest"
	"quirl/internal/realtest"
	"quirl/test/quirltest"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

func TestMain(m *testing.M) { realtest.Main(m) }

func TestAsQuirl(t *testing.T) { run(t, "quirl", "cli_*.txtar") }

func TestAsWsk(t *testing.T) { run(t, "wsk", "cli_*.txtar") }

func TestServer(t *testing.T) { run(t, "quirl", "server_*.txtar") }

func TestEscape(t *testing.T) {
	if !quirltest.Isolated() {
		if os.Getenv("CI") == "true" {
			t.Fatal("the sandbox needs root on Linux")
		}
		t.Skip("the sandbox needs root on Linux; process:// does not isolate")
	}
	run(t, "quirl", "escape_*.txtar")
}

// TestDocker runs with containers of an engine of its own: $ENGINE, with $IMAGE in
// it, which manifest.json makes the stock image of all kinds.
func TestDocker(t *testing.T) {
	engine := dockertest.Start(t)
	run(t, "quirl", "docker_*.txtar", func(e *testscript.Env) error {
		e.Setenv("ENGINE", engine.Host)
		e.Setenv("IMAGE", dockertest.Image)
		e.Setenv("CONTAINERS", "--containers=docker://?host="+engine.Host)
		manifest, err := dockertest.Manifest()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(e.WorkDir, "manifest.json"), manifest, 0o644)
	})
}

// TestPostgres runs with a PostgreSQL server for each script: $REAL.
func TestPostgres(t *testing.T) {
	withReal(t, "postgres_*.txtar", "postgres")
}

// TestCouchDB runs with a server of CouchDB's API for each script: $REAL.
func TestCouchDB(t *testing.T) {
	withReal(t, "couchdb_*.txtar", "couchdb")
}

// TestKafka runs with a Kafka broker for each script: $REAL.
func TestKafka(t *testing.T) {
	withReal(t, "kafka_*.txtar", "kafka")
}

// withReal runs scripts with a server of tools/real each, whose URL is $REAL.
func withReal(t *testing.T, pattern, program string) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	probe, err := realtest.NewServer(program)
	realtest.Require(t, err)
	if err := probe.Remove(); err != nil {
		t.Fatal(err)
	}
	run(t, "quirl", pattern, func(e *testscript.Env) error {
		server, err := realtest.NewServer(program)
		if err != nil {
			return err
		}
		e.Defer(func() {
			if err := server.Remove(); err != nil {
				t.Error(err)
			}
		})
		e.Values[realKey{}] = server
		e.Setenv("REAL", server.URL)
		return nil
	})
}

func TestExamples(t *testing.T) { run(t, "quirl", "examples_*.txtar") }

func run(t *testing.T, name, pattern string, more ...func(*testscript.Env) error) {
	if testing.Short() {
		t.Skip("starts the real program")
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts match %s: %v", pattern, err)
	}
	t.Parallel()
	bin := links(t)
	testscript.Run(t, testscript.Params{
		Files:               files,
		Cmds:                commands,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Condition:           condition,
		Setup: func(e *testscript.Env) error {
			err := setup(t, e, bin, name)
			for _, also := range more {
				err = errors.Join(err, also(e))
			}
			return err
		},
	})
}

// links returns a folder with quirl and its other name.
func links(t *testing.T) string {
	t.Helper()
	programs, dir := quirltest.Bin(t), t.TempDir()
	for link, program := range map[string]string{"quirl": "quirl", "wsk": "quirl", "quirl-sandbox": "quirl-sandbox"} {
		if err := os.Symlink(filepath.Join(programs, program), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// hostAddresses are the IPv4 addresses of this machine, loopback apart, as JSON.
func hostAddresses() (string, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	addresses := []string{}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			addresses = append(addresses, n.IP.String())
		}
	}
	text, err := json.Marshal(addresses)
	return string(text), err
}

func setup(t *testing.T, e *testscript.Env, bin, name string) error {
	addr := quirltest.FreeAddr(t)
	home := filepath.Join(e.WorkDir, "home")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	props := fmt.Sprintf("APIHOST=http://%s\nAUTH=%s\n", addr, quirltest.GuestKey)
	if err := os.WriteFile(filepath.Join(home, ".wskprops"), []byte(props), 0o600); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	addresses, err := hostAddresses()
	if err != nil {
		return err
	}
	for key, value := range map[string]string{
		"PATH":       bin + ":" + os.Getenv("PATH"),
		"HOME":       home,
		"TZ":         "UTC",
		"QUIRL":      name,
		"ADDR":       addr,
		"PORT":       port,
		"ADDRESSES":  addresses,
		"URL":        "http://" + addr,
		"KEY":        quirltest.GuestKey,
		"CONTAINERS": quirltest.Containers(),
		"ROOT":       quirltest.Root(),
		"EXAMPLES":   filepath.Join(quirltest.Root(), "examples"),
		"REALHOME":   os.Getenv("HOME"),
	} {
		e.Setenv(key, value)
	}
	return nil
}

// condition knows [root] and [sandbox].
func condition(cond string) (bool, error) {
	switch cond {
	case "root":
		return os.Geteuid() == 0, nil
	case "sandbox":
		return strings.HasPrefix(quirltest.Containers(), "--containers=sandbox:"), nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}
