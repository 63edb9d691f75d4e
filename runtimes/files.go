package runtimes

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed manifest.json
var builtin []byte

// Tests and benchmarks stay out; a leading underscore does not keep a file out here.
// The packages of Node.js, the jars of Java, the packages of PHP, the crates of Rust, the launcher of .NET and the
// programs are there when tools/setup could make them.
//
//go:embed nodejs/*.js nodejs/deno.cjs nodejs/package.json nodejs/node_modules python/*.py python/quirl_runtime/*.py
//go:embed java/launch java/compile java/options java/archive java/lib php/runner.php php/vendor ruby/launcher.rb
//go:embed golang/compile golang/environment golang/launcher.go.txt golang/prepare
//go:embed rust/compile rust/environment rust/launcher.rs rust/lib rust/prepare rust/ready
//go:embed dotnet/compile dotnet/launch dotnet/publish dotnet/Launcher.cs dotnet/Launcher.csproj dotnet/lib
//go:embed swift/compile swift/Launcher.swift native/stub bin
var files embed.FS

// Builtin returns the manifest of the kinds that come with this program.
func Builtin() *Manifest {
	m, err := Load(builtin)
	if err != nil {
		panic(err) // the file is part of this program, and a test loads it
	}
	return m
}

// Extract writes the runtimes' files below dir, for mounting, and returns their
// folder. It is named after its content: several versions of this program, or
// several processes at once, can share dir, and a second call finds the work done.
func Extract(dir string) (string, error) {
	sum, err := digest()
	if err != nil {
		return "", err
	}
	target := filepath.Join(dir, sum)
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return target, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make folder of runtimes: %w", err)
	}
	temp, err := os.MkdirTemp(dir, "new-")
	if err != nil {
		return "", fmt.Errorf("make folder of runtimes: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	if err := copyFiles(temp); err != nil {
		return "", fmt.Errorf("write runtimes: %w", err)
	}
	err = os.Rename(temp, target)
	if errors.Is(err, fs.ErrExist) { // somebody else was quicker
		return target, nil
	}
	if err != nil {
		return "", fmt.Errorf("write runtimes: %w", err)
	}
	return target, nil
}

func digest() (string, error) {
	hash := sha256.New()
	err := eachFile(func(path string, data []byte) error {
		_, err := fmt.Fprintf(hash, "%s\x00%d\x00%s", path, len(data), data)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil))[:16], err
}

// copyFiles writes everything readable for all: containers have users of their own.
func copyFiles(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return eachFile(func(path string, data []byte) error {
		target := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(data, []byte("\x7fELF")) || bytes.HasPrefix(data, []byte("#!")) {
			mode = 0o755
		}
		return os.WriteFile(target, data, mode)
	})
}

// eachFile visits the embedded files in a fixed order.
func eachFile(visit func(path string, data []byte) error) error {
	return fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		return visit(path, data)
	})
}
