package runtimes

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"quirl/container"
)

// mountPoint is where containers see the folders of the runtimes.
const mountPoint = "/quirl"

// systemPath is what functions find in PATH, after their interpreter's own folder.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// errNoInterpreter is Spec's complaint about a kind that has no program here.
var errNoInterpreter = errors.New("no interpreter on this machine")

// Spec says how to start a container of a kind: Kind, Command, Env and Mounts are
// set, the rest is the caller's. files is the folder that Extract returned; env is
// added to the environment, e.g. __OW_API_HOST=https://host:443. A kind that is
// not on offer is an error.
func (o *Offer) Spec(kind, files string, env ...string) (container.Spec, error) {
	r, err := o.Manifest.Resolve(kind)
	if err != nil {
		return container.Spec{}, err
	}
	interpreter, ok := o.interpreters[r.Kind]
	if !ok && o.images {
		return imageSpec(r, files, env), nil
	}
	if !ok {
		return container.Spec{}, fmt.Errorf("start %s: %w", r.Kind, errNoInterpreter)
	}
	return hostSpec(r, interpreter, files, env), nil
}

// hostSpec is Spec for a container with a program of this machine.
func hostSpec(r *Runtime, interpreter Interpreter, files string, env []string) container.Spec {
	bin := ""
	if interpreter.Path != "" {
		bin = filepath.Dir(interpreter.Path)
	}
	return container.Spec{
		Kind:    r.Kind,
		Command: r.Local.command(interpreter.Path),
		Env:     append(environment(bin), env...),
		Mounts:  append(r.Local.mounts(files), programMounts(r.Local.Host, interpreter)...),
	}
}

// Native finds the blackbox that runs without an image here, whichever version of it
// is asked for, and says how to start a container of it; see Spec.
func (o *Offer) Native(image Image, files string, env ...string) (container.Spec, bool) {
	for _, r := range o.natives {
		image.Tag = r.Image.Tag
		if r.Image.Matches(image) {
			return hostSpec(&r, o.interpreters[r.Kind], files, env), true
		}
	}
	return container.Spec{}, false
}

func (l *Local) mounts(files string) []container.Mount {
	folders := []string{l.Runtime}
	if l.Loop != nil {
		folders = append(folders, path.Dir(loopProgram))
	}
	mounts := make([]container.Mount, len(folders))
	for i, folder := range folders {
		mounts[i] = container.Mount{Source: filepath.Join(files, folder), Target: mountPoint + "/" + folder}
	}
	return mounts
}

// environment is the clean environment of every runtime. Nothing of this
// process's own is in it; a missing TZ alone would cost node 20 ms.
func environment(bin string) []string {
	path := systemPath
	if bin != "" && !strings.Contains(":"+systemPath+":", ":"+bin+":") {
		path = bin + ":" + path
	}
	return []string{"PATH=" + path, "HOME=/tmp", "LANG=C.UTF-8", "TZ=UTC"}
}

// programMounts are what an interpreter needs to see of the host outside of /usr, at
// the same place: its installation, and its settings where there are any.
func programMounts(host HostProgram, interpreter Interpreter) []container.Mount {
	prefix := filepath.Dir(filepath.Dir(interpreter.Path))
	var mounts []container.Mount
	for _, m := range host.Mounts {
		path := strings.ReplaceAll(m, "{prefix}", prefix)
		if strings.Contains(m, "{prefix}") && (inSystem(prefix) || tooWide(prefix)) {
			if inSystem(prefix) {
				continue
			}
			path = interpreter.Path // the program alone, not somebody's whole home
		}
		if _, err := os.Stat(path); err != nil && !strings.Contains(m, "{prefix}") {
			continue // the settings of a distribution that this is not
		}
		mounts = append(mounts, container.Mount{Source: path, Target: path})
	}
	return mounts
}

// inSystem says that every container sees path anyway.
func inSystem(path string) bool {
	return path == "/" || path == "/usr" || strings.HasPrefix(path, "/usr/")
}

// tooWide says that path is a home folder or a root of other things, not the
// installation of one program: those lie deeper, or below /opt.
func tooWide(path string) bool {
	depth := strings.Count(path, "/")
	return depth < 2 || (depth == 2 && !strings.HasPrefix(path, "/opt/"))
}
