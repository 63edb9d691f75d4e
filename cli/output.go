package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quirl/internal/jsonyaml"
)

// printJSON prints v as wsk does: indented by four spaces, HTML characters as they are.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(v)
}

// fieldOf is one field of a structure, found by its JSON or Go name in any case.
func fieldOf(v any, field string) (value any, ok bool) {
	rv := reflect.ValueOf(v)
	for i := range rv.NumField() {
		f := rv.Type().Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if strings.EqualFold(tag, field) || strings.EqualFold(f.Name, field) {
			return rv.Field(i).Interface(), true
		}
	}
	return nil, false
}

// hasField says whether fieldOf would find the field.
func hasField(v any, field string) bool { _, ok := fieldOf(v, field); return ok }

// The forms of --output. A table is what wsk prints.
const (
	asTable = "table"
	asJSON  = "json"
	asYAML  = "yaml"
)

var outputs = []string{asTable, asJSON, asYAML}

// checkOutput refuses other forms.
func (a *app) checkOutput(*cobra.Command, []string) error {
	if slices.Contains(outputs, a.flags.output) {
		return nil
	}
	return usageError("The output '%s' is invalid. Valid outputs are %s.", a.flags.output, strings.Join(outputs, ", "))
}

// structured says whether the output is to be read by a program: then it has nothing but values.
func (a *app) structured() bool { return a.flags.output == asJSON || a.flags.output == asYAML }

// value prints a value: as JSON, unless it is to be YAML.
func (a *app) value(v any) error {
	if a.flags.output != asYAML {
		return printJSON(a.Stdout, v)
	}
	var text bytes.Buffer
	if err := printJSON(&text, v); err != nil {
		return err
	}
	return jsonyaml.Write(a.Stdout, text.Bytes())
}

// list prints a list as a table, unless it is to be structured.
func (a *app) list(list any, table func()) error {
	if a.structured() {
		return a.value(list)
	}
	table()
	return nil
}

// ok says that something was done.
func (a *app) ok(format string, args ...any) {
	if !a.structured() {
		fmt.Fprintf(a.Stdout, "ok: "+format+"\n", args...)
		return
	}
	// Its one member cannot fail to be encoded; where it cannot be written, nothing can be said.
	_ = a.value(map[string]string{"ok": fmt.Sprintf(format, args...)})
}

// got prints what was asked for, or the one field of it that filter names.
func (a *app) got(what, name string, filter []string, v any) error {
	if len(filter) == 0 {
		if !a.structured() {
			fmt.Fprintf(a.Stdout, "ok: got %s %s\n", what, name)
		}
		return a.value(v)
	}
	field, ok := fieldOf(v, filter[0])
	if !ok {
		return usageError("Invalid field filter '%s'.", filter[0])
	}
	if !a.structured() {
		fmt.Fprintf(a.Stdout, "ok: got %s %s, displaying field %s\n", what, name, filter[0])
	}
	return a.value(field)
}

// progress says on a terminal what is being waited for, when that takes longer
// than a moment; the returned function ends it.
func (a *app) progress(format string, args ...any) (done func()) {
	f, ok := a.Env.Stderr.(*os.File)
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
