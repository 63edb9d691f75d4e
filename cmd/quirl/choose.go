package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"quirl/container"
)

// openContainers opens the configured factory. Without one it is the sandbox or,
// where that cannot work, Docker. It returns the URL that was chosen.
func openContainers(ctx context.Context, configured string, env environment) (container.Factory, string, error) {
	if configured != "" {
		f, err := open(ctx, "containers", configured, factories, env)
		return f, configured, err
	}
	const first, second = "sandbox://", "docker://"
	f, sandbox := open(ctx, "containers", first, factories, env)
	if sandbox == nil {
		return f, first, nil
	}
	f, docker := open(ctx, "containers", second, factories, env)
	if docker == nil {
		env.log.Warn("functions run in containers of Docker, because the sandbox does not work here", "reason", sandbox)
		return f, second, nil
	}
	return nil, "", errors.Join(
		errors.New("neither the sandbox nor Docker works here: mend one of them, as `quirl doctor` says, or run functions that you trust without isolation, with --containers process://"),
		fmt.Errorf("sandbox: %w", sandbox), fmt.Errorf("docker: %w", docker))
}

// What kinds are run by: this machine's programs, those and images, or images alone.
const (
	kindsHost   = "host"
	kindsBoth   = "both"
	kindsImages = "images"
)

// kindsOf says which of these a factory's URL asks for; one that needs images is
// never asked for anything else.
func kindsOf(containers string) string {
	u, err := url.Parse(containers)
	switch {
	case err != nil:
		return kindsHost
	case u.Scheme == "docker":
		return kindsImages
	}
	return cmp.Or(u.Query().Get("kinds"), kindsHost)
}

// byDocker says that containers are an engine's.
func byDocker(containers string) bool { return strings.HasPrefix(containers, "docker:") }
