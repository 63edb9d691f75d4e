package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"quirl/api"
	"quirl/balancer"
	"quirl/balancer/localbalancer"
	"quirl/bus"
	"quirl/catalog"
	"quirl/container"
	"quirl/dispatch"
	"quirl/entitlement/localentitlement"
	"quirl/identity"
	"quirl/identity/oidcidentity"
	"quirl/identity/storeidentity"
	"quirl/ingress"
	"quirl/internal/lifecycle"
	"quirl/invoker"
	"quirl/invoker/codecache"
	"quirl/logstore"
	"quirl/result"
	"quirl/store"
	"quirl/upkeep"
	"quirl/whisk"
)

const (
	// cachedEntities is how many entities are kept in memory.
	cachedEntities = 10_000
	// identityLifetime is how long a revoked key may still work.
	identityLifetime = 10 * time.Second
	// gcPercent lets the heap grow to nine times what is alive before it is
	// collected: what is alive is small, and collecting it costs calls. Beyond
	// memoryLimit bytes the collector works as hard as it must.
	gcPercent   = 800
	memoryLimit = 768 << 20
)

// guest is the identity that OpenWhisk's standalone server is known for.
var guest = whisk.Subject{Name: "guest", Namespaces: []whisk.SubjectNamespace{{Name: "guest", Key: whisk.Key{
	UUID:   "23bc46b1-71f6-4ed5-8c54-816aa4f8c502",
	Secret: "123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP",
}}}}

// A platform is all parts of a process that does everything.
type platform struct {
	cfg      serveConfig
	log      *slog.Logger
	listener net.Listener
	closers  []io.Closer // in the order in which they were opened

	store       store.Store
	attachments store.Attachments
	code        *codecache.Cache
	bus         bus.Bus
	containers  container.Factory
	logs        logstore.Store
	kinds       *kinds
}

// A role is what a process does.
type role struct {
	name string
	// component is what its log is of.
	component func(cfg serveConfig) string
	opens     func(p *platform, ctx context.Context, getenv func(string) string) error
	assemble  func(p *platform, ctx context.Context) (*lifecycle.Stack, error)
	greet     func(p *platform, w io.Writer, took time.Duration)
}

// everything is the role of a process that is the whole platform.
var everything = role{
	name: "serve", component: func(serveConfig) string { return "serve" },
	opens: (*platform).openContainers, assemble: (*platform).assemble, greet: (*platform).greet,
}

// serve runs a role until it is told to stop.
func serve(ctx context.Context, r role, cfg serveConfig, getenv func(string) string, stdout, stderr io.Writer) error {
	began := time.Now()
	output, err := openLog(cfg.LogFolder, r.component(cfg), stderr)
	if err != nil {
		return mendFile(err)
	}
	log, err := newLogger(cfg.LogLevel, output)
	if err != nil {
		return err
	}
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	p := &platform{cfg: cfg, log: log}
	defer p.close()
	if err := p.open(ctx); err != nil {
		return err
	}
	if err := r.opens(p, ctx, getenv); err != nil {
		return err
	}
	parts, err := r.assemble(p, ctx)
	if err != nil {
		return err
	}
	r.greet(p, stdout, time.Since(began))
	return parts.Run(ctx)
}

func newLogger(level string, w io.Writer) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log-level %q is none of debug, info, warn, error", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// open opens what every role needs, the quickest to fail first.
func (p *platform) open(ctx context.Context) error {
	if err := p.listen(ctx); err != nil {
		return err
	}
	if err := p.lockData(); err != nil {
		return err
	}
	env := environment{data: p.cfg.Data, log: p.log}
	var err error
	if p.store, err = openStore(ctx, p.cfg.Store, p.cfg.SecretKeys, env); err != nil {
		return mendFile(err)
	}
	p.closers = append(p.closers, p.store)
	if p.attachments, err = open(ctx, "attachments", p.cfg.Attachments, attachmentStores, env); err != nil {
		return mendFile(err)
	}
	if p.bus, err = open(ctx, "bus", p.cfg.Bus, buses, env); err != nil {
		return err
	}
	p.closers = append(p.closers, p.bus)
	p.logs, err = open(ctx, "logs", p.cfg.Logs, logStores, env)
	return err
}

// openContainers opens what running functions needs.
func (p *platform) openContainers(ctx context.Context, getenv func(string) string) (err error) {
	env := environment{data: p.cfg.Data, log: p.log}
	if p.code, err = codecache.Open(filepath.Join(p.cfg.Data, "code"), int64(p.cfg.CodeCache)*whisk.MB); err != nil {
		return mendFile(err)
	}
	if p.containers, p.cfg.Containers, err = openContainers(ctx, p.cfg.Containers, env); err != nil {
		return err
	}
	p.closers = append(p.closers, p.containers)
	if p.kinds, err = p.findKinds(ctx, getenv); err != nil {
		return err
	}
	if len(p.kinds.Names()) == 0 {
		p.log.Warn("no interpreter was found: no function can run; see `quirl doctor`")
	}
	if err := p.containers.Cleanup(ctx); err != nil {
		return fmt.Errorf("remove left-over containers: %w", err)
	}
	return nil
}

// findKinds are the kinds that the chosen containers can run.
func (p *platform) findKinds(ctx context.Context, getenv func(string) string) (*kinds, error) {
	kinds := kindsOf(p.cfg.Containers)
	if kinds == kindsImages {
		return imageKinds(p.cfg.Manifest, p.cfg.Data)
	}
	return detectKinds(ctx, p.cfg.Manifest, p.cfg.Data, kinds == kindsBoth, getenv)
}

func (p *platform) listen(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", p.cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use by another program: stop that one, or choose another address with --listen", p.cfg.Listen)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", p.cfg.Listen, err)
	}
	p.listener = l
	p.closers = append(p.closers, l)
	return nil
}

// lockData makes the data folder and keeps other processes out of it while this one lives.
func (p *platform) lockData() error {
	if err := os.MkdirAll(p.cfg.Data, 0o700); err != nil {
		return mendFile(fmt.Errorf("data folder: %w", err))
	}
	f, err := os.OpenFile(filepath.Join(p.cfg.Data, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return mendFile(fmt.Errorf("data folder: %w", err))
	}
	p.closers = append(p.closers, f)
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another quirl uses the data folder %s: stop it, or choose another folder with --data", p.cfg.Data)
	}
	return nil
}

// mendFile adds what can be done about the file system's refusals.
func mendFile(err error) error {
	if err == nil {
		return nil
	}
	switch text := err.Error(); {
	case errors.Is(err, syscall.ENOSPC), strings.Contains(text, "disk is full"):
		return fmt.Errorf("%w: make room on the disk, or choose another folder with --data", err)
	case errors.Is(err, os.ErrPermission), strings.Contains(text, "readonly"), strings.Contains(text, "unable to open"):
		return fmt.Errorf("%w: make the folder readable and writable for this user, or choose another one with --data", err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: choose another folder with --data", err)
	}
	return err
}

const (
	// upkeepEvery is how often old records, and unused code, are looked for.
	upkeepEvery = 10 * time.Minute
	// clockEvery is how often it is looked whether the machine's clock was set.
	clockEvery = 10 * time.Second
	// expirePause is between two parts of a removal.
	expirePause = 20 * time.Millisecond
	// codeGrace is how long code must have been unused. Calls that were accepted while an action
	// had it are over by then, or failed long ago.
	codeGrace = 24 * time.Hour
)

// addUpkeep adds the parts that remove what is old or unused.
func (p *platform) addUpkeep(parts *lifecycle.Stack) {
	began := time.Now()
	parts.Add("the clock", &upkeep.Clock{Every: clockEvery, Log: p.log, Wall: time.Now, Passed: func() time.Duration { return time.Since(began) }})
	parts.Add("old records", &upkeep.Records{Store: p.store, Keep: p.cfg.KeepRecords, KeepAudit: p.cfg.KeepAudit, Every: upkeepEvery, Pause: expirePause, Log: p.log, Now: time.Now})
	if collector, collects := p.attachments.(store.Collector); collects {
		parts.Add("unused code", &upkeep.Code{Store: p.store, Attachments: collector, Grace: codeGrace, Every: upkeepEvery, Log: p.log, Now: time.Now})
	}
}

// assemble makes the parts and stacks them, the deepest first.
func (p *platform) assemble(ctx context.Context) (*lifecycle.Stack, error) {
	if err := p.createGuest(ctx); err != nil {
		return nil, err
	}
	c, err := p.core(ctx)
	if err != nil {
		return nil, err
	}
	p.installCatalog(ctx, c.store, c.limits)
	lb := localbalancer.Balancer{}
	disp := c.dispatcher(lb)
	disp.Alone = true
	if err := disp.Inherit(ctx); err != nil {
		return nil, mendFile(err)
	}
	var in *ingress.Ingress // made last, for it needs all the others
	inv, err := c.invoker(func(l net.Listener) { go in.ServeInside(l) })
	if err != nil {
		return nil, err
	}
	cfg, err := c.api(disp)
	if err != nil {
		return nil, err
	}
	cfg.Pool = func(number int) (any, bool) { return inv.View(), number == inv.ID }
	cfg.Tail = func(namespace string, id whisk.ActivationID) (api.Tail, bool) { return inv.Tail(namespace, id) }
	parts, err := p.foundation(ctx, c)
	if err != nil {
		return nil, err
	}
	p.addUpkeep(parts)
	parts.Add("runtimes", lifecycle.RunnerFunc(p.compileRuntimes))
	parts.Add("recorder", c.recorder)
	parts.Add("dispatcher", disp)
	parts.Add("invoker", inv)
	parts.Add("compositions", lifecycle.RunnerFunc(disp.Conduct))
	in = ingress.New(p.listener, ingress.Vanity(p.cfg.VanityHost, api.New(cfg)), p.log)
	parts.Add("ingress", in)
	return parts, nil
}

// A core is what several parts share.
type core struct {
	*platform
	store     *store.Cached
	limits    whisk.SystemLimits
	storing   whisk.StoreLevels
	recorder  *result.Recorder
	rights    *localentitlement.Entitlement
	published *metrics
}

func (p *platform) core(ctx context.Context) (*core, error) {
	storing, err := p.cfg.storing()
	if err != nil {
		return nil, err
	}
	c := &core{platform: p, store: store.NewCached(p.store, cachedEntities), limits: p.cfg.limits(), storing: storing, published: newMetrics()}
	c.published.cache("entities", c.store.Counts())
	if c.recorder, err = result.New(ctx, c.store, filepath.Join(p.cfg.Data, "redo"), p.log); err != nil {
		return nil, mendFile(err)
	}
	c.rights = localentitlement.NewShare(c.store, c.limits, p.cfg.Controllers, time.Now)
	return c, nil
}

func (c *core) dispatcher(lb balancer.Balancer) *dispatch.Dispatcher {
	return dispatch.New(dispatch.Config{
		Controller: c.cfg.Controller, Bus: c.bus, Balancer: lb, Entities: c.store, Entitlement: c.rights, Journal: c.store, Recorder: c.recorder,
		Deprecated: c.kinds.Deprecated, Limits: c.limits, Storing: c.storing, Log: c.log, Now: time.Now,
	})
}

// invoker is one whose functions reach the API by a door that is served as given.
func (c *core) invoker(door func(net.Listener)) (*invoker.Invoker, error) {
	containers, err := c.poolConfig()
	if err != nil {
		return nil, err
	}
	return invoker.New(invoker.Config{
		ID: c.cfg.Invoker, Bus: c.bus, Entities: c.store, Attachments: c.attachments, Folders: c.code, Journal: c.store, Containers: c.containers, Runtimes: c.kinds,
		Recorder: c.recorder, Logs: c.logs, Pool: containers, Shells: c.kinds.usual(), Limits: c.limits, Storing: c.storing,
		APIHost: c.functionsHost(), Door: door, DoorPort: c.port(), Log: c.log, Now: time.Now,
	}), nil
}

// api is what the API needs, but for what only the process of an invoker can tell.
func (c *core) api(disp *dispatch.Dispatcher) (api.Config, error) {
	identities, tokens, err := c.identities(c.store, c.published)
	if err != nil {
		return api.Config{}, err
	}
	build, number := buildInfo()
	_, shared := store.NotifierOf(c.platform.store)
	return api.Config{
		Entities: c.store, Shared: shared, Activations: c.store, Audit: c.store, Attachments: c.attachments, Identities: identities, Tokens: tokens,
		Entitlement: c.rights, Dispatch: disp, Recorder: c.recorder, Logs: c.logs, Invokers: disp.Balancer.Invokers,
		OperatorKey: c.cfg.OperatorKey, Metrics: c.published.handler(),
		Pool:  func(int) (any, bool) { return nil, false },
		Tail:  func(string, whisk.ActivationID) (api.Tail, bool) { return nil, false },
		Kinds: c.kinds, Limits: c.limits, AllowedKinds: fields(c.cfg.AllowedKinds), RequireWebExtension: c.cfg.Extensions, ExecuteOnly: c.cfg.ExecuteOnly,
		BareWrites: c.cfg.BareWrites, Build: build, BuildNumber: number, Log: c.log, Now: time.Now,
	}, nil
}

// foundation is what stands below all else.
func (p *platform) foundation(ctx context.Context, c *core) (*lifecycle.Stack, error) {
	parts := &lifecycle.Stack{Grace: p.cfg.Grace, Log: p.log}
	if p.cfg.DebugListen != "" {
		debug, err := newDebugServer(ctx, p.cfg.DebugListen, p.log)
		if err != nil {
			return nil, err
		}
		parts.Add("debug", debug)
	}
	parts.Add("cache", c.store)
	return parts, nil
}

// compileRuntimes makes later starts of containers quicker, while the first ones may start already.
func (p *platform) compileRuntimes(ctx context.Context) error {
	var compiling sync.WaitGroup
	defer compiling.Wait()
	compiling.Go(func() {
		if err := p.kinds.offer.Compile(ctx, p.kinds.files); err != nil && ctx.Err() == nil {
			p.log.Warn("containers will start more slowly", "error", err)
		}
	})
	p.kinds.ahead.run(ctx, p.log)
	return nil
}

// identities are those of keys and, where there is an issuer, of its tokens.
func (p *platform) identities(st store.Store, published *metrics) (provider identity.Provider, tokens bool, err error) {
	keys := storeidentity.New(st, identityLifetime)
	published.cache("identities", keys.Counts())
	if p.cfg.OIDCIssuer == "" {
		return keys, false, nil
	}
	if p.cfg.OIDCAudience == "" {
		return nil, false, errors.New("oidc-audience is required with oidc-issuer: tokens for others would be accepted")
	}
	grants, err := oidcidentity.ParseGrants(p.cfg.OIDCGrants)
	if err != nil {
		return nil, false, fmt.Errorf("oidc-namespaces: %w", err)
	}
	adopt := func(ctx context.Context, namespace string) error { return adoptNamespace(ctx, st, namespace) }
	return oidcidentity.New(oidcidentity.Config{
		Issuer: p.cfg.OIDCIssuer, Audience: p.cfg.OIDCAudience, SubjectClaim: p.cfg.OIDCSubject, GroupsClaim: p.cfg.OIDCGroups, Grants: grants, Adopt: adopt,
	}, keys), true, nil
}

// adoptNamespace makes an owner for a namespace that nobody has: a subject of its name. Where all who
// have it are blocked it stays closed.
func adoptNamespace(ctx context.Context, st store.Subjects, namespace string) error {
	all, err := st.Subjects(ctx)
	if err != nil {
		return err
	}
	owner := whisk.Subject{Name: namespace}
	for i := range all {
		if all[i].Owner(namespace) != nil || all[i].Name == namespace && all[i].Blocked {
			return identity.ErrUnknown
		}
		if all[i].Name == namespace {
			owner = all[i]
		}
	}
	owner.Namespaces = append(owner.Namespaces, whisk.SubjectNamespace{Name: namespace, Key: whisk.NewKey()})
	return st.PutSubject(ctx, owner)
}

// createGuest stores the guest identity. Its key is known to all the world, so
// it exists only where the world cannot come, unless the operator insists.
func (p *platform) createGuest(ctx context.Context) error {
	addr, ok := p.listener.Addr().(*net.TCPAddr)
	loopback := ok && addr.IP.IsLoopback()
	subject := guest
	subject.Blocked = !loopback && !p.cfg.GuestAnyway
	if subject.Blocked {
		p.log.Warn("the guest identity is blocked because the API does not listen on loopback; --guest-anywhere insists")
	}
	stored, err := p.store.Subject(ctx, subject.Name)
	if err == nil && stored.Blocked == subject.Blocked {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read guest identity: %w", err)
	}
	if err := p.store.PutSubject(ctx, subject); err != nil {
		return mendFile(fmt.Errorf("store guest identity: %w", err))
	}
	return nil
}

// installCatalog brings in the functions that everybody may use. The platform
// works without them.
func (p *platform) installCatalog(ctx context.Context, st store.Store, limits whisk.SystemLimits) {
	if !p.cfg.Catalog {
		return
	}
	err := catalog.Install(ctx, catalog.Config{
		Store: st, Attachments: p.attachments, Kinds: p.kinds, Limits: limits.Default(), Now: time.Now,
	})
	if err != nil {
		p.log.Warn("the catalog is not complete", "namespace", catalog.Namespace, "error", err)
	}
}

func (p *platform) apiHost() string {
	if p.cfg.APIHost != "" {
		return p.cfg.APIHost
	}
	return "http://" + p.listener.Addr().String()
}

func (p *platform) port() int {
	if addr, ok := p.listener.Addr().(*net.TCPAddr); ok {
		return addr.Port
	}
	return 0
}

// functionsHost is the API's URL as functions are told it. In a container that can
// have a door the API is on the loopback address, at the port it has outside.
func (p *platform) functionsHost() string {
	addr, ok := p.listener.Addr().(*net.TCPAddr)
	if p.cfg.APIHost != "" || !ok {
		return p.apiHost()
	}
	port := strconv.Itoa(addr.Port)
	switch {
	case byDocker(p.cfg.Containers) && runtime.GOOS != "linux":
		return "http://host.docker.internal:" + port // where Docker Desktop puts the machine's loopback
	case addr.IP.IsUnspecified(), strings.HasPrefix(p.cfg.Containers, "sandbox"), byDocker(p.cfg.Containers):
		return "http://127.0.0.1:" + port
	}
	return p.apiHost()
}

// greet says what to type next.
func (p *platform) greet(w io.Writer, took time.Duration) {
	kinds := strings.Join(p.kinds.Names(), ", ")
	fmt.Fprintf(w, `quirl is ready after %d ms: %s, data in %s
runtimes: %s

Type in a second shell:

  bin/quirl action create hello examples/hello.js
  bin/quirl action invoke hello --result --param name you

`, took.Milliseconds(), p.apiHost(), p.cfg.Data, kinds)
}

func (p *platform) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		err := p.closers[i].Close()
		if err != nil && !errors.Is(err, net.ErrClosed) {
			p.log.Error("cannot close", "part", fmt.Sprintf("%T", p.closers[i]), "error", err)
		}
	}
}

// buildInfo is the time and revision of this build.
func buildInfo() (date, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", "unknown"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.time":
			date = s.Value
		case "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		}
	}
	if date == "" {
		return info.Main.Version, info.Main.Version
	}
	return date, revision
}

// fields are the parts of a list with commas.
func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
