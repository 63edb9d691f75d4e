package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"quirl/cli/project"
	"quirl/client"
)

// isProject says whether an artifact is a folder to build; wsk takes files alone.
func (a *app) isProject(artifact string) bool {
	info, err := os.Stat(artifact)
	return err == nil && info.IsDir() && !a.isWsk()
}

// projectExec builds a project and makes the exec of the result.
func (a *app) projectExec(ctx context.Context, e *execFlags, dir string) (*client.Exec, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find the folder to build in: %w", err)
	}
	o := project.Options{
		Dir: dir, Kind: e.kind, Cache: filepath.Join(cache, "quirl", "projects"),
		Say:     func(sentence string) { fmt.Fprintln(a.Stderr, sentence) },
		Running: a.running,
	}
	switch {
	case e.native:
		o.Kind = project.Native
	case e.image != "":
		o.Kind = "blackbox"
	}
	archive, err := project.Build(ctx, o)
	if err != nil {
		var failed *project.ToolError
		if errors.As(err, &failed) {
			fmt.Fprintf(a.Stderr, "%s", failed.Output)
		}
		return nil, err
	}
	code := base64.StdEncoding.EncodeToString(archive.Content)
	exec := &client.Exec{Kind: archive.Kind, Main: e.main, Code: &code}
	switch {
	case e.image != "":
		exec.Image = e.image
	case archive.Kind == project.Native:
		exec.Kind, exec.Image = "blackbox", nativeImage
	}
	return exec, nil
}

// running says which command of a build runs, and on a terminal for how long.
func (a *app) running(command string) (done func()) {
	fmt.Fprintf(a.Stderr, "running %s\n", command)
	return a.progress("running %s", command)
}
