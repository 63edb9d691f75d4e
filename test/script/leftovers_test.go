package script_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// leftovers lists the processes, control groups and container folders of the
// server on a data folder. The launcher keeps its lock and its root file systems
// for the next start; they are not counted.
func leftovers(data string) []string {
	sum := sha256.Sum256([]byte(data))
	instance := hex.EncodeToString(sum[:4])
	var left []string
	filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(path, "/quirl/"+instance) {
			left = append(left, path)
		}
		return nil
	})
	folders, _ := filepath.Glob("/run/quirl/" + instance + "/*") // the pattern is good
	for _, path := range folders {
		if name := filepath.Base(path); name != "lock" && name != "rootfs" {
			left = append(left, path)
		}
	}
	return append(left, processesOf(instance, data)...)
}

// processesOf lists the processes in a control group of an instance, and those
// that have a file of it or of the data folder open.
func processesOf(instance, data string) []string {
	var left []string
	entries, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, dir := range entries {
		groups, _ := os.ReadFile(filepath.Join(dir, "cgroup")) // it may have ended
		ours := strings.Contains(string(groups), "/quirl/"+instance)
		files, _ := filepath.Glob(dir + "/fd/*")
		for _, file := range files {
			target, _ := os.Readlink(file) // it may have been closed
			ours = ours || strings.Contains(target, "/quirl/"+instance) || strings.HasPrefix(target, data+"/")
		}
		if ours {
			words, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			left = append(left, dir+": "+strings.ReplaceAll(string(words), "\x00", " "))
		}
	}
	return left
}
