package runtimes

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// Local is our extension of the manifest, the object "quirl" of a kind: the
// kind is run by a program of the host, or of an image, and our own server for it.
type Local struct {
	// Runtime is the folder of the server half, e.g. "nodejs".
	Runtime string `json:"runtime"`
	// Concurrent says that the server can run several activations at once.
	Concurrent bool `json:"concurrent"`
	// Host tells how to find and start the program.
	Host HostProgram `json:"host"`
	// Loop says that the server is quirl-loop, which runs the program as the launcher
	// of the code; nil means that the program runs a server of its own.
	Loop *Loop `json:"loop"`
	// Needs are files of the runtimes that the build of this program may have left out.
	Needs []string `json:"needs"`
	// Stock is an image that has the program; nil where there is none, and then
	// containers from images are those of Runtime.Image.
	Stock *Stock `json:"stock"`
}

// A Loop tells quirl-loop how the language works; see loop.Config of package loop.
type Loop struct {
	// Compiler is the command that compiles; {runtime} stands for the runtime's folder.
	Compiler []string `json:"compiler"`
	// Jar is the name as which a jar is kept as it is.
	Jar string `json:"jar"`
	// Acknowledge says that the program says when it is ready.
	Acknowledge bool `json:"acknowledge"`
	// Each says that the program is started for each activation.
	Each bool `json:"each"`
	// Stub is the program of actions without code.
	Stub string `json:"stub"`
}

// Stock is any image with the interpreter of a kind, e.g. the language's official
// one. Our server is mounted into it and started with the arguments of the Host.
type Stock struct {
	// Image is its reference, e.g. "node:20-slim".
	Image string `json:"image"`
	// Program is the interpreter: a name that is in the image's usual PATH, or an
	// absolute path.
	Program string `json:"program"`
}

// A HostProgram is an interpreter that may be installed on this machine.
type HostProgram struct {
	// Names are looked for in PATH and then in Places, folders that may have a
	// leading ~ and wildcards. Scripts (the shims of version managers) are passed over.
	// No name means that no program is needed.
	Names  []string `json:"names"`
	Places []string `json:"places"`
	// Version are the arguments that make it print its version, of which Pattern,
	// a regular expression whose first group is the version, accepts the right ones.
	Version []string `json:"version"`
	Pattern string   `json:"pattern"`
	// Args are the arguments that start the server; {runtime} stands for its folder.
	// With a Loop they start the code: {main} stands for the entry point, {folder} for
	// the code's folder; none means that the code is a program itself.
	Args []string `json:"args"`
	// Compile is the command that compiles the runtime's files for the program, of which
	// {program} is the path, if that makes starts quicker.
	Compile []string `json:"compile"`
	// Prepare are more such commands, which cost more than who may never use the kind
	// wants to pay: the first one before its first container, the others beside it.
	Prepare [][]string `json:"prepare"`
	// Mounts are what it needs beside /usr; {prefix} is the folder above the
	// program's bin folder, and left out when that is part of /usr.
	Mounts []string `json:"mounts"`
	// Mend tells an operator how to get it.
	Mend string `json:"mend"`

	pattern *regexp.Regexp
}

func (l *Local) check() error {
	if l.Runtime == "" || l.Loop == nil && (len(l.Host.Names) == 0 || len(l.Host.Args) == 0) {
		return errors.New("quirl needs runtime, and host.names and host.args, or loop")
	}
	if err := l.Stock.check(); err != nil {
		return err
	}
	if len(l.Host.Names) == 0 {
		return nil
	}
	pattern, err := regexp.Compile(l.Host.Pattern)
	if err != nil {
		return fmt.Errorf("pattern of version: %w", err)
	}
	if pattern.NumSubexp() < 1 {
		return fmt.Errorf("pattern of version %q has no group", l.Host.Pattern)
	}
	l.Host.pattern = pattern
	return nil
}

func (s *Stock) check() error {
	if s == nil {
		return nil
	}
	if _, err := ParseImage(s.Image); err != nil {
		return fmt.Errorf("quirl.stock.image: %w", err)
	}
	if s.Program == "" || strings.Contains(s.Program, "/") && !path.IsAbs(s.Program) {
		return fmt.Errorf("quirl.stock.program %q is neither a name nor an absolute path", s.Program)
	}
	return nil
}

// loopProgram is the server of the kinds with a Loop, among the runtimes' files.
const loopProgram = "bin/quirl-loop"

// needs are the files of the runtimes without which the kind cannot run.
func (l *Local) needs() []string {
	if l.Loop == nil {
		return l.Needs
	}
	return append([]string{loopProgram}, l.Needs...)
}

// missing is the first file that this program was built without, or empty.
func (l *Local) missing() string {
	for _, name := range l.needs() {
		if _, err := fs.Stat(files, name); err != nil {
			return name
		}
	}
	return ""
}

// command starts the server half with program.
func (l *Local) command(program string) []string {
	args := expand(l.Host.Args, l.target())
	if l.Loop == nil {
		return append([]string{program}, args...)
	}
	command := append([]string{mountPoint + "/" + loopProgram}, l.Loop.flags(l.target())...)
	if len(args) > 0 {
		command = append(append(command, "--", program), args...)
	}
	return command
}

func (l *Loop) flags(runtime string) []string {
	var flags []string
	for _, word := range expand(l.Compiler, runtime) {
		flags = append(flags, "-compiler", word)
	}
	if l.Jar != "" {
		flags = append(flags, "-jar", l.Jar)
	}
	if l.Acknowledge {
		flags = append(flags, "-ack")
	}
	if l.Each {
		flags = append(flags, "-each")
	}
	if l.Stub != "" {
		flags = append(flags, "-stub", l.Stub)
	}
	return flags
}

// expand puts the runtime's folder into arguments.
func expand(args []string, runtime string) []string {
	expanded := make([]string, len(args))
	for i, arg := range args {
		expanded[i] = strings.ReplaceAll(arg, "{runtime}", runtime)
	}
	return expanded
}

// target is where containers see the server half, and mounts shows it to them.
func (l *Local) target() string { return mountPoint + "/" + l.Runtime }
