//go:build linux

package sandboxcontainer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"quirl/container"
	"quirl/container/sandboxcontainer/wire"
)

// programs is what of the host's root a container sees, read-only. Where the
// host has a symbolic link (as /bin to usr/bin), so has the container.
var programs = []string{"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"}

// copied are the files of the host's /etc that programs need and that hold no
// secret. The rest of /etc is made here or missing.
var copied = []string{"ld.so.cache", "localtime", "nsswitch.conf"}

// bound are folders of the host's /etc that are shown as they are: certificate
// authorities, and the links by which Debian chooses between programs.
var bound = []string{"ssl/certs", "ca-certificates", "pki/tls/certs", "pki/ca-trust/extracted", "alternatives"}

const (
	passwd = "root:x:0:0:root:/:/usr/sbin/nologin\nquirl:x:1001:1001:quirl:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
	group  = "root:x:0:\nquirl:x:1001:\nnogroup:x:65534:\n"
	hosts  = "127.0.0.1\tlocalhost quirl\n"
	nss    = "passwd: files\ngroup: files\nhosts: files dns\n"
)

// roots makes the folders that become the root of containers: almost empty
// ones, with the points on which the launcher mounts. Containers with the same
// mount points share one, as none can write to it.
type roots struct {
	dir         string
	nameservers []string

	mu       sync.Mutex
	made     map[string]bool
	resolver string // the content last written to etc/resolv.conf
}

func newRoots(dir string, nameservers []string) *roots {
	return &roots{dir: dir, nameservers: nameservers, made: make(map[string]bool)}
}

// reset forgets and removes all roots; no container may be alive.
func (r *roots) reset() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.made)
	if err := os.RemoveAll(r.dir); err != nil {
		return fmt.Errorf("sandbox: remove old roots: %w", err)
	}
	return makeFolder(r.dir)
}

// get returns a root with points for mounts, and all that is to be mounted.
func (r *roots) get(mounts []container.Mount) (string, []wire.Mount, error) {
	all, links := hostMounts()
	given, err := givenMounts(mounts)
	if err != nil {
		return "", nil, err
	}
	all = append(all, given...)
	root := filepath.Join(r.dir, rootName(all))
	return root, all, r.once(root, func() error { return r.build(root, all, links) })
}

// givenMounts are the mounts of a spec; what they show must be there.
func givenMounts(mounts []container.Mount) ([]wire.Mount, error) {
	var all []wire.Mount
	for _, m := range mounts {
		if _, err := os.Stat(m.Source); err != nil {
			return nil, fmt.Errorf("mount: %w", err)
		}
		all = append(all, wire.Mount{Source: m.Source, Target: m.Target})
	}
	return all, nil
}

// once makes a root, unless that was done before.
func (r *roots) once(root string, build func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refreshResolver(); err != nil {
		return err
	}
	if r.made[root] {
		return nil
	}
	if err := build(); err != nil {
		return fmt.Errorf("make root of container: %w", err)
	}
	r.made[root] = true
	return nil
}

// rootName is the same for the same points to mount on.
func rootName(all []wire.Mount) string {
	h := sha256.New()
	for _, m := range all {
		kind := "d"
		if info, err := os.Stat(m.Source); err == nil && !info.IsDir() {
			kind = "f"
		}
		fmt.Fprintf(h, "%s%s\x00", kind, m.Target)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// hostMounts returns what of the host is mounted, and the links beside it.
func hostMounts() (all []wire.Mount, links map[string]string) {
	links = make(map[string]string)
	for _, name := range programs {
		info, err := os.Lstat("/" + name)
		switch {
		case err != nil:
		case info.IsDir():
			all = append(all, wire.Mount{Source: "/" + name, Target: "/" + name})
		case info.Mode()&fs.ModeSymlink != 0:
			if target, err := os.Readlink("/" + name); err == nil {
				links[name] = target
			}
		}
	}
	for _, name := range bound {
		dir := "/etc/" + name
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			all = append(all, wire.Mount{Source: dir, Target: dir})
		}
	}
	return all, links
}

func (r *roots) build(root string, all []wire.Mount, links map[string]string) error {
	for _, dir := range []string{"", "etc", "proc", "dev", "tmp"} {
		if err := makeFolder(filepath.Join(root, dir)); err != nil {
			return err
		}
	}
	if err := makeFolders(root, container.CodeFolder); err != nil {
		return err
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for name, content := range r.etc() {
		if err := writeFile(filepath.Join(root, "etc", name), content); err != nil {
			return err
		}
	}
	for i, m := range all {
		if err := makePoint(root, m, all[:i]); err != nil {
			return err
		}
	}
	return nil
}

// etc is the content of the files in /etc.
func (r *roots) etc() map[string]string {
	files := map[string]string{"passwd": passwd, "group": group, "hosts": hosts, "nsswitch.conf": nss, "resolv.conf": r.resolver}
	for _, name := range copied {
		if content, err := os.ReadFile("/etc/" + name); err == nil {
			files[name] = string(content)
		}
	}
	return files
}

// makePoint makes what m is mounted on, unless an earlier mount covers it; then
// it must be there already.
func makePoint(root string, m wire.Mount, earlier []wire.Mount) error {
	for _, e := range slices.Backward(earlier) {
		if inside, ok := strings.CutPrefix(m.Target, e.Target+"/"); ok {
			if _, err := os.Stat(filepath.Join(e.Source, inside)); err != nil {
				return fmt.Errorf("mount on %s: %s is mounted read-only there and has no %s; choose another target", m.Target, e.Source, inside)
			}
			return nil
		}
	}
	if strings.HasPrefix(m.Target, "/tmp/") {
		return nil // made by the launcher, as each container has its own /tmp
	}
	info, err := os.Stat(m.Source)
	if err != nil {
		return err
	}
	point := filepath.Join(root, m.Target)
	if info.IsDir() {
		return makeFolders(root, m.Target)
	}
	if err := makeFolders(root, path.Dir(m.Target)); err != nil {
		return err
	}
	return writeFile(point, "")
}

// makeFolders makes all folders of target below root.
func makeFolders(root, target string) error {
	at := root
	for step := range strings.SplitSeq(strings.Trim(target, "/"), "/") {
		at = filepath.Join(at, step)
		if err := makeFolder(at); err != nil {
			return err
		}
	}
	return nil
}

// makeFolder makes a folder that everybody may read, whatever the umask.
func makeFolder(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Chmod(dir, 0o755)
}

func writeFile(name, content string) error {
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		return err
	}
	return os.Chmod(name, 0o644)
}

// refreshResolver follows the host's name servers, which change as it moves
// between networks. Living containers see the new ones too.
func (r *roots) refreshResolver() error {
	content := r.resolvConf()
	if content == r.resolver {
		return nil
	}
	for root := range r.made {
		if err := writeFile(filepath.Join(root, "etc/resolv.conf"), content); err != nil {
			return err
		}
	}
	r.resolver = content
	return nil
}

// resolvConf is the host's, without name servers on the host's loopback, which
// a container does not reach.
func (r *roots) resolvConf() string {
	var b strings.Builder
	for _, s := range r.servers() {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	file, _ := readResolver()
	for line := range strings.Lines(file) {
		if f := strings.Fields(line); len(f) > 1 && (f[0] == "search" || f[0] == "domain" || f[0] == "options") {
			b.WriteString(strings.Join(f, " ") + "\n")
		}
	}
	return b.String()
}

// servers are the name servers for containers.
func (r *roots) servers() []string {
	if len(r.nameservers) > 0 {
		return r.nameservers
	}
	_, servers := readResolver()
	return servers
}

// readResolver reads the host's resolver file: the real one behind
// systemd-resolved when there is only the stub on loopback.
func readResolver() (content string, servers []string) {
	for _, name := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		read, err := io.ReadAll(io.LimitReader(f, 64<<10))
		f.Close()
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(read)) {
			fields := strings.Fields(line)
			if len(fields) < 2 || fields[0] != "nameserver" {
				continue
			}
			if a, err := netip.ParseAddr(fields[1]); err == nil && a.Is4() && !a.IsLoopback() {
				servers = append(servers, fields[1])
			}
		}
		if len(servers) > 0 {
			return string(read), servers
		}
	}
	return "", nil
}

// checkMounts says what is wrong with the mounts of a spec.
func checkMounts(mounts []container.Mount) error {
	for _, m := range mounts {
		if !filepath.IsAbs(m.Source) {
			return fmt.Errorf("create container: mount source %q: want an absolute path", m.Source)
		}
		if !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target || m.Target == "/" {
			return fmt.Errorf("create container: mount target %q: want a clean absolute path", m.Target)
		}
		for _, own := range []string{"/proc", "/dev", "/sys"} {
			if m.Target == own || strings.HasPrefix(m.Target, own+"/") {
				return fmt.Errorf("create container: mount target %q: %s is the container's own", m.Target, own)
			}
		}
	}
	return nil
}
