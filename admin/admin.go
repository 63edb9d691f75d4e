// Package admin is the operator's commands on a store: users and their keys, limits of
// namespaces, and the database itself. It does what OpenWhisk's wskadmin does, with its words.
//
// It works on the store, not by the API, so that it works before there is a first user, and
// while no server runs. A running server takes notice within the lifetime of its caches.
package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quirl/store"
)

// Exit codes, as wskadmin has them.
const (
	exitFailure = 1
	exitUsage   = 2
)

// An Error is a failure with the exit code that it is to have.
type Error struct {
	Code int
	Text string
}

func (e *Error) Error() string { return e.Text }

// ExitCode is the code that the program is to end with.
func (e *Error) ExitCode() int { return e.Code }

func failed(format string, args ...any) error {
	return &Error{exitFailure, fmt.Sprintf(format, args...)}
}

func misused(format string, args ...any) error {
	return &Error{exitUsage, fmt.Sprintf(format, args...)}
}

// Open opens the store that the commands work on.
type Open func(ctx context.Context) (store.Store, error)

// Command is the command admin, whose parts write to out; more are commands beside them.
func Command(open Open, out io.Writer, more ...*cobra.Command) *cobra.Command {
	a := &admin{open: open, out: out}
	cmd := &cobra.Command{Use: "admin", Short: "administer users, limits and the database"}
	cmd.AddCommand(a.userCommand(), a.limitsCommand())
	cmd.AddCommand(more...)
	return cmd
}

type admin struct {
	open Open
	out  io.Writer
}

// with makes a command that does something with the store.
func (a *admin) with(low, high int, required string, do func(ctx context.Context, s store.Store, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		if len(args) < low || high >= 0 && len(args) > high {
			return misused("%s", required)
		}
		s, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return do(cmd.Context(), s, args)
	}
}

func (a *admin) say(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }

// Words turns the word -ns, which wskadmin has for --namespace, into that: flags of two
// letters are not known here.
func Words(args []string) []string {
	words := make([]string, len(args))
	for i, word := range args {
		switch {
		case word == "-ns":
			word = "--namespace"
		case strings.HasPrefix(word, "-ns="):
			word = "--namespace=" + strings.TrimPrefix(word, "-ns=")
		}
		words[i] = word
	}
	return words
}
