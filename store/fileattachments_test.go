package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"quirl/store"
	"quirl/store/storetest"
)

func TestFileAttachments(t *testing.T) {
	var dir string
	storetest.RunAttachments(t, func(t *testing.T) store.Attachments {
		dir = filepath.Join(t.TempDir(), "attachments")
		a, err := store.NewFileAttachments(dir)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}, func(t *testing.T, _ store.Attachments, sum string) {
		if err := os.WriteFile(filepath.Join(dir, sum[:2], sum), []byte("some c0de"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFileAttachmentsLeaveNothingAside(t *testing.T) {
	dir := t.TempDir()
	a, err := store.NewFileAttachments(dir)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := a.PutAttachment(t.Context(), []byte("code"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(dir, sum[:2]))
	if err != nil || len(files) != 1 || files[0].Name() != sum {
		t.Errorf("folder of %s: got %v, %v; want that file alone", sum, files, err)
	}
	// A file that was cut off is written again.
	if err := os.WriteFile(filepath.Join(dir, sum[:2], sum), []byte("co"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.PutAttachment(t.Context(), []byte("code")); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Attachment(t.Context(), sum); err != nil || string(got) != "code" {
		t.Errorf("after putting it again: got %q, %v", got, err)
	}
}
