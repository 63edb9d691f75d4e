package dockercontainer

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/moby/client"
)

// A Finding is one thing that an engine can or cannot do for containers.
type Finding struct {
	// OK says that nothing is missing.
	OK bool
	// Found is what is there, or what is missing.
	Found string
	// Mend says what is lost without, and what to do.
	Mend string
}

// Ping asks the engine whether it is there.
func (f *Factory) Ping(ctx context.Context) error {
	if _, err := f.engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return fmt.Errorf("docker: no engine answers at %s: %w", f.engine.DaemonHost(), err)
	}
	return nil
}

// Address is where the engine is.
func (f *Factory) Address() string { return f.engine.DaemonHost() }

// Check tells what the engine of config can do.
func Check(ctx context.Context, config Config) []Finding {
	f, err := New(config)
	if err != nil {
		return []Finding{{Found: err.Error()}}
	}
	defer func() { _ = f.Close() }()
	info, err := f.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return []Finding{{
			Found: fmt.Sprintf("no engine answers at %s: %v", f.Address(), err),
			Mend:  "functions cannot run from images; install and start Docker, or name its address in DOCKER_HOST",
		}}
	}
	i := info.Info
	list := []Finding{{OK: true, Found: fmt.Sprintf("engine %s at %s (%s/%s), storage %s, cgroup version %s", i.ServerVersion, f.Address(), i.OSType, i.Architecture, i.Driver, orUnknown(i.CgroupVersion))}}
	for _, need := range []struct {
		has        bool
		what, cost string
	}{
		{i.OSType == "linux", "Linux containers", "runtimes do not start; switch the engine to Linux containers"},
		{i.MemoryLimit, "memory limits", "functions can take all memory; the kernel of the engine needs the memory cgroup"},
		{i.SwapLimit, "swap limits", "functions can swap beyond their memory; on cgroup version 1 start the kernel with swapaccount=1"},
		{i.CPUShares, "CPU shares", "a function can slow down the others"},
		{i.PidsLimit, "limits of processes", "a function can fill the table of processes; the kernel needs the pids cgroup"},
		{strings.Contains(strings.Join(i.SecurityOptions, " "), "seccomp"), "system call filter", "functions reach all of the kernel; the engine was built without seccomp"},
	} {
		if !need.has {
			list = append(list, Finding{Found: "no " + need.what, Mend: need.cost})
		}
	}
	return list
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}
