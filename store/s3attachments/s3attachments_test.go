package s3attachments_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"quirl/store"
	"quirl/store/s3attachments"
	"quirl/store/storetest"
)

// server is an S3 server in this process, and what it keeps.
func server(t *testing.T) (address string, kept gofakes3.Backend) {
	t.Helper()
	kept = s3mem.New()
	s := httptest.NewServer(gofakes3.New(kept, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), kept
}

func open(t *testing.T, text string) (*s3attachments.Attachments, error) {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s3attachments.Open(t.Context(), u)
}

func TestAttachments(t *testing.T) {
	address, kept := server(t)
	var buckets atomic.Int32
	var bucket string // of the case under way
	storetest.RunAttachments(t, func(t *testing.T) store.Attachments {
		bucket = fmt.Sprintf("bucket-%d", buckets.Add(1))
		a, err := open(t, "s3://key:secret@"+address+"/"+bucket+"/some/prefix?secure=false&create=true")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}, func(t *testing.T, _ store.Attachments, sum string) {
		text := []byte("other code")
		_, err := kept.PutObject(bucket, "some/prefix/"+sum[:2]+"/"+sum, map[string]string{}, bytes.NewReader(text), int64(len(text)), nil)
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestOpen(t *testing.T) {
	address, _ := server(t)
	for text, want := range map[string]string{
		"s3://key:secret@" + address + "/nowhere?secure=false": "there is no bucket nowhere",
		"s3://key:secret@" + address:                           "host and bucket are needed",
		"s3:///bucket":                                         "host and bucket are needed",
		"s3://key:secret@" + address + "/a?secure=false":       "Bucket name",
	} {
		if _, err := open(t, text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if _, err := open(t, "s3://key:secret@127.0.0.1:1/bucket?secure=false"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a server that is not there: got %v, want %v", err, store.ErrUnavailable)
	}
}
