//go:build linux && cgo

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runc/libcontainer/configs"
)

// guardMode is the launcher's own command that runs inside a new box, before
// its program and before its root, to close its network.
const guardMode = "guard"

// pasta is the network of an ordinary user: a program that speaks the box's
// packets with sockets of the user. It would reach what the user reaches, so a
// guard (guard.go) drops inside the box what must not leave it.
type pasta struct {
	program string
}

// newPasta is unplugged where pasta cannot work; the factory tells.
func newPasta() network {
	program, err := exec.LookPath("pasta")
	if err != nil {
		return unplugged{}
	}
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return unplugged{}
	}
	tun.Close()
	return &pasta{program: program}
}

func (p *pasta) kind() string { return "pasta" }
func (p *pasta) close() error { return nil }

func (p *pasta) attach(_ string, pid int) (link, error) {
	// Foreground, so that it can be waited for; it tells that it is ready by its
	// pid file, which is a pipe here.
	args := []string{
		"--foreground", "--quiet", "--config-net", "--ipv4-only", "--no-map-gw",
		"--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
		"--ns-ifname", ethName, "--pid", "/proc/self/fd/3",
		"--userns", fmt.Sprintf("/proc/%d/ns/user", pid), "--netns", namespaceOf(pid),
	}
	ready, signal, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	var text bytes.Buffer
	cmd := exec.Command(p.program, args...)
	cmd.Stderr = &text
	cmd.ExtraFiles = []*os.File{signal}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	signal.Close()
	if err != nil {
		return nil, fmt.Errorf("start pasta: %w", err)
	}
	if n, _ := ready.Read(make([]byte, 16)); n == 0 {
		err := cmd.Wait()
		return nil, fmt.Errorf("pasta ended: %w: %s", err, bytes.TrimSpace(text.Bytes()))
	}
	return &pastaLink{cmd: cmd}, nil
}

type pastaLink struct {
	cmd *exec.Cmd
}

func (l *pastaLink) address() string { return "" }

func (l *pastaLink) detach() error {
	if err := l.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = l.cmd.Wait() // killed, so always an error
	return nil
}

func namespaceOf(pid int) string { return fmt.Sprintf("/proc/%d/ns/net", pid) }

// killPastas kills the programs that a dead launcher started for boxes with
// these first processes. A signal at the launcher's death would not do it:
// pasta changes its credentials, which takes the signal away.
func killPastas(pids []int) {
	if len(pids) == 0 {
		return
	}
	namespaces := make(map[string]bool)
	for _, pid := range pids {
		namespaces[namespaceOf(pid)] = true
	}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		line, err := os.ReadFile(f)
		args := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if err != nil || !strings.HasPrefix(filepath.Base(args[0]), "pasta") || !namespaces[args[len(args)-1]] {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// guardHook runs the guard in each box when all its namespaces exist.
func guardHook() configs.Hooks {
	return configs.Hooks{configs.CreateContainer: configs.HookList{
		configs.NewCommandHook(&configs.Command{Path: "/proc/self/exe", Args: []string{"quirl-sandbox", guardMode, strings.Join(hostAddresses(), ",")}}),
	}}
}

// hostAddresses are the IPv4 addresses of the host, which a box must not reach.
func hostAddresses() []string {
	addresses, _ := net.InterfaceAddrs()
	var all []string
	for _, a := range addresses {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			all = append(all, p.Addr().String())
		}
	}
	return all
}
