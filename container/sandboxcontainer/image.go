//go:build linux

package sandboxcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quirl/container"
	"quirl/container/ociimage"
	"quirl/container/sandboxcontainer/wire"
)

// imagesUnused is how long images are kept that no container is made from.
const imagesUnused = 30 * 24 * time.Hour

// image gets the image of a spec; nil for the host's files.
func (f *Factory) image(ctx context.Context, spec container.Spec) (*ociimage.Image, error) {
	if spec.Image == "" {
		return nil, nil
	}
	if f.images == nil {
		return nil, fmt.Errorf("%w: %s: the sandbox was given no folder for images", container.ErrNoImage, spec.Image)
	}
	image, err := f.images.Get(ctx, spec.Image, spec.Pull)
	if err != nil {
		return nil, fmt.Errorf("create container %s: %w", spec.Name, err)
	}
	if len(spec.Command) == 0 && len(image.Command) == 0 {
		return nil, fmt.Errorf("create container %s: %w: image %s has neither an entry point nor a command", spec.Name, container.ErrNoCommand, spec.Image)
	}
	return image, nil
}

// digest tells images from each other; empty for none.
func digest(image *ociimage.Image) string {
	if image == nil {
		return ""
	}
	return image.Digest
}

// order says how a box for spec is made.
func (f *Factory) order(l *launcher, spec container.Spec, image *ociimage.Image) (wire.Create, error) {
	order := wire.Create{Command: spec.Command, Env: spec.Env, Pids: spec.Pids, TmpSize: f.config.MaxTmp}
	var err error
	if image == nil {
		order.Rootfs, order.Mounts, err = f.roots.get(spec.Mounts)
		order.Env = withSocket(spec.Env)
		return order, err
	}
	if len(spec.Command) == 0 {
		order.Foreign, order.Command, order.Dir = true, image.Command, image.Dir
	}
	order.Env = imageEnvironment(image.Env, spec.Env)
	if !order.Foreign {
		order.Env = withSocket(order.Env)
	}
	if !l.ready.Rootless {
		order.Image = image.Root
		order.Rootfs, order.Mounts, err = f.roots.over(image.Root, order.Dir, spec.Mounts)
		return order, err
	}
	if order.Foreign {
		return order, fmt.Errorf("%w: %s brings a server of its own; the sandbox of an ordinary user cannot reach that: run quirl as root, or with --containers docker://", container.ErrNoImage, spec.Image)
	}
	// Laying one folder over another is root's to do. This image is the user's own.
	order.Rootfs, order.Mounts, err = f.roots.within(image.Root, spec.Mounts)
	return order, err
}

func withSocket(env []string) []string {
	return append(slices.Clone(env), fmt.Sprintf("QUIRL_LISTEN_FD=%d", container.ListenFD))
}

// imageEnvironment is an image's environment, with what a spec changes about it.
func imageEnvironment(image, spec []string) []string {
	all := []string{"HOME=/tmp", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, variable := range slices.Concat(image, spec) {
		name, _, ok := strings.Cut(variable, "=")
		if !ok || name == "" {
			continue // an image may hold anything
		}
		at := slices.IndexFunc(all, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		if at < 0 {
			all = append(all, variable)
		} else {
			all[at] = variable
		}
	}
	return all
}

// over returns a root that is laid over an image: the points to mount on, and files
// that are the container's own. start is where its program starts.
func (r *roots) over(image, start string, mounts []container.Mount) (string, []wire.Mount, error) {
	all, err := givenMounts(mounts)
	if err != nil {
		return "", nil, err
	}
	root := filepath.Join(r.dir, "image-"+rootName(append(slices.Clone(all), wire.Mount{Target: start})))
	return root, all, r.once(root, func() error {
		if err := errors.Join(makeFolder(root), makeFolders(root, container.CodeFolder), r.addPoints(root, all)); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(image, start)); start == "" || err == nil {
			return nil // the image's own folder is left as it is
		}
		if err := makeFolders(root, start); err != nil {
			return err
		}
		return os.Chmod(filepath.Join(root, start), 0o777)
	})
}

// within makes the points in the image itself.
func (r *roots) within(image string, mounts []container.Mount) (string, []wire.Mount, error) {
	all, err := givenMounts(mounts)
	if err != nil {
		return "", nil, err
	}
	return image, all, r.once(image, func() error {
		for _, m := range slices.Concat(all, []wire.Mount{{Target: "/etc"}, {Target: "/proc"}, {Target: "/dev"}, {Target: "/tmp"}}) {
			if err := refuseLinks(image, m.Target); err != nil {
				return err
			}
		}
		return r.addPoints(image, all)
	})
}

// refuseLinks says whether a path of an image leads somewhere else; where, is the
// image's choice.
func refuseLinks(image, target string) error {
	at := image
	for step := range strings.SplitSeq(strings.Trim(target, "/"), "/") {
		at = filepath.Join(at, step)
		info, err := os.Lstat(at)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.Mode()&os.ModeSymlink != 0 {
			return fmt.Errorf("%w: it has a symbolic link on the way to %s, which only root's sandbox can use", container.ErrNoImage, target)
		}
	}
	return nil
}

// addPoints makes what a container needs besides an image.
func (r *roots) addPoints(root string, all []wire.Mount) error {
	for _, dir := range []string{"", "etc", "proc", "dev", "tmp"} {
		if err := makeFolder(filepath.Join(root, dir)); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{"hosts": hosts, "resolv.conf": r.resolver} {
		file := filepath.Join(root, "etc", name)
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err // never through a link that the image has there
		}
		if err := writeFile(file, content); err != nil {
			return err
		}
	}
	for i, m := range all {
		if err := makePoint(root, m, all[:i]); err != nil {
			return err
		}
	}
	return nil
}
