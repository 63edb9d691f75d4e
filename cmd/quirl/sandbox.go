package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"quirl/container"
	"quirl/container/sandboxcontainer"
)

// openSandbox makes the factory for
// sandbox://?network=nat|none&kinds=host|both|images&archives=FOLDER&launcher=PATH.
func openSandbox(ctx context.Context, u *url.URL, env environment) (container.Factory, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("the sandbox needs Linux; use Docker with --containers docker://, or run trusted functions without isolation with --containers process://")
	}
	cfg, err := sandboxConfig(u, env)
	if err != nil {
		return nil, err
	}
	f, err := sandboxcontainer.New(cfg)
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

func sandboxConfig(u *url.URL, env environment) (sandboxcontainer.Config, error) {
	query := u.Query()
	known := []string{"network", "kinds", "archives", "launcher"}
	for key := range query {
		if !slices.Contains(known, key) {
			return sandboxcontainer.Config{}, fmt.Errorf("unknown setting %q; known are %v", key, known)
		}
	}
	if kinds := query.Get("kinds"); !slices.Contains([]string{"", kindsHost, kindsBoth, kindsImages}, kinds) {
		return sandboxcontainer.Config{}, fmt.Errorf("kinds %q: want %s, %s or %s", kinds, kindsHost, kindsBoth, kindsImages)
	}
	archives := cmp.Or(query.Get("archives"), filepath.Join(env.data, "archives"))
	archives, err := filepath.Abs(archives)
	if err != nil {
		return sandboxcontainer.Config{}, err
	}
	return sandboxcontainer.Config{
		Dir:      runFolder(),
		Instance: instance(env.data),
		Launcher: query.Get("launcher"),
		Network:  query.Get("network"),
		Images:   filepath.Join(env.data, "images"),
		Archives: archives,
		Log:      env.log,
	}, nil
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
