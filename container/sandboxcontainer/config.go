package sandboxcontainer

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"time"
)

// Networks.
const (
	// NetworkNAT lets containers reach what the host reaches, but not the host
	// itself, link-local or metadata addresses, or another container.
	NetworkNAT = "nat"
	// NetworkNone leaves a container its loopback interface only.
	NetworkNone = "none"
)

// A Config says how a Factory works. The zero value of a field is its default.
type Config struct {
	// Dir holds the sockets, root file systems and state of living containers;
	// it is made when missing. It should be short, as socket paths are limited,
	// on a file system without noexec, and every folder above it must be
	// searchable by others (mode o+x).
	Dir string

	// Instance separates factories of one machine: Cleanup removes what a
	// predecessor of the same Instance left. Letters, digits and '-', at most
	// 32. Default "default".
	Instance string

	// Launcher is the path of quirl-sandbox; empty looks beside the running
	// program and then in PATH.
	Launcher string

	// Images is the folder where images are kept unpacked; empty means that there
	// are no containers from images. No other factory may have the same.
	Images string

	// Archives is a folder with archives of images, see ociimage.Config.
	Archives string

	// Network is NetworkNAT (default) or NetworkNone.
	Network string

	// Blocked are further IPv4 networks no container may reach, e.g. 10.0.0.0/8.
	Blocked []string

	// Nameservers replace those of the host.
	Nameservers []string

	// Shells is how many shells are kept for a kind that nobody called Prepare for.
	Shells int

	// MaxTmp bounds /tmp, which has half of the container's memory but at least
	// MinTmp. Default 512 MiB.
	MaxTmp int64

	// CgroupRoot is the parent of the instance's cgroups in each hierarchy.
	// Default "quirl".
	CgroupRoot string

	// LockWait is how long to wait for a predecessor that is still cleaning up.
	// Default 30 s.
	LockWait time.Duration

	// Log gets what an operator would miss. Required.
	Log *slog.Logger
}

const (
	// MinTmp is the size of /tmp in the smallest containers, in bytes.
	MinTmp = 64 << 20
	// MinMemory is the smallest memory limit with which a program can start, in bytes.
	MinMemory = 8 << 20

	defaultPids  = 1024
	maxSocket    = 107 // sun_path without its end
	socketSample = "/sockets/b99999999/s"
)

var instanceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,31}$`)

func (c Config) withDefaults() Config {
	if c.Instance == "" {
		c.Instance = "default"
	}
	if c.Network == "" {
		c.Network = NetworkNAT
	}
	if c.MaxTmp == 0 {
		c.MaxTmp = 512 << 20
	}
	if c.CgroupRoot == "" {
		c.CgroupRoot = "quirl"
	}
	if c.LockWait == 0 {
		c.LockWait = 30 * time.Second
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Log == nil:
		return errors.New("sandbox: no logger")
	case !filepath.IsAbs(c.Dir):
		return fmt.Errorf("sandbox: folder %q is not absolute", c.Dir)
	case !instanceName.MatchString(c.Instance):
		return fmt.Errorf("sandbox: instance %q: want letters, digits and '-', at most 32", c.Instance)
	case len(c.dir())+len(socketSample) > maxSocket:
		return fmt.Errorf("sandbox: folder %s is too long for sockets; choose one shorter than %d letters", c.Dir, maxSocket-len(socketSample)-len(c.Instance)-1)
	case c.Network != NetworkNAT && c.Network != NetworkNone:
		return fmt.Errorf("sandbox: network %q: want %q or %q", c.Network, NetworkNAT, NetworkNone)
	case c.MaxTmp < MinTmp:
		return fmt.Errorf("sandbox: size of /tmp %d: want at least %d", c.MaxTmp, int64(MinTmp))
	case c.Shells < 0:
		return fmt.Errorf("sandbox: %d shells", c.Shells)
	}
	return nil
}

// dir is the instance's own folder.
func (c Config) dir() string { return filepath.Join(c.Dir, c.Instance) }

// Capabilities tells what a Factory can do on this machine for this user.
type Capabilities struct {
	// Rootless says that the factory runs as an ordinary user: containers have
	// one user id, that of the factory, behind a user namespace.
	Rootless bool
	// Limits says that memory, processes and CPU weight are limited by cgroups.
	// Without, processes are counted by rlimit, memory is bounded for each
	// process only, and running out of memory is not reported.
	Limits bool
	// Network is what a container with NetworkNAT gets: "nat", "pasta" or "none".
	Network string
}
