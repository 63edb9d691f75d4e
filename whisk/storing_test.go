package whisk_test

import (
	"testing"

	"quirl/whisk"
)

func TestStoreLevels(t *testing.T) {
	no := false
	all, none := &whisk.Identity{}, &whisk.Identity{Limits: whisk.NamespaceLimits{StoreActivations: &no}}
	for _, tt := range []struct {
		level whisk.StoreLevel
		kept  [4]bool // by status
	}{
		{"", [4]bool{true, true, true, true}},
		{whisk.StoreAlways, [4]bool{true, true, true, true}},
		{whisk.StoreFailures, [4]bool{false, true, true, true}},
		{whisk.StoreFailuresNotApplicationErrors, [4]bool{false, false, true, true}},
	} {
		for status, want := range tt.kept {
			s := whisk.Status(status)
			blocking, other := whisk.StoreLevels{Blocking: tt.level}, whisk.StoreLevels{NonBlocking: tt.level}
			if blocking.Keeps(all, true, false, s) != want || other.Keeps(all, false, false, s) != want {
				t.Errorf("%s, %s: want kept %t", tt.level, s, want)
			}
			if !blocking.Keeps(all, false, false, s) || !other.Keeps(all, true, false, s) {
				t.Errorf("%s, %s: the level counts for activations of the other sort", tt.level, s)
			}
			if !blocking.Keeps(all, true, true, s) || blocking.Keeps(none, true, true, s) || other.Keeps(none, false, false, s) {
				t.Errorf("%s, %s: extra logging has all, and a namespace that wants none has none", tt.level, s)
			}
		}
	}
	if l, err := whisk.ParseStoreLevel("STORE_FAILURES"); l != whisk.StoreFailures || err != nil {
		t.Errorf("got %s, %v", l, err)
	}
	if _, err := whisk.ParseStoreLevel("store_always"); err == nil {
		t.Error("an unknown level was taken")
	}
}
