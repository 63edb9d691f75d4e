package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quirl/cli/manifest"
	"quirl/cli/project"
	"quirl/client"
	"quirl/internal/archive"
)

// execOf makes what an action of a manifest runs.
func (d *deployer) execOf(ctx context.Context, s *manifest.Source) (*client.Exec, error) {
	flags := &execFlags{kind: s.Kind, main: s.Main, image: s.Image, native: s.Native}
	if s.Image != "" { // which is the kind
		flags.kind = ""
	}
	if s.Code != "" {
		exec := &client.Exec{Kind: s.Kind, Main: s.Main, Code: &s.Code}
		flags.blackbox(exec)
		return exec, nil
	}
	if s.File == "" {
		return d.buildExec(ctx, nil, flags, nil, nil)
	}
	file := s.File
	if strings.Contains(file, "://") {
		fetched, done, err := fetchFile(ctx, file)
		if err != nil {
			return nil, err
		}
		defer done()
		file = fetched
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	// A folder that says nothing of what is packed is built, as by `action create`.
	if info.IsDir() && (d.isWsk() || len(s.Include)+len(s.Exclude) > 0) {
		return d.packedExec(s, file, flags)
	}
	return d.buildExec(ctx, nil, flags, []string{file}, nil)
}

// packedExec packs a folder as it is.
func (d *deployer) packedExec(s *manifest.Source, dir string, flags *execFlags) (*client.Exec, error) {
	content, err := project.Folder{Dir: dir, Base: s.Dir, Include: s.Include, Exclude: s.Exclude}.Pack()
	if err != nil {
		return nil, err
	}
	code := base64.StdEncoding.EncodeToString(content)
	exec := &client.Exec{Kind: flags.kind, Main: flags.main, Code: &code}
	if !flags.blackbox(exec) && flags.kind == "" {
		return nil, errors.New("a folder says nothing of its kind: set the key runtime")
	}
	return exec, nil
}

// maxFetched is what a file of code, or an archive with a project, may have, in bytes.
const maxFetched = 256 << 20

// fetchFile fetches a file by its URL into one of the same name; done removes it.
func fetchFile(ctx context.Context, from string) (file string, done func(), err error) {
	u, err := url.Parse(from)
	if err != nil {
		return "", nil, err
	}
	content, err := fetch(ctx, from)
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "quirl-fetched-")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	file = filepath.Join(dir, path.Base(u.Path))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		done()
		return "", nil, err
	}
	return file, done, nil
}

func fetch(ctx context.Context, from string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: the server answers %s", from, res.Status)
	}
	content, err := io.ReadAll(io.LimitReader(res.Body, maxFetched+1))
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", from, err)
	}
	if len(content) > maxFetched {
		return nil, fmt.Errorf("get %s: it has more than %d MB", from, maxFetched>>20)
	}
	return content, nil
}

// deployProject deploys a project that this one depends on, and returns the name of its package.
func (d *deployer) deployProject(ctx context.Context, of manifest.Dependency) (string, error) {
	nested, done, err := d.dependency(ctx, of)
	if err != nil {
		return "", err
	}
	defer done()
	if err := nested.prepare(ctx); err != nil {
		return "", err
	}
	for i := range nested.plan.Packages {
		p := &nested.plan.Packages[i]
		p.Parameters, p.Annotations = merged(p.Parameters, of.Inputs), merged(p.Annotations, of.Annotations)
	}
	return nested.plan.Packages[0].Name, nested.deploy(ctx)
}

// dependency reads the project of a dependency; done removes what was fetched for it.
func (d *deployer) dependency(ctx context.Context, of manifest.Dependency) (nested *deployer, done func(), err error) {
	dir, done := of.Location, func() {}
	if of.GitHub {
		if dir, done, err = d.fetchRepository(ctx, of.Location, of.Version); err != nil {
			return nil, nil, err
		}
	}
	at, err := filepath.Abs(dir)
	if err == nil && slices.Contains(d.above, at) {
		err = fmt.Errorf("the project in %s depends on itself", dir)
	}
	flags := &projectFlags{project: dir, strict: d.flags.strict, lines: d.flags.lines}
	nested = &deployer{app: d.app, flags: flags, client: d.client, namespace: d.namespace, mark: d.mark, above: append(slices.Clone(d.above), at)}
	if err == nil {
		err = nested.read()
	}
	if err == nil && len(nested.plan.Packages) == 0 {
		err = fmt.Errorf("the project in %s has no package", dir)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return nested, done, nil
}

// fetchRepository fetches OWNER/REPOSITORY[/FOLDER] and returns the folder. The server is
// that of GITHUB_SERVER_URL, as in GitHub's own workflows, where that is set.
func (d *deployer) fetchRepository(ctx context.Context, location, version string) (dir string, done func(), err error) {
	server := "https://github.com"
	if given, ok := d.LookupEnv("GITHUB_SERVER_URL"); ok && given != "" {
		server = strings.TrimSuffix(given, "/")
	}
	parts := strings.SplitN(location, "/", 3)
	stop := d.progress("fetching %s", location)
	content, err := fetch(ctx, server+"/"+client.Path(parts[0], parts[1], "archive", version)+".zip")
	stop()
	if err != nil {
		return "", nil, err
	}
	root, err := os.MkdirTemp("", "quirl-fetched-")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(root) }
	if err := archive.Unpack(content, root, archive.DefaultLimits); err != nil {
		done()
		return "", nil, fmt.Errorf("unpack %s: %w", location, err)
	}
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != 1 { // REPOSITORY-VERSION
		done()
		return "", nil, errors.Join(err, fmt.Errorf("the archive of %s has another form than a repository's", location))
	}
	dir = filepath.Join(root, entries[0].Name())
	if len(parts) == 3 {
		dir = filepath.Join(dir, filepath.FromSlash(path.Clean("/"+parts[2])))
	}
	return dir, done, nil
}
