package manifest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/cli/manifest"
	"quirl/client"
)

// read reads a manifest of this text; its variables are HOME and EMPTY.
func read(t testing.TB, text string, change ...func(*manifest.Options)) (*manifest.Plan, []string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	o := manifest.Options{
		Manifest: file,
		LookupEnv: func(name string) (string, bool) {
			return map[string]string{"PORT": "80", "WHO": "me"}[name], name != "UNSET"
		},
		Warn: func(sentence string) { warnings = append(warnings, sentence) },
	}
	for _, c := range change {
		c(&o)
	}
	p, err := manifest.Read(o)
	return p, warnings, err
}

func TestInputs(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{`plain`, `"plain"`},
		{`12`, `12`},
		{`1.50`, `1.50`},
		{`0x10`, `16`},
		{`true`, `true`},
		{`null`, ``},
		{`2026-11-27`, `"2026-11-27"`},
		{`[1, {a: b}]`, `[1,{"a":"b"}]`},
		{`{z: 1, a: {y: 2}}`, `{"z":1,"a":{"y":2}}`},
		{`{value: 1}`, `1`},
		{`{value: {value: 1}}`, `{"value":1}`},
		{`{value: 1, other: 2}`, `{"value":1,"other":2}`},
		{`{type: integer, default: 5}`, `5`},
		{`{type: integer, value: 6, default: 5}`, `6`},
		{`string`, `""`},
		{`integer`, `0`},
		{`{type: float}`, `0.0`},
		{`{type: json}`, `{}`},
		{`{type: array}`, `[]`},
		{`{type: string256, value: x}`, `"x"`},
		{`{type: version, value: 1.0}`, `1.0`},
		{`{type: scalar-unit.size, default: 10 GB}`, `"10 GB"`},
		{`{type: object, properties: {a: {type: string}}}`, `{}`},
		{`$PORT`, `"80"`},
		{`"${PORT}"`, `"80"`},
		{`{type: integer, value: $PORT}`, `80`},
		{`{type: boolean, value: "true"}`, `true`},
		{`{type: json, value: '{"a": [1]}'}`, `{"a": [1]}`},
		{`"a ${WHO} b ${PORT}"`, `"a me b 80"`},
		{`"$${WHO} and $WHO"`, `"${WHO} and $WHO"`},
		{`$$WHO`, `"$WHO"`},
		{`$UNSET`, `""`},
		{`[$WHO, {k: "${PORT}!"}]`, `["me",{"k":"80!"}]`},
		{`'<a href="?a&b">'`, `"<a href=\"?a&b\">"`},
		{`$level`, `7`},
		{`"at ${level}"`, `"at 7"`},
		{`{description: none}`, ``},
	} {
		p, _, err := read(t, "packages: {p: {inputs: {level: 7}, actions: {a: {code: x, runtime: go, inputs: {in: "+c.given+"}}}}}")
		if err != nil {
			t.Errorf("%s: %v", c.given, err)
			continue
		}
		if got := string(p.Actions[0].Parameters.Get("in")); got != c.want {
			t.Errorf("%s: got %s, want %s", c.given, got, c.want)
		}
	}
}

func TestBadInputs(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{`{type: integer, value: 1.5}`, "1.5 is not of type integer"},
		{`{type: integer, value: x}`, `"x" is not of type integer`},
		{`{type: string, value: 1}`, "1 is not of type string"},
		{`{type: boolean, value: 1}`, "1 is not of type boolean"},
		{`{type: json, value: "{"}`, `"{" is not of type json`},
		{`{type: color, value: 1}`, `there is no type "color"`},
		{`{type: color}`, `there is no type "color"`},
		{`{required: true}`, "it is required, and has no value"},
		{`{required: true, value: $EMPTY}`, "it is required, and $EMPTY is empty"},
		{`.inf`, ".inf cannot be a value"},
	} {
		_, _, err := read(t, "packages:\n  p:\n    inputs:\n      in: "+c.given+"\n")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "line 4: input in") {
			t.Errorf("%s: got %v, want %s", c.given, err, c.want)
		}
	}
}

func TestShapes(t *testing.T) {
	p, warnings, err := read(t, `
application:
  name: old
  config: api.json
  packages:
    $WHO:
      public: true
      description: d
      actions:
        other: {code: x, kind: nodejs@20, feed: true, final: true, raw-http: true, displayName: Other}
        web: {code: x, runtime: "python:3", web-export: raw, conductor: true, docker: me/image}
      apis:
        books:
          club:
            books/{isbn}:
              web: {method: get, response: http}
            all:
              web: post
      rules:
        r: {trigger: t, action: /other/p/a}
      triggers:
        t: {source: /whisk.system/alarms/alarm, inputs: {cron: "* * * * *"}}
      dependencies:
        far: {location: https://github.com/me/lib/sub/dir, version: v2}
        near: {location: whisk.system/utils}
      feeds: {f: {location: x}}
package:
  name: second
`)
	if err != nil {
		t.Fatal(err)
	}
	if o := p.Actions[0]; o.Source.Kind != "nodejs:20" || string(o.Annotations.Get("feed"))+string(o.Annotations.Get("final"))+string(o.Annotations.Get("raw-http")) != "truetruetrue" {
		t.Errorf("other: %+v %+v", o, o.Source)
	}
	action := p.Actions[1]
	got := []any{
		p.Project, filepath.Base(p.API), p.Packages[0].Name, *p.Packages[0].Publish, string(p.Packages[0].Annotations.Get("description")), p.Packages[1].Name,
		action.Name, action.Web, string(action.Annotations.Get("conductor")), action.Source.Image,
		p.Routes, string(p.Rules[0].Action), p.Triggers[0].Feed, p.Triggers[0].Inputs, p.Triggers[0].Parameters,
		p.Dependencies,
	}
	want := []any{
		"old", "api.json", "me", true, `"d"`, "second",
		"me/web", "raw", "true", "me/image",
		[]manifest.Route{{"books", "/club", "/books/{isbn}", "GET", "me/web", "http"}, {"books", "/club", "/all", "POST", "me/web", ""}},
		`"/other/p/a"`, "/whisk.system/alarms/alarm", client.KeyValues{{Key: "cron", Value: []byte(`"* * * * *"`)}}, client.KeyValues(nil),
		[]manifest.Dependency{{Name: "far", Location: "me/lib/sub/dir", Version: "v2", GitHub: true}, {Name: "near", Binding: "/whisk.system/utils"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text := strings.Join(warnings, "\n"); !strings.Contains(text, "[source] key in the manifest file will soon be deprecated") || !strings.Contains(text, "feeds of package [me]") {
		t.Errorf("warnings: %s", text)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"packages: [a]", "line 1: names with values are expected here"},
		{"packages: {p: {actions: {a: x}}}", "line 1: keys with values are expected here"},
		{"packages:\n  p: {}\n  p: {}", "line 3: p is here a second time"},
		{"packages: {p: {version: [1]}}", "cannot unmarshal"},
		{"nothing: here", `there is no key "nothing" here`},
		{"packages: {p: {actions: {a: {limits: {timeouts: 5}, code: x, runtime: go}}}}", `there is no key "timeouts" here`},
		{"packages: {p: {actions: {a: {limits: {timeout: five}}}}}", "cannot unmarshal"},
		{"packages: {p: {actions: {a: {code: x}}}}", "With action source code, runtime is mandatory."},
		{"packages: {p: {actions: {a: {}}}}", "It has neither function nor code."},
		{"packages: {p: {actions: {a: {code: x, runtime: go, web: perhaps}}}}", `Action [a] has the value "perhaps" for web`},
		{"packages: {p: {sequences: {s: {actions: 'a,,b'}}}}", "actions is a list of actions with commas between them"},
		{"packages: {p: {rules: {r: {trigger: t}}}}", "a rule has the keys trigger and action"},
		{"packages: {p: {dependencies: {d: {location: ftp}}}}", `"ftp" is no location`},
		{"packages: {p: {apis: {a: {b: {c: {d: }}}}}}", "d has no verb"},
		{"packages: {p: &a {inputs: {x: *a}}}", "line 1: the value of a contains itself"},
		{"packages: {p: {inputs: {a: &a [1,2,3,4,5,6,7,8,9], b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a], c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b], d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c], e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d], f: [*e,*e,*e,*e,*e,*e,*e,*e,*e]}}}", "more than 100000 values"},
		{"packages: {$UNSET: {}}", "it has no name"},
		{"packages: {p: {actions: {a: {code: x, runtime: go, include: [[a, b, c]]}}}}", "include is a list of"},
	} {
		if _, _, err := read(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestWrittenIsReadAgain(t *testing.T) {
	given, _, err := read(t, everything)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := manifest.Write(&text, given); err != nil {
		t.Fatal(err)
	}
	again, warnings, err := read(t, text.String())
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v %q in\n%s", err, warnings, text.String())
	}
	for _, p := range []*manifest.Plan{given, again} {
		for _, a := range p.Actions {
			if a.Source != nil {
				a.Source.Dir = ""
			}
		}
	}
	if diff := cmp.Diff(given, again); diff != "" {
		t.Errorf("%s\nin\n%s", diff, text.String())
	}
}

const everything = `
project:
  name: sky
  packages:
    p:
      public: true
      inputs: {a: string, b: {value: {type: x}}, c: "$$WHO", d: "a $${WHO}", e: "true", f: [1, 2.0, 1e3, null, false], g: "", h: {value: null}, i: "a\nb\n", j: "# x"}
      annotations: {note: {z: 1, a: "$${b}"}}
      actions:
        a: {code: "x\n  $y ${z}\n", runtime: "nodejs:20", main: m, limits: {timeout: 5, memorySize: 6, logSize: 7, concurrency: 8}}
        b: {docker: me/image, native: true}
    default:
      dependencies:
        u: {location: /whisk.system/utils, inputs: {k: 1}}
      actions:
        c: {code: y, runtime: "go:1"}
      sequences:
        s: {actions: "p/a, c", annotations: {web-export: true}}
      triggers:
        t: {inputs: {v: 1}}
        f: {feed: p/b, inputs: {w: 1}}
      rules:
        r: {trigger: t, action: p/a}
`

func FuzzRead(f *testing.F) {
	f.Add(everything)
	f.Add("packages: {p: &a {<<: *a}}")
	f.Add("packages:\n  p:\n    actions: {a: {function: manifest.yaml}}\n    inputs: {x: &y [*y]}")
	f.Fuzz(func(t *testing.T, text string) {
		p, _, err := read(t, text)
		if err != nil {
			return
		}
		if err := manifest.Write(&bytes.Buffer{}, p); err != nil && len(p.Packages) > 0 {
			t.Logf("not written: %v", err) // what cannot be written is an error, too
		}
	})
}
