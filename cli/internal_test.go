package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/client"
)

func TestExtractParams(t *testing.T) {
	file := filepath.Join(t.TempDir(), "params.json")
	if err := os.WriteFile(file, []byte(`{"b": 1.50, "a": {"c": [null]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		strict bool
		rest   []string
		params string // key=value, blanks between
		notes  string
		err    string
	}{
		"nothing":                {},
		"between other words":    {args: []string{"action", "-p", "a", "1", "create", "--param", "b", "x y", "n"}, rest: []string{"action", "create", "n"}, params: `a=1 b="x y"`},
		"JSON as it is":          {args: []string{"-p", "a", `{"b": 1.50}`, "-p", "n", "12345678901234567890"}, params: `a={"b": 1.50} n=12345678901234567890`},
		"words that look alike":  {args: []string{"-p", "-p", "-p"}, params: `-p="-p"`},
		"later wins":             {args: []string{"-p", "a", "1", "-P", file, "-p", "b", "2"}, params: `a={"c": [null]} b=2`},
		"annotations":            {args: []string{"-a", "a", "true", "-A", file}, notes: `a={"c": [null]} b=1.50`},
		"escapes stay":           {args: []string{"-p", "a", `x\ny`}, strict: true, params: `a="x\ny"`},
		"quotes":                 {args: []string{"-p", "a", `say "x"`}, params: `a="say \"x\""`},
		"quotes as wsk":          {args: []string{"-p", "a", `say "x"`}, strict: true, err: `Invalid parameter argument 'say "x"': `},
		"nothing to take":        {args: []string{"--", "-p", "a", "1"}, rest: []string{"--", "-p", "a", "1"}},
		"no value":               {args: []string{"-p", "a"}, err: "Failed to parse arguments: The parameter arguments are invalid: Arguments for '-p' must be a key/value pair"},
		"no value of annotation": {args: []string{"--annotation"}, err: "Failed to parse arguments: The annotation arguments are invalid: Arguments for '--annotation' must be a key/value pair"},
		"no file":                {args: []string{"-P"}, err: "An argument must be provided for '-P'"},
		"no such file":           {args: []string{"-P", "nothere"}, err: "File 'nothere' is not a valid file or it does not exist"},
		"no object":              {args: []string{"-P", os.DevNull}, err: "Invalid parameter argument '" + os.DevNull + "': a JSON object is expected"},
	} {
		t.Run(name, func(t *testing.T) {
			rest, p, err := extractParams(c.args, c.strict)
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.err) {
					t.Fatalf("got error %v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{c.rest, c.params, c.notes}, []any{rest, shown(p.parameters), shown(p.annotations)}); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
}

func shown(kvs client.KeyValues) string {
	var words []string
	for _, kv := range kvs {
		words = append(words, kv.Key+"="+string(kv.Value))
	}
	return strings.Join(words, " ")
}

func FuzzExtractParams(f *testing.F) {
	f.Add("action\x00-p\x00a\x001", true)
	f.Add("-a\x00key\x00\"", false)
	f.Add("-p\x00a\x00\xff\\", false)
	f.Add("--\x00-p", true)
	f.Fuzz(func(t *testing.T, line string, strict bool) {
		args := strings.Split(line, "\x00")
		for _, a := range args {
			if a == "-P" || a == "-A" || a == "--param-file" || a == "--annotation-file" {
				return // would read files
			}
		}
		rest, p, err := extractParams(args, strict)
		if err != nil {
			return
		}
		if len(rest) > len(args) {
			t.Errorf("%q became %q", args, rest)
		}
		for _, kv := range append(p.parameters, p.annotations...) {
			if !json.Valid(kv.Value) {
				t.Errorf("%q: the value of %s is no JSON: %s", args, kv.Key, kv.Value)
			}
		}
		if _, err := json.Marshal(object(p.parameters)); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	})
}

func TestParseName(t *testing.T) {
	for text, want := range map[string]string{
		"foo": "/_/foo", "pkg/foo": "/_/pkg/foo", "/ns/foo": "/ns/foo", "/ns/pkg/foo": "/ns/pkg/foo", "ns/pkg/foo": "/ns/pkg/foo",
		"/ns": "/ns/", "/ns/": "/ns/", "a b": "/_/a b",
		"": "", "/": "", "//": "", "a//b": "", "/ns//b": "", "foo/": "", "a/b/c/d": "", "/a/b/c/d": "",
	} {
		n, err := new(app).parseName(text)
		switch {
		case err != nil && want != "":
			t.Errorf("%q: %v", text, err)
		case err == nil && n.String() != want:
			t.Errorf("%q: got %s, want %q", text, n, want)
		}
	}
	a := &app{props: properties{"NAMESPACE": "mine"}}
	if n, err := a.parseName("foo"); err != nil || n.String() != "/mine/foo" {
		t.Errorf("with a namespace in the properties: got %s, %v, want /mine/foo", n, err)
	}
	if _, err := new(app).parseEntity("/ns"); err == nil {
		t.Error("/ns names no entity, and no error says so")
	}
}

func FuzzParseName(f *testing.F) {
	for _, text := range []string{"", "/", "a", "/a", "a/b", "/a/b/c", "a/b/c", "//", "/a//"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := new(app).parseName(text)
		if err != nil {
			return
		}
		if n.namespace == "" {
			t.Fatalf("%q has no namespace", text)
		}
		again, err := new(app).parseName(n.String())
		if err != nil || again != n {
			t.Errorf("%q: got %v, then %v, %v", text, n, again, err)
		}
	})
}

func TestFieldOf(t *testing.T) {
	timeout := 5
	action := client.Action{Name: "n", Version: "0.0.1", Limits: &client.Limits{Timeout: &timeout}, Updated: 7}
	for field, want := range map[string]string{
		"name": "\"n\"\n", "NAME": "\"n\"\n", "updated": "7\n", "limits": "{\n    \"timeout\": 5\n}\n", "exec": "null\n", "colour": "",
	} {
		var out bytes.Buffer
		value, ok := fieldOf(action, field)
		err := printJSON(&out, value)
		if !ok {
			out.Reset()
		}
		if out.String() != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", field, &out, err, want)
		}
		if got := hasField(action, field); got != (want != "") {
			t.Errorf("hasField of %s: got %t", field, got)
		}
	}
}

func annotation(key, value string) client.KeyValue {
	return client.KeyValue{Key: key, Value: json.RawMessage(value)}
}

func TestTables(t *testing.T) {
	t.Setenv("TZ", "UTC")
	shared := true
	var out bytes.Buffer
	a := &app{Stdout: &out}
	a.printActions([]client.Action{
		{Namespace: "guest/p", Name: "b", Annotations: client.KeyValues{annotation("exec", `"nodejs:20"`)}},
		{Namespace: "guest", Name: "z", Annotations: client.KeyValues{annotation("exec", `{"kind": "odd"}`)}},
		{Namespace: "guest/p", Name: "a"},
	}, true)
	a.printPackages([]client.Package{{Namespace: "guest", Name: "q", Publish: &shared}, {Namespace: "guest", Name: "p"}}, true)
	a.printActivations(nil)
	a.printActivations([]client.Activation{
		{Namespace: "guest", Name: "hello", Version: "0.0.1", ActivationID: strings.Repeat("a", 32), Duration: 1234, Annotations: client.KeyValues{annotation("kind", `"nodejs:20"`), annotation("initTime", "3")}},
		{Namespace: strings.Repeat("n", 30), Name: strings.Repeat("m", 40), Version: "0.0.2", ActivationID: strings.Repeat("b", 32), StatusCode: 2},
		{Namespace: "guest", Name: "odd", Version: "1.0.0", ActivationID: strings.Repeat("c", 32), StatusCode: 9, Duration: 3600_000},
	})
	want := strings.Join([]string{
		"actions",
		"/guest/z                                                               private unknown",
		"/guest/p/a                                                             private ",
		"/guest/p/b                                                             private nodejs:20",
		"packages",
		"/guest/p                                                               private",
		"/guest/q                                                               shared",
		"",
		"Datetime            Activation ID                    Kind      Start Duration   Status            Entity",
		"1970-01-01 00:00:00 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa nodejs:20 cold  1.234s     success           guest/hello:0.0.1",
		"1970-01-01 00:00:00 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb unknown   warm  0s         developer error   nnnnnnnnn...nnnnnnnn/mmmmmmmmmmmmmm...mmmmmmmmmmmmm:0.0.2",
		"1970-01-01 00:00:00 cccccccccccccccccccccccccccccccc unknown   warm  1h0m0s     unknown           guest/odd:1.0.0",
		"",
	}, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

func TestSummary(t *testing.T) {
	described := annotation("parameters", `[{"name": "b"}, {"name": "a", "required": true}]`)
	for name, c := range map[string]struct {
		annotations, bound client.KeyValues
		want               string
	}{
		"nothing":     {want: "action /ns/n\n   (parameters: none defined)\n"},
		"described":   {annotations: client.KeyValues{described}, want: "action /ns/n: Returns a result based on parameters a and b\n   (parameters: a, b)\n"},
		"one":         {bound: client.KeyValues{annotation("c", "1")}, want: "action /ns/n: Returns a result based on parameter c\n   (parameters: *c)\n"},
		"three":       {annotations: client.KeyValues{described}, bound: client.KeyValues{annotation("c", "1"), annotation("a", "2")}, want: "action /ns/n: Returns a result based on parameters a, b and c\n   (parameters: *a, b, *c)\n"},
		"final":       {annotations: client.KeyValues{annotation("final", "true"), annotation("description", `"It is"`)}, bound: client.KeyValues{annotation("c", "1")}, want: "action /ns/n: It is\n   (parameters: **c)\n"},
		"other types": {annotations: client.KeyValues{annotation("parameters", `"x"`), annotation("description", "7")}, want: "action /ns/n\n   (parameters: none defined)\n"},
	} {
		if diff := cmp.Diff(c.want, summaryOf("action", 0, "ns", "n", c.annotations, c.bound)); diff != "" {
			t.Errorf("%s: want -, got +\n%s", name, diff)
		}
	}
}

func TestStripLogs(t *testing.T) {
	var out bytes.Buffer
	a := &app{Stdout: &out}
	a.printLogs([]string{
		"2026-11-23T12:46:43.874513544Z stdout: plain",
		"2026-11-23T12:46:43.8745Z      stderr: padded",
		"2026-11-23T12:46:43.874513544Z no stream",
		"no stamp",
	}, true)
	if diff := cmp.Diff("plain\npadded\nno stream\nno stamp\n", out.String()); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

func TestAge(t *testing.T) {
	now := time.UnixMilli(1e12)
	for before, want := range map[time.Duration]string{
		-time.Second: "0s", 59900 * time.Millisecond: "59s", time.Minute: "1m00s", 3599 * time.Second: "59m59s", 25*time.Hour + 3*time.Minute: "25h03m",
	} {
		if got := age(now, now.Add(-before)); got != want {
			t.Errorf("%v ago: %q, want %q", before, got, want)
		}
	}
}
