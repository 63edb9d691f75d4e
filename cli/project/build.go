package project

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// build installs and builds in the folder work, as far as that is needed, and returns
// the files that are to be packed.
func (b *builder) build(ctx context.Context, work string) ([]file, error) {
	installed, err := b.install(ctx, work)
	if err != nil {
		return nil, err
	}
	if !b.plan.Whole && len(b.plan.Build) == 0 {
		if installed == "" {
			return b.arrange(b.files), nil
		}
		more, err := scan(installed, patterns{})
		return b.arrange(append(slices.Clone(b.files), more...)), err
	}
	if !b.plan.Whole {
		if err := b.fresh(work); err != nil {
			return nil, err
		}
		if installed != "" {
			if err := os.CopyFS(work, os.DirFS(installed)); err != nil {
				return nil, fmt.Errorf("copy the dependencies: %w", err)
			}
		}
	}
	if err := b.steps(ctx, work, b.plan.Build); err != nil {
		return nil, err
	}
	files, err := scan(work, patterns{})
	return b.arrange(files), err
}

// install makes the dependencies and returns the folder that keeps them, or leaves
// them in work when they cannot be kept.
func (b *builder) install(ctx context.Context, work string) (kept string, err error) {
	if b.plan.Whole {
		if err := b.fresh(work); err != nil {
			return "", err
		}
		return "", b.installSteps(ctx, work)
	}
	if len(b.plan.Install) == 0 {
		return "", nil
	}
	if kept, ok := b.store.dependencies(b.dependencies); ok {
		b.Say("dependencies are unchanged")
		return kept, nil
	}
	if err := b.fresh(work); err != nil {
		return "", err
	}
	if err := b.installSteps(ctx, work); err != nil {
		return "", err
	}
	return b.store.keepOutputs(work, b.plan.Outputs, b.dependencies)
}

// fresh makes the folder work a copy of the project.
func (b *builder) fresh(work string) error {
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	for _, f := range b.files {
		if err := f.copyTo(filepath.Join(work, filepath.FromSlash(f.name))); err != nil {
			return fmt.Errorf("copy %s: %w", f.name, err)
		}
	}
	return nil
}

func (b *builder) installSteps(ctx context.Context, work string) error {
	err := b.steps(ctx, work, b.plan.Install)
	if err != nil || b.plan.After == nil {
		return err
	}
	if err := b.plan.After(work); err != nil {
		return fmt.Errorf("finish the dependencies: %w", err)
	}
	return nil
}

func (b *builder) steps(ctx context.Context, work string, steps []Step) error {
	for _, s := range steps {
		done := b.Running(s.String())
		err := s.run(ctx, work)
		done()
		if err != nil {
			return err
		}
	}
	return nil
}

// arrange leaves out what no action needs and moves what was installed to its place;
// where there is a file of the project already, that one stays.
func (b *builder) arrange(files []file) []file {
	var own, moved []file
	names := map[string]bool{}
	for _, f := range files {
		if b.plan.Leave.matchFile(f.name) {
			continue
		}
		if name := b.plan.place(f.name); name != f.name {
			f.name = name
			moved = append(moved, f)
			continue
		}
		own, names[f.name] = append(own, f), true
	}
	return append(own, slices.DeleteFunc(moved, func(f file) bool { return names[f.name] })...)
}
