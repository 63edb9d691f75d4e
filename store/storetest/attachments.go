package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/store"
)

// RunAttachments checks Attachments; open must return fresh, empty ones on each
// call. damage changes the stored bytes of an attachment; with nil that case is skipped.
func RunAttachments(t *testing.T, open func(*testing.T) store.Attachments, damage func(t *testing.T, a store.Attachments, sum string)) {
	t.Run("what was put comes back under its sum", func(t *testing.T) {
		a := open(t)
		for _, data := range [][]byte{{}, []byte("code"), bytes.Repeat([]byte{0, 255, '\n'}, 1<<20)} {
			sum := putAttachment(t, a, data)
			if want := sumOf(data); sum != want {
				t.Errorf("sum of %d bytes: got %s, want %s", len(data), sum, want)
			}
			wantAttachment(t, a, sum, data)
			if again := putAttachment(t, a, data); again != sum {
				t.Errorf("equal data: got sum %s, want %s", again, sum)
			}
		}
	})
	t.Run("what is not there is not found", func(t *testing.T) {
		a := open(t)
		for _, sum := range []string{sumOf([]byte("nothing")), "", "ab", strings.Repeat("z", 64), strings.Repeat("a", 65)} {
			_, err := a.Attachment(t.Context(), sum)
			wantError(t, "attachment "+sum, err, store.ErrNotFound)
		}
	})
	t.Run("many writers of equal data", func(t *testing.T) {
		a := open(t)
		data := bytes.Repeat([]byte("x"), 1<<18)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				sum, err := a.PutAttachment(t.Context(), data)
				if err != nil {
					t.Errorf("put: %v", err)
					return
				}
				wantAttachment(t, a, sum, data) // readers never see a part
			})
		}
		wg.Wait()
	})
	t.Run("unused ones are removed", func(t *testing.T) { testCollector(t, open(t)) })
	t.Run("damage is an error, never an answer", func(t *testing.T) {
		if damage == nil {
			t.Skip("the test cannot damage these attachments")
		}
		a := open(t)
		sum := putAttachment(t, a, []byte("some code"))
		damage(t, a, sum)
		got, err := a.Attachment(t.Context(), sum)
		if err == nil || got != nil {
			t.Errorf("a damaged attachment: got %q, %v; want an error", got, err)
		}
	})
}

func testCollector(t *testing.T, a store.Attachments) {
	c, ok := a.(store.Collector)
	if !ok {
		t.Skip("unused ones cannot be removed")
	}
	var want []string
	for i := range 20 {
		want = append(want, putAttachment(t, a, []byte{byte(i)}))
	}
	if got, err := c.Sums(t.Context()); err != nil || !cmp.Equal(sorted(want), sorted(got)) {
		t.Errorf("sums, %v (-want +got):\n%s", err, cmp.Diff(sorted(want), sorted(got)))
	}
	remove := func(sum string, unlessPutAfter time.Time, want bool) {
		t.Helper()
		if got, err := c.Remove(t.Context(), sum, unlessPutAfter); err != nil || got != want {
			t.Errorf("remove: got %t, %v; want %t", got, err, want)
		}
	}
	remove(want[0], time.Now().Add(-time.Hour), false) // it was put after that
	wantAttachment(t, a, want[0], []byte{0})
	remove(want[0], time.Now().Add(time.Hour), true)
	_, err := a.Attachment(t.Context(), want[0])
	wantError(t, "what was removed", err, store.ErrNotFound)
	remove(want[0], time.Now().Add(time.Hour), false)
	remove("nothing", time.Now().Add(time.Hour), false)
	if got := putAttachment(t, a, []byte{0}); got != want[0] {
		t.Errorf("put again: %s", got)
	}
	wantAttachment(t, a, want[0], []byte{0})
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func putAttachment(t *testing.T, a store.Attachments, data []byte) string {
	t.Helper()
	sum, err := a.PutAttachment(t.Context(), data)
	if err != nil {
		t.Fatalf("put %d bytes: %v", len(data), err)
	}
	return sum
}

func wantAttachment(t *testing.T, a store.Attachments, sum string, want []byte) {
	t.Helper()
	if got, err := a.Attachment(t.Context(), sum); err != nil || !bytes.Equal(got, want) {
		t.Errorf("attachment %s: got %d bytes, %v; want the %d bytes that were put", sum, len(got), err, len(want))
	}
}
