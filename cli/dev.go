package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quirl/cli/debug"
	"quirl/cli/project"
	"quirl/client"
)

// watchEvery is how often the files are looked at. What changed is deployed when it has
// not changed for as long again: an editor may write several files.
const watchEvery = 150 * time.Millisecond

// mostWatched bounds the files of a folder.
const mostWatched = 20_000

// unwatched are folders of what tools made: a build makes them, and must not follow from itself.
var unwatched = []string{"node_modules", "vendor", "target", "__pycache__", "virtualenv", "build"}

func (a *app) devCommand() *cobra.Command {
	var e execFlags
	var l limitFlags
	var as string
	var once bool
	var port int
	cmd := &cobra.Command{
		Use: "dev FILE_OR_FOLDER", Short: "deploy an action whenever its files are saved, invoke it, and show its log",
		Long: "dev deploys a file, or a folder whose dependencies are installed first, as an action, invokes it with\n" +
			"the parameters of the command line, and shows its log and its result; and again whenever a file is\nsaved, until it is interrupted.",
	}
	cmd.Flags().StringVar(&e.kind, "kind", "", "the `KIND` of the action runtime (example: nodejs:default)")
	cmd.Flags().StringVar(&e.main, "main", "", "the name of the action entry point")
	cmd.Flags().BoolVar(&e.native, "native", false, "treat it as a native program or script")
	cmd.Flags().StringVar(&as, "name", "", "the `NAME` of the action; by default that of the file or folder")
	cmd.Flags().BoolVar(&once, "once", false, "end after the first invocation, with its exit code")
	cmd.Flags().IntVar(&port, "debug-port", 0, "run it here instead of on the platform, under a debugger that listens on this `PORT` of 127.0.0.1 (Node.js: the inspector, usually 9229; Python: debugpy, usually 5678)")
	l.add(cmd)
	cmd.RunE = a.run(1, 1, "A file or a folder is required.", func(ctx context.Context, c *client.Client, args []string) error {
		if port < 0 || port > 65535 {
			return usageError("%d is no port.", port)
		}
		path, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		if as == "" {
			as = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		}
		name, err := a.parseEntity(as)
		if err != nil {
			return err
		}
		d := dev{app: a, client: c, path: path, name: name, exec: e, limits: l.given(cmd), port: port}
		if once {
			return d.round(ctx)
		}
		return d.watch(ctx)
	})
	return cmd
}

// dev deploys and invokes one action.
type dev struct {
	*app
	client *client.Client
	path   string
	name   entityName
	exec   execFlags
	limits *client.Limits
	port   int // of a debugger; 0: the platform runs it
}

// watch makes a round for each state of the files, until ctx ends. What goes wrong in one
// is said, and the next one may mend it.
func (d *dev) watch(ctx context.Context) error {
	fmt.Fprintf(d.Stderr, "watching %s; enter Ctrl-c to exit\n", d.path)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var deployed, before uint64
	for {
		now, err := fingerprint(d.path)
		if err != nil {
			return err
		}
		if now != deployed && (now == before || deployed == 0) {
			deployed = now
			if err := d.roundOf(ctx, now); err != nil && ctx.Err() == nil {
				d.fail(err)
			}
		}
		before = now
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// roundOf makes a round for one state of the files. A function that a debugger looks at may
// stand still: then another state ends the round.
func (d *dev) roundOf(ctx context.Context, state uint64) error {
	if d.port == 0 {
		return d.round(ctx)
	}
	within, changed := context.WithCancel(ctx)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		for {
			select {
			case <-within.Done():
				return
			case <-time.After(watchEvery):
			}
			if now, err := fingerprint(d.path); err != nil || now != state {
				changed()
			}
		}
	}()
	err := d.round(within)
	if within.Err() != nil {
		err = nil
	}
	changed()
	<-watching
	return err
}

// round deploys and invokes once.
func (d *dev) round(ctx context.Context) error {
	if d.port != 0 {
		return d.debug(ctx)
	}
	began := time.Now()
	action := client.Action{Namespace: d.name.namespace, Name: d.name.entity, Limits: d.limits, Annotations: d.params.annotations}
	exec, err := d.buildExec(ctx, d.client, &d.exec, []string{d.path}, &action)
	if err != nil {
		return err
	}
	action.Exec = exec
	var answer client.Action
	_, err = d.client.Do(ctx, client.Request{
		Method: http.MethodPut, Path: client.Path("namespaces", d.name.namespace, "actions", d.name.entity),
		Query: url.Values{"overwrite": {"true"}}, Body: action, Into: &answer,
	})
	if err != nil {
		return fmt.Errorf("Unable to create action '%s': %w", d.name.entity, err)
	}
	d.warnOfKind(d.exec.kind, answer.Exec)
	fmt.Fprintf(d.Stderr, "deployed %s %s in %s\n", d.name.entity, answer.Version, milliseconds(time.Since(began)))
	began = time.Now()
	if err := d.invokeAndFollow(ctx, d.client, d.name); err != nil {
		return err
	}
	fmt.Fprintf(d.Stderr, "done after %s\n", milliseconds(time.Since(began)))
	return nil
}

// debug runs the function in a process of this machine, as soon as a debugger is attached.
func (d *dev) debug(ctx context.Context) error {
	family, _, _ := strings.Cut(d.exec.kind, ":")
	if family == "" {
		kind, err := d.kindOfPath()
		if err != nil {
			return err
		}
		family, _, _ = strings.Cut(kind, ":")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find the folder for the runtimes: %w", err)
	}
	arguments, err := json.Marshal(object(d.params.parameters))
	if err != nil {
		return err
	}
	result, err := debug.Run(ctx, debug.Options{
		Path: d.path, Family: family, Main: d.exec.main, Name: d.name.String(), Port: d.port,
		Files: filepath.Join(cache, "quirl", "runtimes"), Environ: os.Environ(), Output: d.Stderr,
		Waiting: func() { fmt.Fprintf(d.Stderr, "waiting for a debugger to attach to 127.0.0.1:%d\n", d.port) },
	}, arguments)
	switch {
	case err != nil:
		return err
	case result.Success:
		return d.value(result.Value)
	}
	if err := printJSON(d.Stderr, result.Value); err != nil {
		return err
	}
	return errFunctionFailed
}

// kindOfPath is the kind of a file by its name, or of a folder by what is in it.
func (d *dev) kindOfPath() (string, error) {
	if !d.isProject(d.path) {
		return kindOf(d.path)
	}
	recipe, err := project.Detect(d.path, "")
	if err != nil {
		return "", err
	}
	return recipe.Kind(), nil
}

// fingerprint is another number when a file was saved, came or went. It is never 0.
func fingerprint(root string) (uint64, error) {
	sum, files := fnv.New64a(), 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path != root: // gone meanwhile
			return nil
		case err != nil:
			return err
		case entry.IsDir():
			if path != root && (strings.HasPrefix(entry.Name(), ".") || slices.Contains(unwatched, entry.Name())) {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if files++; files > mostWatched {
			return fmt.Errorf("%s has more than %d files: watch a folder with the sources alone", root, mostWatched)
		}
		fmt.Fprintf(sum, "%s\x00%d\x00%d\x00", path, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, missingFile(root)
	}
	return sum.Sum64() | 1, err
}
