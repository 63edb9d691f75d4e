package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"

	"quirl/container"
	"quirl/container/sandboxcontainer"
)

// openSandbox makes the factory for sandbox://?network=nat|none&launcher=PATH.
func openSandbox(ctx context.Context, u *url.URL, env environment) (container.Factory, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("the sandbox needs Linux; use Docker with --containers docker://, or run trusted functions without isolation with --containers process://")
	}
	f, err := sandboxcontainer.New(sandboxConfig(u, env))
	if err != nil {
		return nil, err
	}
	has, err := f.Capabilities(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w; `quirl doctor` says what is missing", err), f.Close())
	}
	if !has.Limits {
		env.log.Warn("containers have no cgroup limits here; see `quirl doctor`")
	}
	return f, nil
}

func sandboxConfig(u *url.URL, env environment) sandboxcontainer.Config {
	return sandboxcontainer.Config{
		Dir:      runFolder(),
		Instance: instance(env.data),
		Launcher: u.Query().Get("launcher"),
		Network:  u.Query().Get("network"),
		Log:      env.log,
	}
}

// runFolder is a short path for sockets and other things that end with the machine's run.
func runFolder() string {
	if os.Geteuid() == 0 {
		return "/run/quirl"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir + "/quirl"
	}
	return fmt.Sprintf("%s/quirl-%d", os.TempDir(), os.Geteuid())
}
