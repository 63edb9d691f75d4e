package project

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A Tool is a program that steps run.
type Tool struct {
	Program string
	// Versions are the commands that print on which versions its work depends.
	Versions [][]string
	For, Get string // why it is needed, and how to get it
}

var (
	npm = &Tool{
		"npm", [][]string{{"node", "--version"}, {"npm", "--version"}},
		"what package.json asks for", "install Node.js, which brings it, or on Debian or Ubuntu: sudo apt-get install npm",
	}
	pip = &Tool{
		"python3", [][]string{{"python3", "-m", "pip", "--version"}},
		"the packages in requirements.txt", "install Python 3 and its pip, on Debian or Ubuntu: sudo apt-get install python3-pip",
	}
	golang = &Tool{
		"go", [][]string{{"go", "version"}},
		"the modules that go.mod requires", "install Go, on Debian or Ubuntu: sudo apt-get install golang",
	}
	maven = &Tool{
		"mvn", [][]string{{"mvn", "--version"}},
		"the project that pom.xml describes", "install Maven and a JDK, on Debian or Ubuntu: sudo apt-get install maven default-jdk-headless",
	}
	composer = &Tool{
		"composer", [][]string{{"composer", "--no-ansi", "--version"}},
		"what composer.json asks for", "install Composer, on Debian or Ubuntu: sudo apt-get install composer",
	}
	bundler = &Tool{
		"bundle", [][]string{{"bundle", "--version"}},
		"the gems in Gemfile", "install Bundler: gem install bundler, or on Debian or Ubuntu: sudo apt-get install ruby-bundler",
	}
	cargo = &Tool{
		"cargo", [][]string{{"cargo", "--version"}},
		"the crates in Cargo.toml", "install Rust, on Debian or Ubuntu: sudo apt-get install cargo",
	}
)

// A ToolError is a tool that failed, with all that it printed.
type ToolError struct {
	Command string
	Output  []byte
	Err     error
}

func (e *ToolError) Error() string { return fmt.Sprintf("%s failed: %v", e.Command, e.Err) }
func (e *ToolError) Unwrap() error { return e.Err }

// A Step runs a tool in the folder of the build.
type Step struct {
	Tool *Tool
	Args []string
	Env  []string
}

// String is the command as one would type it.
func (s Step) String() string {
	return strings.Join(append(append(append([]string{}, s.Env...), s.Tool.Program), s.Args...), " ")
}

func (s Step) run(ctx context.Context, dir string) error {
	_, err := run(ctx, dir, s.Env, append([]string{s.Tool.Program}, s.Args...)...)
	return err
}

// version is what the tool says of itself; it may be that it is not there.
func (t *Tool) version(ctx context.Context) (string, error) {
	var all bytes.Buffer
	for _, command := range append([][]string{{t.Program}}, t.Versions...) {
		if _, err := exec.LookPath(command[0]); err != nil {
			return "", fmt.Errorf("%s is needed for %s and is not in PATH: %s", command[0], t.For, t.Get)
		}
	}
	for _, command := range t.Versions {
		out, err := run(ctx, os.TempDir(), nil, command...)
		if err != nil {
			return "", fmt.Errorf("%w; it is needed for %s: %s", err, t.For, t.Get)
		}
		all.Write(out)
	}
	return all.String(), nil
}

// run runs a program and returns what it printed.
func run(ctx context.Context, dir string, env []string, command ...string) ([]byte, error) {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "PWD="+dir), env...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends its own processes
	cmd.WaitDelay = 5 * time.Second                                       // they may keep the output open
	if err := cmd.Run(); err != nil {
		return nil, &ToolError{Command: strings.Join(command, " "), Output: output.Bytes(), Err: err}
	}
	return output.Bytes(), nil
}
