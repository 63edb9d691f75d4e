package catalog_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quirl/catalog"
	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

// kinds are the kinds of a machine, by what users write.
type kinds map[string]string

func (k kinds) ResolveKind(kind string) (string, bool) {
	resolved, ok := k[kind]
	return resolved, ok
}

var both = kinds{"nodejs:default": "nodejs:20", "python:default": "python:3"}

// open returns where a catalog can go: an empty store.
func open(t *testing.T) catalog.Config {
	t.Helper()
	dir := t.TempDir()
	st, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "quirl.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	attachments, err := store.NewFileAttachments(filepath.Join(dir, "attachments"))
	if err != nil {
		t.Fatal(err)
	}
	limits := whisk.DefaultLimits()
	return catalog.Config{Store: st, Attachments: attachments, Kinds: both, Limits: limits.Default(), Now: time.Now}
}

func install(t *testing.T, cfg catalog.Config) {
	t.Helper()
	if err := catalog.Install(t.Context(), cfg); err != nil {
		t.Fatalf("install: %v", err)
	}
}

func action(t *testing.T, cfg catalog.Config, name string) *whisk.Action {
	t.Helper()
	a, err := store.Get[*whisk.Action](t.Context(), cfg.Store, catalog.Namespace+"/"+name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return a
}

func TestInstall(t *testing.T) {
	cfg := open(t)
	install(t, cfg)
	for _, p := range catalog.Packages() {
		stored, err := store.Get[*whisk.Package](t.Context(), cfg.Store, catalog.Namespace+"/"+p.Name)
		if err != nil || !stored.Publish {
			t.Errorf("package %s is not stored and published: %v", p.Name, err)
		}
		for _, a := range p.Actions {
			stored := action(t, cfg, p.Name+"/"+a.Name)
			if code, err := cfg.Attachments.Attachment(t.Context(), stored.Exec.Attachment.SHA256); err != nil || string(code) != a.Code {
				t.Errorf("%s/%s: code of %d bytes, want %d: %v", p.Name, a.Name, len(code), len(a.Code), err)
			}
		}
	}
	httpGet := action(t, cfg, "samples/httpGet")
	if httpGet.Exec.Kind != "python:3" || string(httpGet.Annotations.Get("exec")) != `"python:3"` || string(httpGet.Annotations.Get("provide-api-key")) != "false" {
		t.Errorf("samples/httpGet has kind %s and annotations %s", httpGet.Exec.Kind, whisk.Marshal(httpGet.Annotations))
	}
	id, err := cfg.Store.NamespaceIdentity(t.Context(), catalog.Namespace)
	if err != nil || id.Subject != catalog.Namespace || len(id.Key.Secret) != whisk.SecretLength {
		t.Errorf("owner is %+v, %v; want the subject %s with a key", id, err, catalog.Namespace)
	}
}

// TestInstallAgain wants a second installation to write nothing but what differs.
func TestInstallAgain(t *testing.T) {
	cfg := open(t)
	install(t, cfg)
	owner, err := cfg.Store.NamespaceIdentity(t.Context(), catalog.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	own := *action(t, cfg, "utils/echo") // an operator's own function in the catalog's package
	own.Name, own.Revision = "mine", ""
	put(t, cfg, &own)
	changed := *action(t, cfg, "utils/cat") // as an older version of this program had it
	changed.Annotations = changed.Annotations.WithValue("description", "older")
	put(t, cfg, &changed)
	gone := action(t, cfg, "utils/head")
	if err := cfg.Store.DeleteEntity(t.Context(), gone.FullName().ID(), gone.Revision); err != nil {
		t.Fatal(err)
	}

	echo := action(t, cfg, "utils/echo")
	install(t, cfg)
	for name, version := range map[string]string{"utils/echo": "0.0.1", "utils/cat": "0.0.2", "utils/head": "0.0.1", "utils/mine": "0.0.1"} {
		if got := action(t, cfg, name).Version.String(); got != version {
			t.Errorf("%s has version %s, want %s", name, got, version)
		}
	}
	if again := action(t, cfg, "utils/echo"); again.Revision != echo.Revision {
		t.Error("utils/echo was written again although nothing changed")
	}
	if got := string(action(t, cfg, "utils/cat").Annotations.Get("description")); got == `"older"` {
		t.Errorf("utils/cat still has the description %s", got)
	}
	if id, err := cfg.Store.NamespaceIdentity(t.Context(), catalog.Namespace); err != nil || id.Key != owner.Key {
		t.Errorf("the owner has another key than before, or %v", err)
	}
}

// TestInstallTogether: the controllers of a cluster that start at the same time do not disturb each other.
func TestInstallTogether(t *testing.T) {
	cfg := open(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := catalog.Install(t.Context(), cfg); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if version := action(t, cfg, "utils/echo").Version.String(); version != "0.0.1" {
		t.Errorf("utils/echo has version %s", version)
	}
}

func put(t *testing.T, cfg catalog.Config, e whisk.Entity) {
	t.Helper()
	if _, err := cfg.Store.PutEntity(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// TestInstallWhatCanBe wants one missing interpreter, and one name that is
// taken, to keep out what they concern and nothing else.
func TestInstallWhatCanBe(t *testing.T) {
	cfg := open(t)
	cfg.Kinds = kinds{"nodejs:default": "nodejs:22"}
	put(t, cfg, &whisk.Trigger{Meta: whisk.Meta{Namespace: catalog.Namespace, Name: "slack", Version: whisk.FirstVersion()}})
	err := catalog.Install(t.Context(), cfg)
	if err == nil {
		t.Fatal("no error tells that the catalog is not complete")
	}
	for _, want := range []string{"this machine has no python:default for samples/httpGet", "whisk.system/slack: the name is taken by one of the triggers"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not have %q", err, want)
		}
	}
	if kind := action(t, cfg, "utils/echo").Exec.Kind; kind != "nodejs:22" {
		t.Errorf("utils/echo has kind %s, want nodejs:22", kind)
	}
	if _, err := store.Get[*whisk.Action](t.Context(), cfg.Store, catalog.Namespace+"/samples/httpGet"); whisk.KindOf(err) != whisk.NotFound {
		t.Errorf("samples/httpGet: %v, want that it is not there", err)
	}
}

// TestInstallIntoAClosedStore wants an error, and soon.
func TestInstallIntoAClosedStore(t *testing.T) {
	cfg := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := cfg.Store.(store.Store).Close(); err != nil {
		t.Fatal(err)
	}
	if err := catalog.Install(ctx, cfg); err == nil {
		t.Error("a closed store took the catalog")
	}
	if ctx.Err() != nil {
		t.Error("a closed store is noticed only after ten seconds")
	}
}
