package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"quirl/container/dockercontainer"
	"quirl/container/sandboxcontainer"
)

// A finding is one line of the doctor's report.
type finding struct {
	ok   bool
	what string
	mend string // what it costs and how to mend it
}

func doctorCommand(getenv func(string) string, stdout io.Writer) *cobra.Command {
	cfg := defaultServeConfig(getenv)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "say what this machine can do, what is missing and how to mend it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := examine(cmd.Context(), cfg, getenv)
			for _, f := range findings {
				mark := "ok     "
				if !f.ok {
					mark = "missing"
				}
				fmt.Fprintf(stdout, "%s  %s\n", mark, f.what)
				if f.mend != "" {
					fmt.Fprintf(stdout, "         %s\n", f.mend)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&cfg.Data, "data", cfg.Data, "data folder to look at")
	cmd.Flags().StringVar(&cfg.Listen, "listen", cfg.Listen, "address to look at")
	return cmd
}

func examine(ctx context.Context, cfg serveConfig, getenv func(string) string) []finding {
	list := []finding{examineData(cfg.Data), examineAddress(ctx, cfg.Listen)}
	env := environment{data: cfg.Data, log: slog.New(slog.DiscardHandler)}
	sandbox, err := sandboxConfig(&url.URL{}, env)
	if err != nil {
		return append(list, finding{false, "sandbox: " + err.Error(), ""})
	}
	for _, f := range sandboxcontainer.Check(ctx, sandbox) {
		mend := f.Cost
		if f.Mend != "" {
			mend += "; mend it with: " + f.Mend
		}
		list = append(list, finding{f.OK, "sandbox: " + f.Name + ": " + f.Found, mend})
	}
	list = append(list, examineDocker(ctx, env)...)
	return append(list, examineRuntimes(ctx, cfg, getenv)...)
}

func examineDocker(ctx context.Context, env environment) []finding {
	cfg, err := dockerConfig(&url.URL{}, env)
	if err != nil {
		return []finding{{false, "docker: " + err.Error(), ""}}
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	var list []finding
	for _, f := range dockercontainer.Check(ctx, cfg) {
		list = append(list, finding{f.OK, "docker: " + f.Found, f.Mend})
	}
	return list
}

func examineData(dir string) finding {
	for parent := dir; ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if os.IsNotExist(err) && parent != filepath.Dir(parent) {
			continue
		}
		switch {
		case err != nil:
			return finding{false, "data folder " + dir + ": " + err.Error(), "choose another one with --data"}
		case !info.IsDir():
			return finding{false, "data folder " + dir + ": " + parent + " is no folder", "choose another one with --data"}
		}
		var fs syscall.Statfs_t
		if err := syscall.Statfs(parent, &fs); err != nil {
			return finding{false, "data folder " + dir + ": " + err.Error(), "choose another one with --data"}
		}
		free := uint64(fs.Bavail) * uint64(fs.Bsize) >> 20
		return finding{free > 512, fmt.Sprintf("data folder %s: %d MB free", dir, free), ""}
	}
}

func examineAddress(ctx context.Context, address string) finding {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return finding{false, "address " + address + ": " + err.Error(), "a server is running there already, or choose another one with --listen"}
	}
	if err := l.Close(); err != nil {
		return finding{false, "address " + address + ": " + err.Error(), ""}
	}
	return finding{true, "address " + address + " is free", ""}
}

func examineRuntimes(ctx context.Context, cfg serveConfig, getenv func(string) string) []finding {
	dir, err := os.MkdirTemp("", "quirl-doctor-")
	if err != nil {
		return []finding{{false, "runtimes: " + err.Error(), "make the temporary folder writable"}}
	}
	defer os.RemoveAll(dir)
	k, err := detectKinds(ctx, cfg.Manifest, dir, false, getenv)
	if err != nil {
		return []finding{{false, "runtimes: " + err.Error(), ""}}
	}
	var list []finding
	for _, kind := range k.Names() {
		program, _ := k.offer.Interpreter(kind)
		list = append(list, finding{true, fmt.Sprintf("runtime %s: %s (%s)", kind, program.Path, program.Version), ""})
	}
	for _, m := range k.offer.Missing {
		list = append(list, finding{false, fmt.Sprintf("runtime %s: %s", m.Kind, m.Reason), m.Mend})
	}
	return list
}
