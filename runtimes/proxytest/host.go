package proxytest

import (
	"os"
	"path/filepath"
	"strings"

	"quirl/runtimes"
	"quirl/test/quirltest"
)

// host is this machine, with the interpreters that tools/setup fetched for the suite.
func host() runtimes.Host {
	folders := []string{os.Getenv("PATH"), "/usr/bin", "/usr/local/bin"}
	fetched, _ := filepath.Glob(filepath.Join(quirltest.Root(), ".cache", "javascript", "*", "bin")) // the pattern is right
	return runtimes.Host{Path: strings.Join(append(folders, fetched...), string(filepath.ListSeparator)), Home: os.Getenv("HOME")}
}
