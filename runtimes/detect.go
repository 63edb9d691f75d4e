package runtimes

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// versionTimeout bounds the spawn that asks a program for its version.
const versionTimeout = 10 * time.Second

// Host says where Detect may look.
type Host struct {
	// Path is a list of folders like the variable PATH, with the same order of preference.
	Path string
	// Home stands for ~ in the manifest; empty leaves such places out.
	Home string
	// Cache is a file that remembers versions by path, size and time; empty means none.
	Cache string
	// Images says that a kind whose program is not here is run from an image.
	Images bool
}

// An Offer is what can run here: by the programs of this machine (see Detect), from
// images (see Images), or by both.
type Offer struct {
	// Manifest holds the kinds on offer, with a default in each family.
	Manifest *Manifest
	// Missing are the other kinds.
	Missing []Missing

	interpreters map[string]Interpreter // by kind
	natives      []Runtime              // blackboxes that need no image here
	images       bool                   // where there is no interpreter
}

// Missing tells why a kind cannot run here and how to mend that.
type Missing struct {
	Kind, Reason, Mend string
}

// An Interpreter is a program of the host that runs a kind.
type Interpreter struct {
	Path    string // the program itself, all links followed
	Version string
}

// Detect finds out which kinds of m have their interpreter on this machine. It
// starts each program that might be one once, and later only when its file has
// changed. A program that does not answer is treated as if it were not there;
// the error is ctx's.
func (m *Manifest) Detect(ctx context.Context, host Host) (*Offer, error) {
	p := &prober{host: host, known: readCache(host.Cache)}
	p.probe(ctx, m.candidates(host))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.known.write(host.Cache)

	o := &Offer{interpreters: map[string]Interpreter{}, images: host.Images}
	found := map[string][]Runtime{}
	for _, kind := range m.Kinds() {
		r := m.kinds[kind]
		interpreter, missing := p.find(r)
		switch {
		case missing == nil:
			o.interpreters[kind] = interpreter
		case !host.Images:
			o.Missing = append(o.Missing, *missing)
			continue
		}
		found[r.Family] = append(found[r.Family], *r)
	}
	for _, r := range m.Natives {
		interpreter, missing := p.find(&r)
		if missing == nil {
			o.natives, o.interpreters[r.Kind] = append(o.natives, r), interpreter
		}
	}
	o.Manifest = m.only(found)
	return o, o.Manifest.index()
}

// Interpreter returns the program that runs a kind.
func (o *Offer) Interpreter(kind string) (Interpreter, bool) {
	i, ok := o.interpreters[kind]
	return i, ok
}

// only is a manifest of some kinds of m, in m's order. Where the family's default
// is gone, the last kind that is not deprecated takes its place: the newest, as
// manifests are written.
func (m *Manifest) only(found map[string][]Runtime) *Manifest {
	rest := &Manifest{Families: map[string][]Runtime{}, Blackboxes: m.Blackboxes, Natives: m.Natives}
	for family, kinds := range found {
		position := func(r Runtime) int {
			return slices.IndexFunc(m.Families[family], func(o Runtime) bool { return o.Kind == r.Kind })
		}
		slices.SortFunc(kinds, func(a, b Runtime) int { return position(a) - position(b) })
		if !slices.ContainsFunc(kinds, func(r Runtime) bool { return r.Default }) {
			kinds[newest(kinds)].Default = true
		}
		rest.Families[family] = kinds
	}
	return rest
}

func newest(kinds []Runtime) int {
	for i := len(kinds) - 1; i >= 0; i-- {
		if !kinds[i].Deprecated {
			return i
		}
	}
	return len(kinds) - 1
}

// A probe is a question: which version is the program at path?
type probe struct {
	path string // all links followed
	args string // joined with spaces
}

// candidates lists the programs whose version has to be known.
func (m *Manifest) candidates(host Host) []probe {
	var all []probe
	for _, kind := range m.Kinds() {
		if local := m.kinds[kind].Local; local != nil {
			for _, path := range local.Host.search(host) {
				all = append(all, probe{path, strings.Join(local.Host.Version, " ")})
			}
		}
	}
	slices.SortFunc(all, func(a, b probe) int { return strings.Compare(a.path+"\x00"+a.args, b.path+"\x00"+b.args) })
	return slices.Compact(all)
}

// search lists the real files that the program may be, in order of preference.
func (h HostProgram) search(host Host) []string {
	var found []string
	for _, folder := range h.folders(host) {
		for _, name := range h.Names {
			path, err := filepath.EvalSymlinks(filepath.Join(folder, name))
			if err == nil && !slices.Contains(found, path) && isProgram(path) {
				found = append(found, path)
			}
		}
	}
	return found
}

func (h HostProgram) folders(host Host) []string {
	var folders []string
	for _, folder := range filepath.SplitList(host.Path) {
		if filepath.IsAbs(folder) {
			folders = append(folders, folder)
		}
	}
	for _, place := range h.Places {
		if rest, ok := strings.CutPrefix(place, "~"); ok {
			if host.Home == "" {
				continue
			}
			place = host.Home + rest
		}
		matches, _ := filepath.Glob(place) // an error is a bad pattern, which matches nothing
		slices.Reverse(matches)            // usually the newest version comes last
		folders = append(folders, matches...)
	}
	return folders
}

// isProgram says that path is an executable file and no script: what version
// managers put in the way chooses a version by the working directory, and is slow.
func isProgram(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	magic := make([]byte, 2)
	_, err = io.ReadFull(f, magic)
	return err == nil && string(magic) != "#!"
}

// A prober asks programs for their versions.
type prober struct {
	host  Host
	known versionCache
	mu    sync.Mutex
}

// probe makes the answers to all questions known, a few at a time.
func (p *prober) probe(ctx context.Context, questions []probe) {
	const parallel = 4
	gate := make(chan struct{}, parallel)
	questions = slices.DeleteFunc(questions, func(q probe) bool {
		_, ok := p.known.get(q)
		return ok
	})
	var wg sync.WaitGroup
	for _, q := range questions {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			text, err := ask(ctx, q)
			if err != nil {
				return // not remembered: it may be mended
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.known.put(q, text)
		})
	}
	wg.Wait()
}

// ask runs the program once, in an environment that cannot slow it down.
func ask(ctx context.Context, q probe) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, q.path, strings.Fields(q.args)...)
	cmd.Env = environment("")
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", q.path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// maxOthers bounds how many unsuitable programs a reason names.
const maxOthers = 3

// find chooses the interpreter of a kind from what is known.
func (p *prober) find(r *Runtime) (Interpreter, *Missing) {
	if r.Local == nil {
		return Interpreter{}, &Missing{r.Kind, "the manifest names no program of the host for it", "use a container technology that runs images"}
	}
	if name := r.Local.missing(); name != "" {
		return Interpreter{}, &Missing{r.Kind, "this program was built without " + name, "build it with make, which fetches and builds what is needed"}
	}
	host := r.Local.Host
	if len(host.Names) == 0 {
		return Interpreter{}, nil
	}
	var others []string
	for _, path := range host.search(p.host) {
		text, ok := p.known.get(probe{path, strings.Join(host.Version, " ")})
		if !ok {
			others = append(others, path+" does not answer")
			continue
		}
		if m := host.pattern.FindStringSubmatch(text); m != nil {
			return Interpreter{Path: path, Version: m[1]}, nil
		}
		line, _, _ := strings.Cut(text, "\n")
		others = append(others, fmt.Sprintf("%s is %s", path, line))
	}
	reason := fmt.Sprintf("no program %s was found", strings.Join(host.Names, " or "))
	if len(others) > maxOthers {
		others = append(others[:maxOthers], "...")
	}
	if len(others) > 0 {
		reason = "another version is installed: " + strings.Join(others, ", ")
	}
	return Interpreter{}, &Missing{r.Kind, reason, host.Mend}
}
