package quirl_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pkg is what `go list -json` tells of a package.
type pkg struct {
	ImportPath, Doc, Name string
	Imports               []string
	GoFiles               []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Doc,Name,Imports,GoFiles"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// rules say which of our packages a package may import; the first rule that
// matches counts. Test helpers and commands are free.
var rules = []struct{ pkg, may, why string }{
	{`quirl`, ``, "the root is the map"},
	{`quirl/whisk`, ``, "the vocabulary depends on nothing"},
	{`quirl/(cmd|test)/.*`, `.*`, "the wiring and what tests it see everything"},
	{`quirl/.*test`, `quirl/.*`, "suites see what they check"},
	{`quirl/cli`, `quirl/(client|cli/debug|cli/manifest|cli/project|internal/(archive|jsonyaml))`, "the command line knows the server by its API alone"},
	{`quirl/cli/project`, ``, "folders in, archives out"},
	{`quirl/cli/debug`, `quirl/(proxy|runtimes)`, "the runtimes without a platform"},
	{`quirl/cli/manifest`, `quirl/(client|internal/jsonyaml)`, "files in, entities out"},
	{`quirl/client`, ``, "the client can be used by others"},
	{`quirl/internal/.*`, `quirl/internal/.*`, "help without domain meaning"},
	{`quirl/ingress`, ``, "HTTP as such"},
	{`quirl/(identity|entitlement|store|logstore|balancer)`, `quirl/whisk`, "an SPI knows the vocabulary"},
	{`quirl/bus`, ``, "messages are opaque to the bus"},
	{`quirl/bus/message`, `quirl/(bus|whisk)`, "what is sent"},
	{`quirl/container`, ``, "an SPI that knows no actions"},
	{`quirl/store/(pgstore|sqlitestore)`, `quirl/(store|whisk|internal/migration)`, "an implementation knows its SPI; these two have a schema"},
	{`quirl/(identity|entitlement|store|logstore|balancer|bus|container)/[a-z0-9]+`, `quirl/(identity|entitlement|store|logstore|balancer|bus|container|whisk)|quirl/container/(ociimage|sandboxcontainer/wire)`, "an implementation knows its SPI, and SPIs it is built on"},
	{`quirl/container/sandboxcontainer/wire`, ``, "shared with the launcher"},
	{`quirl/proxy`, ``, "the protocol as such"},
	{`quirl/runtimes`, `quirl/container`, "kinds are started as containers"},
	{`quirl/runtimes/loop`, `quirl/internal/archive`, "runs inside of containers"},
	{`quirl/upkeep`, `quirl/(store|whisk)`, "works on the store"},
	{`quirl/admin`, `quirl/(store|store/sealedstore|whisk)`, "works on the store"},
	{`quirl/result`, `quirl/(store|whisk)`, "records"},
	{`quirl/catalog`, `quirl/(store|whisk)`, "functions and where they are kept"},
	{`quirl/invoker/pool`, ``, "pure"},
	{`quirl/invoker/policy`, `quirl/invoker/pool`, "pure: the pool's policies"},
	{`quirl/invoker/collect`, ``, "text"},
	{`quirl/invoker/codecache`, `quirl/internal/archive`, "folders"},
	{`quirl/invoker`, `quirl/(bus|bus/message|container|internal/archive|invoker/pool|invoker/collect|logstore|proxy|result|store|whisk)`, "the shell of the pool"},
	{`quirl/composer`, `quirl/whisk`, "pure"},
	{`quirl/dispatch`, `quirl/(balancer|bus|bus/message|composer|entitlement|result|store|whisk)`, "from call to activation"},
	{`quirl/api/web`, `quirl/whisk`, "pure: HTTP in, HTTP out"},
	{`quirl/api/sdk`, ``, "files to download"},
	{`quirl/api/description`, ``, "documents as such"},
	{`quirl/api`, `quirl/(api/description|api/sdk|api/web|balancer|dispatch|entitlement|identity|logstore|result|store|whisk)`, "HTTP to calls"},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range list(t, "./...") {
		i := slices.IndexFunc(rules, func(r struct{ pkg, may, why string }) bool {
			return regexp.MustCompile("^" + r.pkg + "$").MatchString(p.ImportPath)
		})
		if i < 0 {
			t.Errorf("%s: no rule says what it may import", p.ImportPath)
			continue
		}
		may := regexp.MustCompile("^(" + rules[i].may + ")$")
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "quirl") && !may.MatchString(imported) {
				t.Errorf("%s imports %s, but: %s", p.ImportPath, imported, rules[i].why)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range list(t, "./...") {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

func TestTheMapIsTrue(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	// Folders that are not part of the program.
	apart := []string{"bin", "tools", "changelog"}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || strings.HasPrefix(name, ".") || slices.Contains(apart, name) {
			continue
		}
		if n := len(regexp.MustCompile(`(?m)^//\t`+name+`[ /]`).FindAllString(string(doc), -1)); n == 0 {
			t.Errorf("doc.go does not have the folder %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^//\t([a-z/-]+)`).FindAllStringSubmatch(string(doc), -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("doc.go names %s: %v", m[1], err)
		}
	}
}

// heavy clients are imported by their provider alone.
var heavy = map[string]string{
	"modernc.org/sqlite":                     "quirl/store/sqlitestore",
	"github.com/minio/minio-go":              "quirl/store/s3attachments",
	"github.com/jackc/pgx":                   "quirl/store/pgstore",
	"github.com/go-kivik/kivik":              "quirl/store/couchstore",
	"github.com/coreos/go-oidc":              "quirl/identity/oidcidentity",
	"github.com/opencontainers/runc":         "quirl/cmd/quirl-sandbox",
	"github.com/opencontainers/cgroups":      "quirl/cmd/quirl-sandbox",
	"github.com/vishvananda/netlink":         "quirl/cmd/quirl-sandbox",
	"github.com/google/nftables":             "quirl/cmd/quirl-sandbox",
	"github.com/seccomp/libseccomp-golang":   "quirl/cmd/quirl-sandbox",
	"github.com/moby/moby":                   "quirl/container/dockercontainer",
	"github.com/google/go-containerregistry": "quirl/container/ociimage",
}

func TestHeavyClientsHaveOneUser(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, imported := range p.Imports {
			for prefix, user := range heavy {
				if strings.HasPrefix(imported, prefix) && p.ImportPath != user && !strings.HasPrefix(p.ImportPath, user+"/") {
					t.Errorf("%s imports %s, which is %s's alone", p.ImportPath, imported, user)
				}
			}
		}
	}
}

// TestDependencies compares the packages that the program pulls in with a list,
// so that every review sees what a change brings.
// The failure names the lines to add or to remove.
func TestDependencies(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./cmd/quirl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	text, err := os.ReadFile("cmd/quirl/deps.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(text))
	for _, p := range got {
		if !slices.Contains(want, p) {
			t.Errorf("new dependency %s: if it earns its place, add it to cmd/quirl/deps.txt", p)
		}
	}
	for _, p := range want {
		if !slices.Contains(got, p) {
			t.Errorf("cmd/quirl/deps.txt lists %s, which is not needed any more", p)
		}
	}
}
