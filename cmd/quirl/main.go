// Command quirl is the whole platform in one program: `quirl serve` runs it,
// the other commands use it. Called as `wsk` it is that command line.
//
// main.go finds the command, serve.go wires the parts of a server together,
// providers.go says which implementations there are.
package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"quirl/admin"
	"quirl/cli"
	"quirl/internal/config"
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Getenv, os.Stdout, os.Stderr))
}

// run is main with its surroundings handed in; it returns the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	build, revision := buildInfo()
	if len(args) > 1 && args[1] == "admin" {
		args = admin.Words(args)
	}
	root := cli.New(cli.Env{Args: args, Getenv: getenv, Stdout: stdout, Stderr: stderr, Build: build + " " + revision})
	if !root.IsWsk() {
		root.AddCommand(roleCommand(everything, "run the whole platform in this process", getenv, stdout, stderr),
			roleCommand(controllerRole, "run a controller of a cluster: it answers requests, and leaves the work to invokers", getenv, stdout, stderr),
			configCommand(getenv, stdout), doctorCommand(getenv, stdout), adminCommand(getenv, stdout, stderr))
		runInvoker(root.Command, roleCommand(invokerRole, "run an invoker of a cluster, which runs functions; or see what runs them", getenv, stdout, stderr))
	}
	return root.Run(ctx)
}

// runInvoker makes the command invoker, whose own commands look at invokers, run one.
func runInvoker(root *cobra.Command, run *cobra.Command) {
	for _, look := range root.Commands() {
		if look.Name() == run.Name() {
			root.RemoveCommand(look)
			run.AddCommand(look.Commands()...)
		}
	}
	root.AddCommand(run)
}

func roleCommand(r role, short string, getenv func(string) string, stdout, stderr io.Writer) *cobra.Command {
	return configured(r.name, short, getenv, func(ctx context.Context, cfg serveConfig) error {
		if err := config.Resolve(&cfg, getenv); err != nil {
			return err
		}
		return serve(ctx, r, cfg, getenv, stdout, stderr)
	})
}

func configCommand(getenv func(string) string, stdout io.Writer) *cobra.Command {
	return configured("config", "print the configuration in force for `quirl serve`", getenv, func(_ context.Context, cfg serveConfig) error {
		resolved := cfg
		if err := config.Resolve(&resolved, getenv); err != nil {
			return err
		}
		return config.Write(stdout, &cfg)
	})
}

// configured makes a command that does something with the server's configuration.
func configured(use, short string, getenv func(string) string, do func(context.Context, serveConfig) error) *cobra.Command {
	cfg := defaultServeConfig(getenv)
	var file string
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := config.Load(&cfg, file, getenv, cmd.Flags()); err != nil {
				return err
			}
			return do(cmd.Context(), cfg)
		},
	}
	config.Flags(&cfg, cmd.Flags())
	cmd.Flags().StringVar(&file, "config", getenv(config.EnvPrefix+"CONFIG"), "configuration file (YAML)")
	return cmd
}
