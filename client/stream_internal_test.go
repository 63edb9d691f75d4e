package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadEvents(t *testing.T) {
	const stream = ": comment\n\nevent: line\nid: 1\ndata: a: b\n\ndata:two\ndata: lines\n\n\nevent: lost\n\nevent: end\r\nid: 2\r\ndata: {}\r\n\r\ndata: cut"
	var got []Event
	err := readEvents(strings.NewReader(stream), func(e Event) (bool, error) { got = append(got, e); return true, nil })
	want := []Event{{"line", "1", "a: b"}, {"message", "1", "two\nlines"}, {"end", "2", "{}"}}
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, ErrEnded) {
		t.Errorf("%v\n%s", err, diff)
	}
	enough := errors.New("enough")
	for _, tt := range []struct {
		more bool
		err  error
	}{{false, nil}, {true, enough}} {
		n := 0
		err := readEvents(strings.NewReader(stream), func(Event) (bool, error) { n++; return tt.more, tt.err })
		if n != 1 || !errors.Is(err, tt.err) {
			t.Errorf("got %d events, %v", n, err)
		}
	}
}
