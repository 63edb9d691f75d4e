package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"quirl/test/quirltest"
)

// witnessing is a function that leaves the id of its activation in a file when
// it begins, then works for some milliseconds and returns its arguments. It has
// to run without isolation.
func witnessing(witness string, milliseconds int) string {
	return fmt.Sprintf(`const fs = require("fs");
function main(args) {
	fs.appendFileSync(%q, process.env.__OW_ACTIVATION_ID + "\n");
	return new Promise(r => setTimeout(() => r(args), %d));
}`, witness, milliseconds)
}

// readWitness returns how often the functions ran for each activation.
func readWitness(t *testing.T, witness string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(witness)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	runs := map[string]int{}
	for _, id := range strings.Fields(string(text)) {
		runs[id]++
	}
	return runs
}

// awaitRuns returns when so many more functions have begun since it was called.
func awaitRuns(t *testing.T, witness string, more int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for before := -1; ; {
		text, err := os.ReadFile(witness)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		now := bytes.Count(text, []byte("\n"))
		if before < 0 {
			before = now
		}
		if now-before >= more {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d functions began within a minute, want %d", now-before, more)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// put stores an entity and wants it to be taken.
func put(t *testing.T, s *quirltest.Server, path string, body map[string]any) {
	t.Helper()
	if status := do(t, s.URL, http.MethodPut, path, body, nil); status != http.StatusOK {
		t.Fatalf("PUT %s: status %d", path, status)
	}
}

func putFunction(t *testing.T, s *quirltest.Server, name, code string, annotations ...map[string]any) {
	t.Helper()
	put(t, s, "actions/"+name, map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": code}, "annotations": annotations})
}

func putSequence(t *testing.T, s *quirltest.Server, name string, components ...string) {
	t.Helper()
	for i, c := range components {
		components[i] = "/_/" + c
	}
	put(t, s, "actions/"+name, map[string]any{"exec": map[string]any{"kind": "sequence", "components": components}})
}

// A ledger is all records of a server, by id.
type ledger map[string]*record

// settled waits until every accepted call has its record and all runs of
// functions theirs, and returns all records; none may be there twice.
func settled(t *testing.T, s *quirltest.Server, ids map[string]bool) ledger {
	t.Helper()
	for id := range ids {
		await(t, s, id)
	}
	all := ledger{}
	for _, r := range listAll(t, s) {
		if all[r.ID] != nil {
			t.Errorf("activation %s has two records", r.ID)
		}
		all[r.ID] = &r
	}
	for id := range ids {
		if all[id] == nil {
			t.Errorf("activation %s was accepted and is in no list", id)
		}
	}
	return all
}

// wantRunsOnce checks that no function ran twice for one activation, and that
// all that ran have a record.
func wantRunsOnce(t *testing.T, runs map[string]int, all ledger) {
	t.Helper()
	for id, n := range runs {
		if n != 1 {
			t.Errorf("a function ran %d times for activation %s", n, id)
		}
		if all[id] == nil {
			t.Errorf("a function ran for activation %s, which has no record", id)
		}
	}
}
