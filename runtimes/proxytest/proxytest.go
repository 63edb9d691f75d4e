// Package proxytest is the contract of the runtimes for machines: every kind that
// runs without an image passes Run, in containers of every Factory.
//
// The cases follow OpenWhisk's runtime contract and what its own runtimes are
// tested for; those that differ between languages are in files named after them.
package proxytest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"quirl/container"
	"quirl/runtimes"
)

// patience bounds each wait of the suite for something that must happen.
const patience = 60 * time.Second

// memory of each container, in bytes; one case sends code of 48 MB.
const memory = 512 << 20

// apiHost is in every container's environment.
const apiHost = "https://api.example:443"

// Run checks the given kinds, or all that can run here, in containers of the
// Factory that open returns; it is called once for each kind. A kind without its
// interpreter is skipped.
func Run(t *testing.T, open func(*testing.T) container.Factory, kinds ...string) {
	offer, err := runtimes.Builtin().Detect(t.Context(), host())
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("CI") == "true" {
		demand(t, offer)
	}
	if len(kinds) == 0 {
		name(t, offer)
	}
	RunOffer(t, open, offer, kinds...)
}

// name says which families of kinds have no interpreter on this machine.
func name(t *testing.T, offer *runtimes.Offer) {
	for _, missing := range offer.Missing {
		if family, _, _ := strings.Cut(missing.Kind, ":"); len(offer.Manifest.Families[family]) == 0 {
			t.Logf("not run here: %s: %s", missing.Kind, missing.Reason)
		}
	}
}

// unpackaged are families of which no registry of packages has the tool chain.
var unpackaged = []string{"dotnet", "swift"}

// demand fails for what tools/setup should have brought: all kinds of Node.js, and one of
// each other family but the unpackaged.
func demand(t *testing.T, offer *runtimes.Offer) {
	for _, missing := range offer.Missing {
		family, _, _ := strings.Cut(missing.Kind, ":")
		if family == "nodejs" || !slices.Contains(unpackaged, family) && len(offer.Manifest.Families[family]) == 0 {
			t.Errorf("%s is not here: %s; %s", missing.Kind, missing.Reason, missing.Mend)
		}
	}
}

// RunOffer is Run with interpreters that were found in another way.
func RunOffer(t *testing.T, open func(*testing.T) container.Factory, offer *runtimes.Offer, kinds ...string) {
	RunCases(t, open, offer, nil, kinds...)
}

// RunCases is RunOffer with the named cases alone; none means all.
func RunCases(t *testing.T, open func(*testing.T) container.Factory, offer *runtimes.Offer, cases []string, kinds ...string) {
	if len(kinds) == 0 {
		kinds = append(offer.Manifest.Kinds(), Native)
	}
	files, err := runtimes.Extract(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			lang, ok := native(), true
			if kind != Native {
				r, err := offer.Manifest.Resolve(kind)
				if err != nil {
					t.Skip("not on this machine: ", err)
				}
				if lang, ok = languageOf(r); !ok {
					t.Fatalf("there are no cases for runtime %s", r.Local.Runtime)
				}
				if _, err := offer.Prepare(t.Context(), kind, files, 0); err != nil {
					t.Fatal(err)
				}
			}
			b := &bench{offer: offer, files: files, kind: kind, lang: lang, factory: open(t)}
			t.Cleanup(func() {
				if err := b.factory.Close(); err != nil {
					t.Error(err)
				}
			})
			b.runAll(t, cases)
		})
	}
}

// A language is what the common cases need of it, and its own cases.
type language struct {
	samples samples
	cases   []testCase

	// loop says that the function runs in a process of its own: the server is there
	// when that has ended, and says so.
	loop bool
	// each says that it is started for each activation, and may be without code.
	each bool
	// compiles says that source is compiled at init.
	compiles bool
	// same are arguments that the echo returns as something else, with the reason.
	same map[string]string
	// words are texts that a case of another language expects and this one words in its
	// own way, by the names of the cases.
	words map[string]wording
}

// A wording is what a language says in place of something.
type wording struct{ of, here string }

// worded returns the texts that a case expects, as the language words them.
func (l language) worded(name string, texts ...string) []string {
	worded := slices.Clone(texts)
	w := l.words[name]
	for i, text := range worded {
		if text == w.of && text != "" {
			worded[i] = w.here
		}
	}
	return worded
}

// samples are the sources of the common cases. The entry point is main.
type samples struct {
	echo        string // returns its argument; prints "hello stdout" and "hello stderr"
	echoAsNiam  string // silent, and the function's name is niam
	nonObject   string // returns the text "x"
	environment string // returns all environment variables as an object
	unicode     string // OpenWhisk's unicode test: {"delimiter": d} -> {"winter": d + " ☃ " + d}, also printed
	flood       string // prints args.lines lines of 99 letters and "\n"
	midLine     string // prints "no line end", without one, on both streams
	large       string // a source of several hundred KB; its echo is silent
	broken      string // has a syntax error
	hardExit    string // prints "before the end\n" and ends the process with status 3
	exitInInit  string // the same when it is loaded
	terminated  string // sends SIGTERM to the server
	child       string // prints "1", lets a child process print "2", prints "3"
	counter     string // returns {"n": how often it was called}
}

type testCase struct {
	name string
	fn   func(*testing.T, *bench)
}

// languageOf finds the cases of a kind: those of its family where they differ from
// those of its server.
func languageOf(r *runtimes.Runtime) (language, bool) {
	all := languages()
	if lang, ok := all[r.Family]; ok {
		return lang, true
	}
	lang, ok := all[r.Local.Runtime]
	return lang, ok
}

func languages() map[string]language {
	return map[string]language{"nodejs": nodejs(), "bun": bun(), "python": python(), "golang": golang(), "java": java(), "php": php(), "ruby": ruby(), "rust": rust(), "swift": swift(), "dotnet": dotnet(), "native": native()}
}

// A bench is where a kind is tested.
type bench struct {
	offer   *runtimes.Offer
	files   string
	kind    string
	lang    language
	factory container.Factory
	serial  int
}

func (b *bench) runAll(t *testing.T, names []string) {
	for _, c := range append(commonCases(), b.lang.cases...) {
		if len(names) == 0 || slices.Contains(names, c.name) {
			t.Run(c.name, func(t *testing.T) { c.fn(t, b) })
		}
	}
}

// spec is the container of the kind; env is added.
func (b *bench) spec(env ...string) (container.Spec, error) {
	s, err := b.startOf(append([]string{"__OW_API_HOST=" + apiHost}, env...))
	b.serial++
	s.Name = fmt.Sprintf("wsk0_%d_guest_proxytest", b.serial)
	s.Memory = memory
	return s, err
}

func (b *bench) startOf(env []string) (container.Spec, error) {
	if b.kind != Native {
		return b.offer.Spec(b.kind, b.files, env...)
	}
	skeleton := runtimes.Image{Prefix: "openwhisk", Name: "dockerskeleton"}
	s, ok := b.offer.Native(skeleton, b.files, env...)
	if !ok {
		return s, errors.New("no native programs can run here")
	}
	return s, nil
}

// need skips a case for which the language has no sample.
func need(t *testing.T, sample string) {
	t.Helper()
	if sample == "" {
		t.Skip("not in this language")
	}
}

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
