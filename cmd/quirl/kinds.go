package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"quirl/api"
	"quirl/container"
	"quirl/invoker"
	"quirl/invoker/pool"
	"quirl/runtimes"
	"quirl/whisk"
)

// kinds are the runtimes that this machine can offer.
type kinds struct {
	offer *runtimes.Offer
	info  json.RawMessage
	files string // the runtimes' own files
	ahead *ahead
}

var (
	_ api.Kinds        = (*kinds)(nil)
	_ invoker.Runtimes = (*kinds)(nil)
)

// readManifest reads the manifest in file, or the built-in one.
func readManifest(file string) (*runtimes.Manifest, error) {
	if file == "" {
		return runtimes.Builtin(), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	manifest, err := runtimes.Load(text)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", file, err)
	}
	return manifest, nil
}

// detectKinds finds the interpreters of this machine for the manifest in file. With
// images it adds the kinds that have none.
func detectKinds(ctx context.Context, file, data string, images bool, getenv func(string) string) (*kinds, error) {
	manifest, err := readManifest(file)
	if err != nil {
		return nil, err
	}
	offer, err := manifest.Detect(ctx, runtimes.Host{Path: getenv("PATH"), Home: getenv("HOME"), Cache: filepath.Join(data, "interpreters.json"), Images: images})
	if err != nil {
		return nil, err
	}
	return newKinds(offer, data)
}

// imageKinds are the kinds of the manifest in file, each from an image.
func imageKinds(file, data string) (*kinds, error) {
	manifest, err := readManifest(file)
	if err != nil {
		return nil, err
	}
	return newKinds(manifest.Images(), data)
}

func newKinds(offer *runtimes.Offer, data string) (*kinds, error) {
	files, err := runtimes.Extract(filepath.Join(data, "runtimes"))
	if err != nil {
		return nil, fmt.Errorf("write runtime files: %w", err)
	}
	info, err := offer.Manifest.Info()
	return &kinds{offer, info, files, newAhead(offer, files)}, err
}

// ResolveKind is that of api.Kinds. A version that is not here means the nearest one.
func (k *kinds) ResolveKind(kind string) (string, bool) {
	r, err := k.offer.Manifest.Nearest(kind)
	if err != nil {
		return "", false
	}
	k.ahead.want(r.Kind) // it will be used
	return r.Kind, true
}

// Names is that of api.Kinds.
func (k *kinds) Names() []string { return k.offer.Manifest.Kinds() }

// RequiresMain is that of api.Kinds.
func (k *kinds) RequiresMain(kind string) bool {
	r, err := k.offer.Manifest.Resolve(kind)
	return err == nil && r.RequireMain
}

// Deprecated says that actions of the kind can be read and deleted only.
func (k *kinds) Deprecated(kind string) bool {
	r, err := k.offer.Manifest.Resolve(kind)
	return err == nil && r.Deprecated
}

// ValidImage is that of api.Kinds.
func (k *kinds) ValidImage(image string) bool {
	_, err := runtimes.ParseImage(image)
	return err == nil
}

// Info is that of api.Kinds.
func (k *kinds) Info() json.RawMessage { return k.info }

// ContainerSpec is that of invoker.Runtimes.
func (k *kinds) ContainerSpec(kind, image string) (container.Spec, error) {
	if kind != whisk.BlackboxKind {
		return k.offer.Spec(kind, k.files)
	}
	parsed, err := runtimes.ParseImage(image)
	if err != nil {
		return container.Spec{}, err
	}
	if spec, ok := k.native(image); ok {
		return spec, nil
	}
	return container.Spec{Kind: kind + " " + image, Image: image, Pull: k.offer.Manifest.PullRule(parsed)}, nil
}

// Await is that of invoker.Runtimes.
func (k *kinds) Await(ctx context.Context, kind string) { k.ahead.await(ctx, kind) }

// Traits is that of invoker.Runtimes.
func (k *kinds) Traits(kind, image string) invoker.Traits {
	if kind == whisk.BlackboxKind {
		_, native := k.native(image)
		return invoker.Traits{Own: native}
	}
	if !k.offer.Own(kind) {
		return invoker.Traits{}
	}
	compiler, jars := k.offer.Compiler(kind, k.files)
	return invoker.Traits{Own: true, Compiler: compiler, Jars: jars}
}

// native is how a blackbox is started that needs no image here.
func (k *kinds) native(image string) (container.Spec, bool) {
	parsed, err := runtimes.ParseImage(image)
	if err != nil {
		return container.Spec{}, false
	}
	return k.offer.Native(parsed, k.files)
}

// Sentinels is that of invoker.Runtimes: of a user's image nobody knows, unless the
// manifest does.
func (k *kinds) Sentinels(kind, image string) bool {
	if kind == whisk.BlackboxKind {
		parsed, err := runtimes.ParseImage(image)
		return err == nil && k.offer.Manifest.IsBlackbox(parsed)
	}
	r, err := k.offer.Manifest.Resolve(kind)
	return err == nil && (r.SentinelledLogs || k.offer.Own(kind))
}

// Concurrent is that of invoker.Runtimes. What a foreign image can do is its
// author's to know: the action asks for it.
func (k *kinds) Concurrent(kind string) bool {
	r, err := k.offer.Manifest.Resolve(kind)
	return err != nil || r.Local == nil || r.Local.Concurrent
}

// usual are the kinds that most actions have: the default of each family.
func (k *kinds) usual() []string {
	var usual []string
	for _, name := range k.Names() {
		if r, err := k.offer.Manifest.Resolve(name); err == nil && r.Default {
			usual = append(usual, name)
		}
	}
	return usual
}

// stems are the stem cells that the manifest asks for.
func (k *kinds) stems() []pool.Stem {
	var stems []pool.Stem
	for _, name := range k.Names() {
		r, err := k.offer.Manifest.Resolve(name)
		if err != nil {
			continue
		}
		for _, cell := range r.StemCells {
			stems = append(stems, stem(r.Kind, cell))
		}
	}
	return stems
}

// stem is a stem cell of the manifest as the pool knows it.
func stem(kind string, cell runtimes.StemCell) pool.Stem {
	s := pool.Stem{Kind: kind, Memory: int(cell.Memory / whisk.MB), Count: cell.InitialCount}
	if r := cell.Reactive; r != nil {
		s.Reactive = &pool.Reactive{MinCount: r.MinCount, MaxCount: r.MaxCount, TTL: r.TTL, Threshold: r.Threshold, Increment: r.Increment}
	}
	return s
}
