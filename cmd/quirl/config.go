package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"quirl/whisk"
)

// serveConfig is the configuration of `quirl serve`. Keys, environment and
// flags have the names of the tags.
type serveConfig struct {
	Listen        string `yaml:"listen" help:"address of the API, host:port"`
	Data          string `yaml:"data" help:"folder for everything that is kept"`
	Store         string `yaml:"store" url:"true" help:"where entities and records are kept: sqlite://, sqlite:///path/to/file, postgres://user:password@host/database or couchdb://user:password@host:5984/prefix_ (couchdbs:// with TLS)"`
	Attachments   string `yaml:"attachments" url:"true" help:"where code is kept: file://, file:///path/to/folder or s3://key:secret@host/bucket/prefix?region=R&secure=false&create=true"`
	Bus           string `yaml:"bus" url:"true" help:"what carries messages between the parts: mem://?capacity=N, or kafka://host:9092/prefix (kafkas:// with TLS)"`
	Containers    string `yaml:"containers" url:"true" help:"what functions run in: sandbox://?network=nat|none&kinds=host|both|images&archives=FOLDER, docker://?host=ADDRESS&network=NAME&publish=true&writable=true&dns=ADDRESS, or process:// (no isolation); empty is the sandbox or, where that does not work, Docker"`
	Logs          string `yaml:"logs" url:"true" help:"where log lines are kept: record://"`
	Manifest      string `yaml:"manifest" help:"file with the manifest of runtimes; empty is the built-in one"`
	Controller    int    `yaml:"controller" help:"number of this controller, from 0, in a cluster"`
	Controllers   int    `yaml:"controllers" help:"how many controllers a cluster has: each places work on its share of every invoker"`
	Invoker       int    `yaml:"invoker" help:"number of this invoker, from 0, in a cluster"`
	APIHost       string `yaml:"api-host" help:"URL of the API as functions are told it; empty is the loopback address, where a sandbox has a door to the API for functions that are given a key"`
	VanityHost    string `yaml:"vanity-host" help:"host, or host:port, whose sub-domains serve the web actions of the namespace of that name; empty is off"`
	Extensions    bool   `yaml:"require-web-extension" help:"refuse paths of web actions that name no extension such as .json"`
	StoreBlocking string `yaml:"store-blocking-result-level" help:"which records of blocking calls are kept: STORE_ALWAYS, STORE_FAILURES or STORE_FAILURES_NOT_APPLICATION_ERRORS"`
	StoreOthers   string `yaml:"store-non-blocking-result-level" help:"which records of other calls are kept, likewise"`
	AllowedKinds  string `yaml:"allowed-kinds" help:"kinds that actions may have, with commas between; namespaces may have more; empty is all"`
	ExecuteOnly   bool   `yaml:"shared-packages-execute-only" help:"hide the code of shared packages from all but their owners"`
	BareWrites    bool   `yaml:"bare-writes" help:"answer successful PUT and DELETE without a body"`
	Catalog       bool   `yaml:"catalog" help:"install the functions of whisk.system, which everybody may use"`
	OperatorKey   string `yaml:"operator-key" help:"user:password with which operators see invokers and running activations from elsewhere, and disable the controller; empty is nobody's" secret:"true"`
	SecretKeys    string `yaml:"secret-keys" help:"keys with which the secrets of users' keys are encrypted in the store, lines of a name and 32 bytes in base64, the present one first: usually ${file:/path}; empty leaves them as they are" secret:"true"`
	OIDCIssuer    string `yaml:"oidc-issuer" help:"URL of an OpenID Connect issuer whose tokens are accepted beside keys; empty is none"`
	OIDCAudience  string `yaml:"oidc-audience" help:"whom its tokens must be for"`
	OIDCSubject   string `yaml:"oidc-subject-claim" help:"the claim that names the subject"`
	OIDCGroups    string `yaml:"oidc-groups-claim" help:"the claim that names the subject's groups"`
	OIDCGrants    string `yaml:"oidc-namespaces" help:"what groups may use, GROUP=NAMESPACE or GROUP=NAMESPACE:SCOPE (all, invoke or read) with commas between; a token's first is its default"`
	GuestAnyway   bool   `yaml:"guest-anywhere" help:"create the well-known guest identity although the API does not listen on loopback"`

	Memory      int           `yaml:"memory" help:"MB of memory that all containers together may have; 0 is half of the machine's"`
	Starting    int           `yaml:"starting" help:"containers that may be starting at once; 0 is twice the number of cores"`
	Queue       int           `yaml:"queue" help:"activations that may wait for a container"`
	StemCells   bool          `yaml:"stem-cells" help:"keep started containers ready: as the manifest says, where calls found none, and ahead of expected calls"`
	StemMemory  int           `yaml:"stem-memory" help:"MB of memory that stem cells may have beyond those that the manifest asks for, all counted; 0 is a quarter of memory"`
	CodeCache   int           `yaml:"code-cache" help:"MB of disk for unpacked code: archives are unpacked once and shown to sandboxes as folders"`
	KeepPolicy  string        `yaml:"keep-policy" help:"how long unused containers are kept: learned (from each action's idle times) or fixed"`
	PauseAfter  time.Duration `yaml:"pause-after" help:"how long an idle container runs before it is paused, unless something else was learned; 0 never pauses"`
	KeepAlive   time.Duration `yaml:"keep-alive" help:"how long an unused container is kept, unless something else was learned; 0 is for ever, and learns nothing"`
	Invocations int           `yaml:"invocations-per-minute" help:"invocations per minute and namespace"`
	Fires       int           `yaml:"fires-per-minute" help:"trigger fires per minute and namespace"`
	Concurrent  int           `yaml:"concurrent-invocations" help:"invocations in flight per namespace"`
	Together    int           `yaml:"action-concurrency-max" help:"the largest limit \"concurrency\" of an action: activations at once in one container"`
	KeepRecords time.Duration `yaml:"keep-records" help:"how long activation records are kept; namespaces may have less; 0 is for ever"`
	KeepAudit   time.Duration `yaml:"keep-audit" help:"how long the audit log is kept; 0 is for ever"`
	Grace       time.Duration `yaml:"grace" help:"how long stopping may take"`
	DebugListen string        `yaml:"debug-listen" help:"address for Go's profiles under /debug/pprof/, loopback only; empty is off"`
	LogLevel    string        `yaml:"log-level" help:"debug, info, warn or error"`
	LogFolder   string        `yaml:"log-folder" help:"folder below which the log is written, to serve/serve_logs.log, controller0/controller0_logs.log or the like; empty is standard error"`
}

func defaultServeConfig(getenv func(string) string) serveConfig {
	return serveConfig{
		Listen:      "127.0.0.1:3233",
		Controllers: 1,
		Data:        stateFolder(getenv),
		Store:       "sqlite://",
		Attachments: "file://",
		Bus:         "mem://",
		Logs:        "record://",
		Catalog:     true,
		OIDCSubject: "sub",
		OIDCGroups:  "groups",

		StoreBlocking: string(whisk.StoreAlways),
		StoreOthers:   string(whisk.StoreAlways),

		Queue:       10_000,
		StemCells:   true,
		CodeCache:   2048,
		KeepPolicy:  learnedPolicy,
		PauseAfter:  10 * time.Second,
		KeepAlive:   10 * time.Minute,
		Invocations: 100_000,
		Fires:       100_000,
		Concurrent:  1_000,
		Together:    1,
		KeepAudit:   365 * 24 * time.Hour,
		Grace:       90 * time.Second,
		LogLevel:    "info",
	}
}

// stateFolder is the user's folder for state that should outlive a restart.
func stateFolder(getenv func(string) string) string {
	if dir := getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "quirl")
	}
	home := getenv("HOME")
	switch {
	case home == "":
		return filepath.Join(os.TempDir(), "quirl")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", "quirl")
	}
	return filepath.Join(home, ".local", "state", "quirl")
}

// limits are the system's limits with the configured rates.
// storing are the configured store levels.
func (c *serveConfig) storing() (levels whisk.StoreLevels, err error) {
	if levels.Blocking, err = whisk.ParseStoreLevel(c.StoreBlocking); err != nil {
		return levels, fmt.Errorf("store-blocking-result-level: %w", err)
	}
	if levels.NonBlocking, err = whisk.ParseStoreLevel(c.StoreOthers); err != nil {
		return levels, fmt.Errorf("store-non-blocking-result-level: %w", err)
	}
	return levels, nil
}

func (c *serveConfig) limits() whisk.SystemLimits {
	l := whisk.DefaultLimits()
	l.InvocationsPerMinute, l.FiresPerMinute, l.ConcurrentInvocations = c.Invocations, c.Fires, c.Concurrent
	l.Concurrency.Max = max(1, c.Together)
	return l
}
