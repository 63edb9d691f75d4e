package dockercontainer

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"

	engine "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"quirl/container"
)

const (
	defaultPids = 1024
	openFiles   = 1024
	// minMemory and minShares are the engine's own bounds.
	minMemory = 6 << 20
	minShares = 2
	// /tmp has half of the memory, within these bounds, where the root is read-only.
	minTmp = 64 << 20
	maxTmp = 512 << 20
	// ordinaryUser runs the programs that are ours, as in the sandbox.
	ordinaryUser = "1001:1001"
)

// port is the one on which runtimes listen.
var port = network.MustParsePort(strconv.Itoa(container.Port) + "/tcp")

// gate makes a shell of a container: the program, and its arguments, are what the
// script is called with. It checks that there is such a program, waits for a line,
// and becomes the program. When nobody can send that line any more it ends.
const gate = `p=$(command -v "$0") && [ -f "$p" ] && [ -x "$p" ] || exit 127
read -r go || exit 1
unset go p OLDPWD SHLVL
exec "$0" "$@" </dev/null`

// noProgram is what the gate, as any shell, says of a program that is not there.
const noProgram = 127

// gated is options with the program waiting at the gate.
func gated(o client.ContainerCreateOptions) client.ContainerCreateOptions {
	o.Config.Cmd = append(append([]string{gate}, o.Config.Entrypoint...), o.Config.Cmd...)
	o.Config.Entrypoint = []string{"/bin/sh", "-c"}
	o.Config.OpenStdin, o.Config.AttachStdin, o.Config.StdinOnce = true, true, true
	return o
}

// options translates spec into what the engine wants to know.
func (c Config) options(spec container.Spec, name, networkName string) client.ContainerCreateOptions {
	config := &engine.Config{
		Image:        spec.Image,
		Env:          spec.Env,
		Labels:       map[string]string{label: c.Instance, "quirl.kind": spec.Kind},
		AttachStdout: true,
		AttachStderr: true,
		StopTimeout:  new(int), // the engine's own end need not wait for functions
		// A check of the image's author would wake paused and idle containers.
		Healthcheck: &engine.HealthConfig{Test: []string{"NONE"}},
	}
	host := &engine.HostConfig{
		NetworkMode:   engine.NetworkMode(networkName),
		LogConfig:     engine.LogConfig{Type: "none"},
		RestartPolicy: engine.RestartPolicy{Name: engine.RestartPolicyDisabled},
		CapDrop:       []string{"NET_RAW", "NET_ADMIN"},
		SecurityOpt:   []string{"no-new-privileges"},
		IpcMode:       engine.IPCModePrivate,
		DNS:           c.DNS,
		Resources:     resources(spec),
		Mounts:        mounts(spec),
	}
	if len(spec.Command) > 0 {
		// Of the image only the files are used, so nothing of it needs rights.
		config.Entrypoint, config.Cmd = spec.Command[:1], spec.Command[1:]
		config.WorkingDir = "/"
		config.User = ordinaryUser
		host.CapDrop = []string{"ALL"}
		if !c.Writable {
			host.ReadonlyRootfs = true
			host.Tmpfs = map[string]string{"/tmp": fmt.Sprintf("rw,nosuid,nodev,exec,mode=1777,size=%d", tmpSize(spec.Memory))}
		}
	}
	if c.Publish {
		config.ExposedPorts = network.PortSet{port: {}}
		host.PortBindings = network.PortMap{port: {{HostIP: netip.MustParseAddr("127.0.0.1")}}}
	}
	return client.ContainerCreateOptions{Config: config, HostConfig: host, Name: name}
}

// resources are what may be changed until the container is started. Pids and
// files stay as they are: the engine would otherwise take them as removed.
func resources(spec container.Spec) engine.Resources {
	pids := int64(spec.Pids)
	if pids == 0 {
		pids = defaultPids
	}
	r := engine.Resources{
		Memory:     spec.Memory,
		MemorySwap: spec.Memory, // in all, so no swap
		PidsLimit:  &pids,
		Ulimits:    []*engine.Ulimit{{Name: "nofile", Soft: openFiles, Hard: openFiles}},
	}
	if spec.CPUShares > 0 {
		r.CPUShares = int64(max(minShares, spec.CPUShares))
	}
	return r
}

func mounts(spec container.Spec) []mount.Mount {
	var all []mount.Mount
	for _, m := range spec.Mounts {
		all = append(all, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: true})
	}
	return all
}

func tmpSize(memory int64) int64 {
	if memory == 0 {
		return maxTmp
	}
	return min(max(memory/2, minTmp), maxTmp)
}

var specName = regexp.MustCompile(`^[A-Za-z0-9_]{1,200}$`)

// checkSpec refuses what cannot be started, before the engine is asked.
func checkSpec(spec container.Spec) error {
	switch {
	case spec.Image == "":
		return fmt.Errorf("%w: the kind %q names none, and the Docker engine needs one", container.ErrNoImage, spec.Kind)
	case spec.Name != "" && !specName.MatchString(spec.Name):
		return fmt.Errorf("create container: name %q: want letters, digits and '_'", spec.Name)
	case spec.Memory < 0 || spec.Memory > 0 && spec.Memory < minMemory:
		return fmt.Errorf("create container %s: memory of %d bytes: want at least %d", spec.Name, spec.Memory, minMemory)
	case spec.CPUShares < 0 || spec.Pids < 0:
		return fmt.Errorf("create container %s: negative limit", spec.Name)
	case len(spec.Command) > 0 && spec.Command[0] == "":
		return errors.New("create container: the command is empty")
	}
	if len(spec.Command) > 0 && strings.Contains(spec.Command[0], "/") && !path.IsAbs(spec.Command[0]) {
		return fmt.Errorf("create container %s: command %q: want an absolute path or a name", spec.Name, spec.Command)
	}
	for _, entry := range spec.Env {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" || strings.ContainsRune(entry, 0) {
			return fmt.Errorf("create container %s: environment %q: want NAME=VALUE", spec.Name, entry)
		}
	}
	return nil
}
