package runtimes

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Dockerfile is the recipe for an image of a kind, or of a native blackbox by its
// reference, with our server in it: from the kind's stock image, or any BASE with the
// same program. The folder of the runtimes is its context. It is for platforms that
// cannot mount files; the same files are mounted into stock images. An unknown kind, or
// one without a stock image, is an error.
func (m *Manifest) Dockerfile(kind string) (string, error) {
	r, err := m.recipe(kind)
	if err != nil {
		return "", err
	}
	base, program := "debian:stable-slim", ""
	if stock := r.stock(); stock != nil {
		base, program = stock.Image, stock.Program
	} else if len(r.Local.Host.Names) > 0 {
		return "", fmt.Errorf("%s has no stock image", r.Kind)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# An image of %s with quirl's server. Made by go generate ./runtimes; build it with: make images\n", r.Kind)
	fmt.Fprintf(&b, "ARG BASE=%s\nFROM ${BASE}\n", base)
	for _, name := range r.Local.sources() {
		fmt.Fprintf(&b, "COPY %s %s/%s/\n", name, mountPoint, path.Dir(name))
	}
	for _, command := range append([][]string{r.Local.Host.Compile}, r.Local.Host.Prepare...) {
		if len(command) > 0 {
			fmt.Fprintf(&b, "RUN %s\n", quoted(fillProgram(expand(command, r.Local.target()), program)))
		}
	}
	fmt.Fprintf(&b, "ENV %s\nUSER %s\nEXPOSE 8080\nENTRYPOINT %s\n", strings.Join(imageEnvironment(program), " "), imageUser, quoted(r.Local.command(program)))
	return b.String(), nil
}

// imageUser is nobody in particular, but not root.
const imageUser = "1001:1001"

func imageEnvironment(program string) []string {
	if !path.IsAbs(program) {
		return environment("")
	}
	return environment(path.Dir(program))
}

func (m *Manifest) recipe(kind string) (*Runtime, error) {
	i := slices.IndexFunc(m.Natives, func(r Runtime) bool { return r.Kind == kind })
	if i >= 0 {
		return &m.Natives[i], nil
	}
	r, err := m.Resolve(kind)
	if err == nil && r.Local == nil {
		err = fmt.Errorf("%s has no runtime of ours", kind)
	}
	return r, err
}

// sources are the files and folders of the runtime: what is in its own folder, and the
// server of the loop where it is used.
func (l *Local) sources() []string {
	var names []string
	entries, err := fs.ReadDir(files, l.Runtime)
	if err != nil {
		return nil // a manifest of somebody else's
	}
	for _, e := range entries {
		name := l.Runtime + "/" + e.Name()
		if e.IsDir() { // the content of a folder is copied, not the folder
			name += "/."
		}
		names = append(names, name)
	}
	if l.Loop != nil {
		names = append(names, loopProgram)
	}
	return names
}

func fillProgram(command []string, program string) []string {
	filled := make([]string, len(command))
	for i, part := range command {
		filled[i] = strings.ReplaceAll(part, "{program}", program)
	}
	return filled
}

// quoted is a command in the form in which no shell reads it.
func quoted(command []string) string {
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = strconv.Quote(word)
	}
	return "[" + strings.Join(words, ", ") + "]"
}
