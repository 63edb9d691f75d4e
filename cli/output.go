package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"
)

// printJSON prints v as wsk does: indented by four spaces, HTML characters as they are.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(v)
}

// printField prints one field of a structure, found by its JSON or Go name in any case.
func printField(w io.Writer, v any, field string) error {
	rv := reflect.ValueOf(v)
	for i := range rv.NumField() {
		f := rv.Type().Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if strings.EqualFold(tag, field) || strings.EqualFold(f.Name, field) {
			return printJSON(w, rv.Field(i).Interface())
		}
	}
	return usageError("Invalid field filter '%s'.", field)
}

// hasField says whether printField would find the field.
func hasField(v any, field string) bool { return printField(io.Discard, v, field) == nil }

// progress says on a terminal what is being waited for, when that takes longer
// than a moment; the returned function ends it.
func (a *app) progress(format string, args ...any) (done func()) {
	f, ok := a.Stderr.(*os.File)
	if !ok || !isTerminal(f) {
		return func() {}
	}
	text := fmt.Sprintf(format, args...)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		began := time.Now()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(f, "\r%s (%d s)", text, int(time.Since(began).Seconds()))
			case <-stop:
				if time.Since(began) >= time.Second {
					fmt.Fprintf(f, "\r%s\r", strings.Repeat(" ", len(text)+10))
				}
				return
			}
		}
	}()
	return func() { close(stop); <-ended }
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
