package dockercontainer_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"quirl/container/dockercontainer"
	"quirl/container/dockercontainer/dockertest"
	"quirl/internal/realtest"
)

// victim in the environment of this test program is the engine's address: it then
// makes containers and waits until it is killed.
const victim = "QUIRL_TEST_VICTIM"

func TestMain(m *testing.M) {
	if host := os.Getenv(victim); host != "" {
		if err := beVictim(host); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	realtest.Main(m)
}

func beVictim(host string) error {
	ctx := context.Background()
	f, err := dockercontainer.New(dockercontainer.Config{Host: host, Instance: "victim", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	for _, name := range []string{"running", "paused"} {
		c, err := f.Create(ctx, greeterSpec(name))
		if err != nil {
			return err
		}
		if name == "paused" {
			if err := c.Pause(ctx); err != nil {
				return err
			}
		}
	}
	fmt.Println("ready")
	_, err = os.Stdin.Read(make([]byte, 1))
	return err
}

// TestCleanupAfterKill removes what a killed process left, and nothing else.
func TestCleanupAfterKill(t *testing.T) {
	engine := dockertest.Start(t)
	other := create(t, open(t, engine, "other"), greeterSpec("stays"))
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+engine.Host)
	_, err := cmd.StdinPipe() // it waits for its end
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	said, err := bufio.NewReader(stdout).ReadString('\n')
	if said != "ready\n" {
		t.Fatalf("the victim says %q, %v", said, err)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	if got := strings.Fields(listed(t, engine, "quirl_victim_")); len(got) != 2 {
		t.Fatalf("before: got %v, want two containers", got)
	}

	f := open(t, engine, "victim")
	must(t, f.Cleanup(t.Context()))
	if left := listed(t, engine, "quirl_victim_"); left != "" {
		t.Errorf("left: %s", left)
	}
	networks, err := engine.Docker("network", "ls", "--quiet", "--filter", "name=quirl_victim")
	if must(t, err); networks != "" {
		t.Errorf("the network is left: %s", networks)
	}
	greets(t, other)
	greets(t, create(t, f, greeterSpec("running"))) // the name is free again
}
