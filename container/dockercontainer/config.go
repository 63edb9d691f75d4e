package dockercontainer

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"runtime"
	"time"
)

// A Config says how a Factory works.
type Config struct {
	// Host is the engine's address, e.g. unix:///var/run/docker.sock or
	// tcp://127.0.0.1:2375. Empty means DOCKER_HOST and its companions in the
	// environment, as for Docker's own client, and then the system's default.
	Host string

	// Instance separates factories that share an engine: Cleanup removes what a
	// predecessor of the same Instance left. Lower-case letters, digits and '-',
	// at most 32. Default "default".
	Instance string

	// Network is the name of an existing network of the engine. Empty makes a
	// bridge of the instance's own, on which containers do not reach each other.
	Network string

	// Publish reaches containers by a port of 127.0.0.1 rather than by their
	// address, which is not routable everywhere.
	Publish bool

	// Writable leaves the root file system of containers with a Command writable.
	Writable bool

	// DNS are the name servers of containers; empty leaves that to the engine.
	DNS []netip.Addr

	// Patience is how long the engine may be silent while somebody waits for it,
	// before it is asked whether it is still there, and for the answer to that.
	// Default 15 seconds.
	Patience time.Duration

	// Log gets what an operator would miss. Required.
	Log *slog.Logger
}

// PublishByDefault says whether this system usually cannot reach the addresses
// of containers, because the engine runs in a virtual machine.
func PublishByDefault() bool { return runtime.GOOS != "linux" }

var instanceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

func (c Config) withDefaults() Config {
	if c.Instance == "" {
		c.Instance = "default"
	}
	if c.Patience == 0 {
		c.Patience = 15 * time.Second
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Log == nil:
		return errors.New("docker: no logger")
	case c.Patience < 0:
		return fmt.Errorf("docker: patience of %s: want more than none", c.Patience)
	case !instanceName.MatchString(c.Instance):
		return fmt.Errorf("docker: instance %q: want lower-case letters, digits and '-', at most 32", c.Instance)
	case c.Network == "none" || c.Network == "host":
		return fmt.Errorf("docker: network %q: containers could not be reached, or would reach each other", c.Network)
	}
	return nil
}

// label marks everything that belongs to an instance.
const label = "quirl.instance"

// prefix begins the names of the instance's containers.
func (c Config) prefix() string { return "quirl_" + c.Instance + "_" }

// networkName begins the name of the instance's own network.
func (c Config) networkName() string { return "quirl_" + c.Instance }
