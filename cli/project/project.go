// Package project makes the archive of an action from a folder with sources: it
// installs the dependencies by the tools of the folder's language and packs what is
// there then.
//
// It promises that the folder itself is never written to, that the same files (those
// that the tools make are files, too) give the same archive, and that what is unchanged
// is not installed or built again. The languages are the table in recipes.go, with one
// plan each; nothing else knows them.
package project

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Options say what is built.
type Options struct {
	// Dir is the project's folder.
	Dir string
	// Kind is the kind that the action gets, such as nodejs:20, or Native; empty finds
	// it by the files. Folders of kinds that have no recipe are packed as they are.
	Kind string
	// Cache is a folder that keeps what was installed and built; it is made when it is not there.
	Cache string
	// Say is told what was found.
	Say func(sentence string)
	// Running is told the command that begins, and calls what it returned when that has ended.
	Running func(command string) (done func())
}

// An Archive is code that can be uploaded.
type Archive struct {
	Kind    string
	Content []byte // a zip, or for Java a jar
}

// Build makes the archive of a project. A tool that fails is a *ToolError.
func Build(ctx context.Context, o Options) (*Archive, error) {
	recipe, err := Detect(o.Dir, o.Kind)
	if err != nil {
		return nil, err
	}
	kind := o.Kind
	if kind == "" {
		kind = recipe.Kind()
	}
	skip, err := readPatterns(o.Dir)
	if err != nil {
		return nil, err
	}
	files, err := scan(o.Dir, skip)
	if err != nil {
		return nil, err
	}
	if err := recipe.startable(o.Dir, files); err != nil {
		return nil, err
	}
	b := &builder{Options: o, recipe: recipe, files: files}
	if err := b.prepare(ctx, kind); err != nil {
		return nil, err
	}
	archive, err := b.archive(ctx)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(archive)
	if err != nil {
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	b.store.tidy()
	return &Archive{Kind: kind, Content: content}, nil
}

// A builder makes one archive.
type builder struct {
	Options
	recipe *Recipe
	files  []file // of the project
	plan   *plan
	store  store
	// What the dependencies and the archive depend on.
	dependencies, result string
}

// prepare finds out what there is to do, and what it depends on.
func (b *builder) prepare(ctx context.Context, kind string) error {
	path, err := filepath.Abs(b.Dir)
	if err != nil {
		return err
	}
	if b.store, err = openStore(b.Cache, path); err != nil {
		return err
	}
	b.plan = &plan{}
	if b.recipe.plan != nil {
		if b.plan, err = b.recipe.plan(&source{ctx: ctx, files: b.files, kind: kind}); err != nil {
			return err
		}
	}
	b.files = slices.DeleteFunc(b.files, b.plan.replaces)
	versions, err := b.plan.versions(ctx)
	if err != nil {
		return err
	}
	if b.dependencies, err = digest(b.plan.inputs(b.files), versions, fmt.Sprint(b.plan.Install), b.plan.Also); err != nil {
		return err
	}
	b.result, err = digest(b.files, b.dependencies, fmt.Sprint(b.plan.Build, b.plan.Leave, b.plan.Beside))
	return err
}

// archive returns the file with the archive, which may be there already.
func (b *builder) archive(ctx context.Context) (string, error) {
	if made, ok := b.store.archive(b.result); ok {
		b.Say("nothing has changed: the archive is used again")
		return made, nil
	}
	temporary, err := b.store.temporary("work")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	files, err := b.build(ctx, filepath.Join(temporary, "project"))
	if err != nil {
		return "", err
	}
	made, err := b.packed(files, filepath.Join(temporary, "archive.zip"))
	if err != nil {
		return "", err
	}
	if err := checkSize(made, maxArchive); err != nil {
		return "", fmt.Errorf("the archive of %s %w", b.Dir, err)
	}
	return b.store.keepFile(made, b.result)
}

// packed is the file to upload: a jar among the files, or the zip target, which it makes of them.
func (b *builder) packed(files []file, target string) (string, error) {
	if b.plan.Jar != nil {
		jar, inside, err := b.plan.Jar(files)
		if err != nil {
			return "", err
		}
		if len(inside) == 0 {
			return jar.path, nil
		}
		files = inside
	}
	if len(files) == 0 {
		return "", fmt.Errorf("the folder %s has no files to upload", b.Dir)
	}
	return target, pack(target, files)
}
