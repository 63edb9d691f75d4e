//go:build linux && cgo

package main

import (
	"slices"
	"testing"
)

func TestFilter(t *testing.T) {
	seen := make(map[string]bool)
	for _, name := range allowed {
		if seen[name] {
			t.Errorf("%s is listed twice", name)
		}
		seen[name] = true
	}
	for _, name := range slices.Concat(withheld, []string{
		"bpf", "keyctl", "add_key", "request_key", "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "reboot",
		"kexec_load", "init_module", "finit_module", "open_by_handle_at", "perf_event_open", "fsopen", "move_mount",
		"clone", "clone3", "prctl", "socket", "mknod", "mknodat", "personality", "ioctl", // these depend on their arguments
	}) {
		if seen[name] {
			t.Errorf("%s is allowed without condition", name)
		}
	}
}
