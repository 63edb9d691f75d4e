// Package cli is the command line: verb for verb that of OpenWhisk's `wsk`, one
// file per noun, built on package client.
//
// It promises the output and the exit codes that scripts know, and an error that
// says what to do next. Called as `wsk` it does exactly what that does; called by
// another name it also finds a server on this machine without configuration.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"quirl/client"
)

// Exit codes that are not derived from an HTTP status.
const (
	exitGeneral    = 1
	exitUsage      = 2
	exitNetwork    = 3
	exitNotAllowed = 149
	exitWaiting    = 202
)

// Env is the program's surroundings.
type Env struct {
	Args   []string
	Getenv func(string) string
	// LookupEnv says whether a variable is set, too; nil is os.LookupEnv.
	LookupEnv func(string) (string, bool)
	Stdout    io.Writer
	Stderr    io.Writer
	Build     string
}

// A Root is the whole command line. Make one with New.
type Root struct {
	*cobra.Command
	app *app
}

// app is what all commands share.
type app struct {
	Env
	// Those of Env, with colours on a terminal.
	Stdout, Stderr io.Writer
	name           string // as called
	flags          globalFlags
	params         params
	props          properties
	config         string // the file of properties, where a command names one
	likely         string // the name that was meant, see suggest
}

type globalFlags struct {
	auth, apihost, apiversion, cert, key string
	output                               string
	insecure, verbose, debug             bool
}

// New builds the commands.
func New(env Env) *Root {
	a := &app{Env: env, name: strings.TrimSuffix(filepath.Base(env.Args[0]), ".exe")}
	if a.LookupEnv == nil {
		a.LookupEnv = os.LookupEnv
	}
	a.Stdout, a.Stderr = a.coloured(env.Stdout), a.coloured(env.Stderr)
	root := &cobra.Command{
		Use:           a.name,
		Short:         "OpenWhisk functions on the command line",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.flags.auth, "auth", "u", "", "authorization `KEY`")
	f.StringVar(&a.flags.apihost, "apihost", "", "whisk API `HOST`")
	f.StringVar(&a.flags.apiversion, "apiversion", "", "whisk API `VERSION`")
	f.StringVar(&a.flags.cert, "cert", "", "client cert")
	f.StringVar(&a.flags.key, "key", "", "client key")
	f.BoolVarP(&a.flags.insecure, "insecure", "i", false, "bypass certificate checking")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "verbose output")
	f.BoolVarP(&a.flags.debug, "debug", "d", false, "debug level output")
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = a.isWsk()
	root.AddCommand(a.actionCommand(), a.activationCommand(), a.packageCommand(), a.triggerCommand(), a.ruleCommand(), a.namespaceCommand(), a.listCommand(), a.propertyCommand(), a.apiCommand(), a.projectCommand(), a.sdkCommand())
	if !a.isWsk() {
		root.Version = a.Build
		f.StringVar(&a.flags.output, "output", asTable, "print lists and what is got as `FORM`: table, json or yaml")
		root.PersistentPreRunE = a.checkOutput
		root.AddCommand(a.contextCommand(), a.invokerCommand(), a.devCommand(), a.loadCommand())
	}
	a.complete(root)
	return &Root{root, a}
}

// noun is a command that has only further commands; a mistyped one is an error.
func noun(name, short string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, SuggestionsMinimumDistance: 2, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		problem := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
		if likely := cmd.SuggestionsFor(args[0]); len(likely) > 0 && cmd.Root().Name() != wskName {
			problem += "; did you mean " + strings.Join(likely, " or ") + "?"
		}
		return &exitError{code: exitGeneral, err: errors.New(problem), usage: true}
	}}
}

// IsWsk says whether the program was called as wsk.
func (r *Root) IsWsk() bool { return r.app.isWsk() }

// wskName is the name as which the program is OpenWhisk's.
const wskName = "wsk"

func (a *app) isWsk() bool { return a.name == wskName }

// Run runs the command of the arguments and returns the exit code.
func (r *Root) Run(ctx context.Context) int {
	if len(r.app.Args) < 2 || r.app.Args[1] != "serve" { // a server handles its signals itself
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
	}
	args := r.app.Args[1:]
	if len(args) == 0 || args[0] != "admin" { // whose flags of these names are others
		var err error
		if args, r.app.params, err = extractParams(args, r.app.isWsk()); err != nil {
			return r.app.fail(err)
		}
	}
	r.SetArgs(args)
	if err := r.ExecuteContext(ctx); err != nil {
		return r.app.fail(err)
	}
	return 0
}

// An exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
	// quiet says that what there is to say was printed.
	quiet bool
	usage bool // followed by a hint to the help
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// argumentError is the complaint about the number of arguments.
func argumentError(args []string, low, high int, required string) error {
	var err error
	switch {
	case len(args) < low:
		err = fmt.Errorf("Invalid argument(s). %s", required)
	case len(args) > high:
		err = fmt.Errorf("Invalid argument(s): %s. %s", strings.Join(args[high:], ", "), required)
	default:
		return nil
	}
	return &exitError{code: exitGeneral, err: err, usage: true}
}

// exitOf is the exit code for an HTTP status of the server, as wsk has it.
func exitOf(status int) int { return (status - 256 + 512) % 256 }

// isNotFound says whether the server has no such thing.
func isNotFound(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Status == http.StatusNotFound
}

// fail prints the error and returns the exit code.
func (a *app) fail(err error) int {
	var exit *exitError
	code := exitGeneral
	var refused *client.Error
	var coded interface{ ExitCode() int } // of commands that are not of this package
	switch {
	case errors.As(err, &exit):
		code = exit.code
	case errors.As(err, &coded):
		code = coded.ExitCode()
	case errors.As(err, &refused):
		code = exitOf(refused.Status)
	case errors.Is(err, client.ErrUnreachable), errors.Is(err, client.ErrMalformed):
		code = exitNetwork
	}
	if exit != nil && exit.quiet {
		return code
	}
	fmt.Fprintf(a.Stderr, "error: %v\n", err)
	if exit != nil && exit.usage {
		fmt.Fprintf(a.Stderr, "Run '%s --help' for usage.\n", a.name)
	}
	if hint := a.hint(err); hint != "" {
		fmt.Fprintln(a.Stderr, hint)
	}
	return code
}

// hint says what to do about an error; wsk does not give any.
func (a *app) hint(err error) string {
	var refused *client.Error
	switch {
	case a.isWsk():
	case a.likely != "":
		return "Did you mean " + a.likely + "?"
	case errors.Is(err, client.ErrUnreachable):
		return "Is the server running? Start one with `" + a.name + " serve`, or name another with --apihost."
	case errors.As(err, &refused) && refused.Status == 401:
		return "Set the key with `" + a.name + " property set --auth KEY`, or give it with --auth."
	case errors.As(err, &refused) && refused.Status == 429:
		return "The namespace's limit is reached; wait a moment and try again."
	}
	return ""
}
