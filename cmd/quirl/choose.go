package main

import (
	"context"
	"errors"
	"fmt"
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

// fromImages says that the factory of this URL needs images.
func fromImages(containers string) bool { return strings.HasPrefix(containers, "docker:") }
