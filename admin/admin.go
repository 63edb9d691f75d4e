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

// Options are what the commands work with.
type Options struct {
	// Open opens the store that most commands work on, OpenURL one that is named by its URL,
	// which is made only when that is asked for.
	Open    func(ctx context.Context) (store.Store, error)
	OpenURL func(ctx context.Context, url string, create bool) (store.Store, error)
	// OpenAttachments opens the place where code lies.
	OpenAttachments func(ctx context.Context) (store.Attachments, error)
	// OpenWhisk connects to the databases of an OpenWhisk; problem is called for what cannot be understood.
	OpenWhisk func(ctx context.Context, url string, problem func(id string, err error)) (OpenWhisk, error)
	// LogFolder is the folder below which the parts write their logs, or empty.
	LogFolder func() (string, error)
	// Out receives what was asked for, Err how far something is.
	Out, Err io.Writer
	// Database are further commands about the database, which only some stores have.
	Database []*cobra.Command
}

// Command is the command admin.
func Command(o Options) *cobra.Command {
	a := &admin{o}
	cmd := &cobra.Command{Use: "admin", Short: "administer users, limits and the database"}
	db := a.dbCommand()
	db.AddCommand(o.Database...)
	cmd.AddCommand(a.userCommand(), a.keyCommand(), a.secretsCommand(), a.auditCommand(), a.limitsCommand(), db, a.usageCommand(), a.syslogCommand())
	return cmd
}

type admin struct{ Options }

// with makes a command that does something with the store.
func (a *admin) with(low, high int, required string, do func(ctx context.Context, s store.Store, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		if len(args) < low || high >= 0 && len(args) > high {
			return misused("%s", required)
		}
		s, err := a.Open(cmd.Context())
		if err != nil {
			return err
		}
		w := &watched{Store: s}
		defer func() {
			err = errors.Join(err, w.audit(context.WithoutCancel(cmd.Context()), cmd, args, err), s.Close())
		}()
		return do(cmd.Context(), w, args)
	}
}

func (a *admin) say(format string, args ...any) { fmt.Fprintf(a.Out, format+"\n", args...) }

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
