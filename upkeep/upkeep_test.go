package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/upkeep"
	"quirl/whisk"
)

func open(t *testing.T) (store.Store, *store.FileAttachments) {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "quirl.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	code, err := store.NewFileAttachments(filepath.Join(dir, "attachments"))
	if err != nil {
		t.Fatal(err)
	}
	return s, code
}

func put(t *testing.T, code store.Attachments, text string) string {
	t.Helper()
	sum, err := code.PutAttachment(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func putAction(t *testing.T, s store.Entities, name, sum, revision string) string {
	t.Helper()
	revision, err := s.PutEntity(t.Context(), &whisk.Action{
		Meta: whisk.Meta{Namespace: "ns", Name: name, Version: whisk.FirstVersion(), Revision: revision},
		Exec: whisk.Exec{Kind: "nodejs:20", Attachment: &whisk.Attachment{SHA256: sum, Size: 3}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// TestCode: code is removed when it was unused for a grace, not sooner, and not when it was put again.
func TestCode(t *testing.T) {
	s, code := open(t)
	now := time.Now()
	fresh := func() *upkeep.Code {
		return &upkeep.Code{Store: s, Attachments: code, Grace: time.Hour, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
	}
	c := fresh()
	collect := func(want int) {
		t.Helper()
		if got, err := c.Collect(t.Context()); err != nil || got != want {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
	has := func(sum string, want bool) {
		t.Helper()
		_, err := code.Attachment(t.Context(), sum)
		if got := !errors.Is(err, store.ErrNotFound); got != want {
			t.Errorf("%s: there %t, want %t (%v)", sum, got, want, err)
		}
	}
	started := now
	old, kept, again := put(t, code, "old"), put(t, code, "kept"), put(t, code, "again")
	revision := putAction(t, s, "a", old, "")
	putAction(t, s, "b", kept, "")
	now = started.Add(3 * time.Hour)
	collect(0) // "again" is seen unused
	putAction(t, s, "a", kept, revision)
	now = now.Add(30 * time.Minute)
	collect(0) // "old" is seen unused
	now = now.Add(31 * time.Minute)
	collect(1)
	has(again, false)
	has(old, true)
	// It is put once more, as an update with the same code does, when it was unused for long.
	c, now = fresh(), started.Add(-2*time.Hour)
	collect(0)
	now = started.Add(time.Minute)
	if put(t, code, "old") != old {
		t.Fatal("equal code has another sum")
	}
	collect(0)
	has(old, true)
	now = now.Add(2 * time.Hour)
	collect(0)
	now = now.Add(2 * time.Hour)
	collect(1)
	has(old, false)
	has(kept, true)
}

// TestRecords: what is older than the platform, or a namespace of its own, keeps it goes.
func TestRecords(t *testing.T) {
	s, _ := open(t)
	hour := "1h"
	if err := s.PutNamespaceLimits(t.Context(), "short", whisk.NamespaceLimits{KeepRecords: &hour}); err != nil {
		t.Fatal(err)
	}
	odd := "sometimes"
	if err := s.PutNamespaceLimits(t.Context(), "odd", whisk.NamespaceLimits{KeepRecords: &odd}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, namespace := range []string{"short", "long", "odd"} {
		var records []store.Record
		for i := range 1200 { // one for each two minutes, the oldest of 40 hours ago
			at := now.Add(-time.Duration(i) * 2 * time.Minute)
			records = append(records, store.Record{Unjournaled: true, Activation: &whisk.Activation{Namespace: namespace, Name: "a", ID: whisk.NewActivationID(at), Start: at, End: at}})
		}
		if refused, err := s.PutActivations(t.Context(), records); err != nil || refused > 0 {
			t.Fatal(refused, err)
		}
	}
	r := &upkeep.Records{Store: s, Keep: 20 * time.Hour, Every: time.Hour, Pause: time.Millisecond, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now.Add(time.Second) }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	want := map[string]int{"short": 30, "long": 600, "odd": 600}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := map[string]int{}
		for namespace := range want {
			n, err := s.CountActivations(t.Context(), store.ActivationQuery{Namespace: namespace})
			if err != nil {
				t.Fatal(err)
			}
			got[namespace] = n
		}
		if fmt.Sprint(got) == fmt.Sprint(want) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("there are %v, want %v", got, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRunEnds: nothing is left of a part that was stopped while it waited.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		var e expirer
		r := &upkeep.Records{Store: &e, Keep: time.Hour, Every: time.Hour, Log: slog.New(slog.DiscardHandler), Now: time.Now}
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
		if e.calls < 3 || e.calls > 4 {
			t.Errorf("in three hours it looked %d times", e.calls)
		}
	})
}

// An expirer counts how often it is asked; the first time it fails.
type expirer struct{ calls int }

func (*expirer) ExpireAudit(context.Context, time.Time) (bool, error) { return false, nil }

func (*expirer) WalkLimits(context.Context, string, func(string, whisk.NamespaceLimits) error) error {
	return nil
}

func (e *expirer) ExpireActivations(context.Context, string, time.Time) (bool, error) {
	if e.calls++; e.calls == 1 {
		return false, store.ErrUnavailable
	}
	return false, nil
}
