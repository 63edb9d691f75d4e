// Package logstoretest checks that a Store keeps the promises of package logstore.
package logstoretest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quirl/logstore"
	"quirl/whisk"
)

// Run checks a Store; open must return a fresh one on each call.
func Run(t *testing.T, open func(*testing.T) logstore.Store) {
	stamp := "2023-11-14T22:13:20.000000000Z stdout: "
	for name, lines := range map[string][]string{
		"no lines":   nil,
		"some lines": {stamp + "one", "", stamp + "ü \x00 \"quoted\"\ttab", stamp + "one"},
		"long lines": {stamp + strings.Repeat("x", 1<<20), stamp + "short"},
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t), lines) })
	}
	t.Run("many at once", func(t *testing.T) {
		s := open(t)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { check(t, s, []string{stamp + strings.Repeat("x", i)}) })
		}
		wg.Wait()
	})
}

// check writes the lines of an activation and reads them, as often as somebody asks.
func check(t *testing.T, s logstore.Store, lines []string) {
	t.Helper()
	now := time.Now()
	record := &whisk.Activation{Namespace: "ns", Name: "a", Version: whisk.FirstVersion(), ID: whisk.NewActivationID(now), Start: now, End: now}
	inRecord, err := s.Write(t.Context(), record, lines)
	if err != nil {
		t.Errorf("write %d lines: %v", len(lines), err)
		return
	}
	record.Logs = inRecord
	for range 2 {
		got, err := s.Lines(t.Context(), record)
		if diff := cmp.Diff(lines, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("lines, error %v (-written +read):\n%.1000s", err, diff)
		}
	}
}
