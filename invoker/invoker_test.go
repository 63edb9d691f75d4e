package invoker_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"quirl/bus/membus"
	"quirl/bus/message"
	"quirl/container"
	"quirl/container/processcontainer"
	"quirl/internal/logtest"
	"quirl/invoker"
	"quirl/invoker/policy"
	"quirl/invoker/pool"
	"quirl/logstore/storelog"
	"quirl/result"
	"quirl/runtimes"
	"quirl/store"
	"quirl/store/sqlitestore"
	"quirl/whisk"
)

// kinds offers what this machine has.
type kinds struct {
	offer *runtimes.Offer
	files string
	node  string // a kind of nodejs
}

func (k *kinds) ContainerSpec(kind, _ string) (container.Spec, error) {
	return k.offer.Spec(kind, k.files)
}

func (k *kinds) Await(context.Context, string) {}

func (k *kinds) Traits(string, string) invoker.Traits { return invoker.Traits{Own: true} }

func (k *kinds) Sentinels(string, string) bool { return true }

func (k *kinds) Concurrent(kind string) bool { return kind == k.node }

func detect(t *testing.T) *kinds {
	t.Helper()
	offer, err := runtimes.Builtin().Detect(t.Context(), runtimes.Host{Path: os.Getenv("PATH") + ":/usr/bin:/usr/local/bin"})
	if err != nil {
		t.Fatal(err)
	}
	k := &kinds{offer: offer}
	if k.files, err = runtimes.Extract(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range offer.Manifest.Kinds() {
		r, err := offer.Manifest.Resolve(kind)
		if err == nil && r.Local.Runtime == "nodejs" {
			k.node = r.Kind
			return k
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("node is not on this machine")
	}
	t.Skip("node is not on this machine")
	return nil
}

// A bench is an invoker with room for one container, and what is around it; the
// test is its controller.
type bench struct {
	*invoker.Invoker
	kinds       *kinds
	bus         *membus.Bus
	store       *sqlitestore.Store
	attachments *store.FileAttachments
	recorder    *result.Recorder
	user        *whisk.Identity
	stop        func() // orders the invoker to stop and returns when it has
	drain       context.CancelFunc
}

// newBench starts one; each of more changes its configuration, or what it finds.
func newBench(t *testing.T, more ...func(*bench, *invoker.Config)) *bench {
	t.Helper()
	if testing.Short() {
		t.Skip("containers with node are not for -short")
	}
	b := &bench{kinds: detect(t), bus: membus.New(100), user: &whisk.Identity{Subject: "ann", Namespace: "ns", Key: whisk.NewKey()}}
	dir, log := t.TempDir(), logtest.New(t)
	var err error
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	b.store, err = sqlitestore.Open(t.Context(), filepath.Join(dir, "quirl.db"))
	check(err)
	b.attachments, err = store.NewFileAttachments(filepath.Join(dir, "code"))
	check(err)
	b.recorder, err = result.New(t.Context(), b.store, filepath.Join(dir, "redo"), log)
	check(err)
	containers, err := processcontainer.New(processcontainer.Config{Dir: filepath.Join(dir, "containers"), Log: log})
	check(err)
	cfg := invoker.Config{
		Bus: b.bus, Entities: b.store, Attachments: b.attachments, Journal: b.store, Containers: containers, Runtimes: b.kinds,
		Recorder: b.recorder, Logs: storelog.Store{}, Limits: systemLimits(), APIHost: "https://api.example", Log: log, Now: time.Now,
		Pool: pool.Config{Memory: 256, Queue: 10, Starting: 1, Policy: policy.Fixed{PauseAfter: 50 * time.Millisecond, KeepAlive: time.Minute}},
	}
	for _, change := range more {
		change(b, &cfg)
	}
	b.Invoker = invoker.New(cfg)
	stopRecorder := start(t, b.recorder.Run)
	b.drain, b.stop = startBoth(t, b.Run)
	t.Cleanup(func() {
		b.stop()
		stopRecorder()
		check(containers.Close())
		check(b.store.Close())
	})
	return b
}

// systemLimits lets actions have several activations in one container.
func systemLimits() whisk.SystemLimits {
	limits := whisk.DefaultLimits()
	limits.Concurrency.Max = 100
	return limits
}

func start(t *testing.T, run func(context.Context) error) (stop func()) {
	_, stop = startBoth(t, run)
	return stop
}

// startBoth starts run and returns how to order its end, and how to wait for it too.
func startBoth(t *testing.T, run func(context.Context) error) (order context.CancelFunc, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	return cancel, func() { cancel(); <-ended }
}

// action stores an action; change may be nil.
func (b *bench) action(t *testing.T, name, code string, change func(*whisk.Action)) *whisk.Action {
	t.Helper()
	sum, err := b.attachments.PutAttachment(t.Context(), []byte(code))
	if err != nil {
		t.Fatal(err)
	}
	limits := whisk.DefaultLimits()
	a := &whisk.Action{
		Meta:   whisk.Meta{Namespace: "ns", Name: name, Version: whisk.FirstVersion(), Updated: time.Now().UnixMilli()},
		Exec:   whisk.Exec{Kind: b.kinds.node, Attachment: &whisk.Attachment{SHA256: sum, Size: int64(len(code))}},
		Limits: limits.Default(),
	}
	if change != nil {
		change(a)
	}
	if a.Revision, err = b.store.PutEntity(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) message(a *whisk.Action, content string) *message.Activation {
	now := time.Now()
	return &message.Activation{
		ID: whisk.NewActivationID(now), TID: "tid", Received: now, Action: a.FullName(), Version: a.Version, Revision: a.Revision,
		User: b.user, Blocking: true, Content: []byte(content), Deadline: now.Add(time.Minute),
	}
}

func (b *bench) send(t *testing.T, m *message.Activation) {
	t.Helper()
	if m.Journaled {
		if err := b.store.Accept(t.Context(), store.JournalEntry{ID: m.ID, Message: m.Encode()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.bus.Send(t.Context(), message.InvokerTopic(0), m); err != nil {
		t.Fatal(err)
	}
}

// end waits for the acknowledgement that frees a slot and returns it, with the
// record that came before it or with it.
func (b *bench) end(t *testing.T) (last *message.Ack, record *whisk.Activation) {
	t.Helper()
	for {
		ack := b.ack(t)
		if ack.Activation != nil {
			if record != nil {
				t.Errorf("activation %s: two results", ack.ID)
			}
			record = ack.Activation
		}
		if ack.Done {
			return ack, record
		}
	}
}

// ack waits for one acknowledgement, of any activation.
func (b *bench) ack(t *testing.T) *message.Ack {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := b.bus.Receive(ctx, message.CompletedTopic(0), "controller")
	if err != nil {
		t.Fatalf("wait for an acknowledgement: %v", err)
	}
	d.Ack()
	ack, err := message.AsAck(d.Message())
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// call runs an action and returns its record, with logs.
func (b *bench) call(t *testing.T, m *message.Activation) *whisk.Activation {
	t.Helper()
	b.send(t, m)
	ack, answered := b.end(t)
	record, err := b.recorder.Find(t.Context(), "ns", m.ID)
	if err != nil || ack.ID != m.ID {
		t.Fatalf("activation %s: acknowledged %s, record %v", m.ID, ack.ID, err)
	}
	if answered == nil || answered.ID != m.ID || string(answered.Response.Result) != string(record.Response.Result) {
		t.Errorf("activation %s: answered %+v, recorded %+v", m.ID, answered, record)
	}
	return record
}

func wantResult(t *testing.T, r *whisk.Activation, status whisk.Status, text string) {
	t.Helper()
	if r.Response.Status != status || !strings.Contains(string(r.Response.Result), text) {
		t.Errorf("%s: got %v %s, want %v with %s\nlogs: %q", r.Name, r.Response.Status, r.Response.Result, status, text, r.Logs)
	}
}

func wantLog(t *testing.T, r *whisk.Activation, text string) {
	t.Helper()
	if !slices.ContainsFunc(r.Logs, func(line string) bool { return strings.HasSuffix(line, text) }) {
		t.Errorf("%s: the logs lack %q: %q", r.Name, text, r.Logs)
	}
}

func TestSuccess(t *testing.T) {
	b := newBench(t)
	a := b.action(t, "echo", `function main(args) { console.log('hello'); console.error('oops'); return args }`, nil)
	for i, warm := range []bool{false, true} {
		if warm { // from a paused container
			eventually(t, "the container is paused", func() bool { return b.Stats().Paused == 1 })
		}
		r := b.call(t, b.message(a, `{"n":1.50}`))
		wantResult(t, r, whisk.Success, `{"n":1.5`)
		wantLog(t, r, "stdout: hello")
		wantLog(t, r, "stderr: oops")
		if len(r.Logs) != 2 {
			t.Errorf("call %d: got the logs %q, want two lines", i, r.Logs)
		}
		if r.Annotations.Has("initTime") == warm || r.FilterName() != "echo" || string(r.Annotations.Get("path")) != `"ns/echo"` ||
			r.Annotations.IsTrue("timeout") || r.Namespace != "ns" || r.Subject != "ann" || r.Version != a.Version {
			t.Errorf("call %d: got the record %+v; that the container was warm is %t", i, r, warm)
		}
	}
}

// eventually waits for what the pool does by itself.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came: %s", what)
		}
	}
}

func TestFailures(t *testing.T) {
	b := newBench(t)
	for _, tt := range []struct {
		name, code string
		status     whisk.Status
		text       string
	}{
		{"refuses", `function main() { return {error: 'no'} }`, whisk.ApplicationError, `{"error":"no"}`},
		{"broken", `function main( {`, whisk.DeveloperError, "error"},
		{"exits", `function main() { console.log('before'); process.exit(3) }`, whisk.DeveloperError, "error"},
		{"text", `function main() { return 'text' }`, whisk.DeveloperError, "error"},
		{"fine", `function main() { return {fine: true} }`, whisk.Success, "fine"},
	} {
		a := b.action(t, tt.name, tt.code, nil)
		r := b.call(t, b.message(a, `{}`))
		wantResult(t, r, tt.status, tt.text)
		if tt.name == "exits" {
			wantLog(t, r, "stdout: before")
		}
	}
	gone := &whisk.Action{Meta: whisk.Meta{Namespace: "ns", Name: "gone", Version: whisk.FirstVersion()}}
	wantResult(t, b.call(t, b.message(gone, `{}`)), whisk.InternalError, "could not be found")
	lost := b.action(t, "lost", `x`, func(a *whisk.Action) { a.Exec.Attachment.SHA256 = strings.Repeat("0", 64) })
	wantResult(t, b.call(t, b.message(lost, `{}`)), whisk.InternalError, "could not be fetched")
	old := b.message(b.action(t, "old", `function main() { return {} }`, nil), `{}`)
	old.Deadline = time.Now().Add(-time.Second)
	wantResult(t, b.call(t, old), whisk.InternalError, "waited too long")
}

func TestTimeoutKeepsLogs(t *testing.T) {
	b := newBench(t)
	a := b.action(t, "slow", `function main() { console.log('before'); return new Promise(() => {}) }`,
		func(a *whisk.Action) { a.Limits.Timeout = 700 })
	r := b.call(t, b.message(a, `{}`))
	wantResult(t, r, whisk.DeveloperError, "700 milliseconds")
	wantLog(t, r, "stdout: before")
	if !r.Annotations.IsTrue("timeout") {
		t.Errorf("the annotation timeout is %s", r.Annotations.Get("timeout"))
	}
}

func TestInitParametersAreEnvironment(t *testing.T) {
	b := newBench(t)
	a := b.action(t, "env", `function main(args) {
		return {args: Object.keys(args).sort(), text: process.env.text, number: process.env.number, none: process.env.none,
			host: process.env.__OW_API_HOST, name: process.env.__OW_ACTION_NAME}
	}`, nil)
	m := b.message(a, `{"text":"a b","number":1.5,"none":null,"plain":1}`)
	m.InitNames = []string{"text", "number", "none", "absent"}
	r := b.call(t, m)
	var got struct {
		Args                           []string
		Text, Number, None, Host, Name string
	}
	if err := json.Unmarshal(r.Response.Result, &got); err != nil {
		t.Fatalf("%s: %v", r.Response.Result, err)
	}
	if !slices.Equal(got.Args, []string{"plain"}) || got.Text != "a b" || got.Number != "1.5" || got.None != "" ||
		got.Host != "https://api.example" || got.Name != "/ns/env" {
		t.Errorf("got %+v", got)
	}
}

func TestKeyIsGivenAsAnnotated(t *testing.T) {
	b := newBench(t)
	const code = `function main() { return {key: process.env.__OW_API_KEY || 'none'} }`
	for value, given := range map[string]bool{"": true, "true": true, "false": false, "0": false} {
		a := b.action(t, "key"+value, code, func(a *whisk.Action) {
			if value != "" {
				a.Annotations = whisk.Parameters{{Key: "provide-api-key", Value: []byte(value)}}
			}
		})
		want := "none"
		if given {
			want = b.user.Key.String()
		}
		wantResult(t, b.call(t, b.message(a, `{}`)), whisk.Success, `{"key":"`+want+`"}`)
	}
}

func TestContainerKilledBetweenCalls(t *testing.T) {
	b := newBench(t)
	a := b.action(t, "pid", `function main() { return {pid: process.pid} }`, nil)
	pids := map[int]bool{}
	for range 3 {
		r := b.call(t, b.message(a, `{}`))
		wantResult(t, r, whisk.Success, "pid")
		var got struct{ PID int }
		if err := json.Unmarshal(r.Response.Result, &got); err != nil || got.PID == 0 || pids[got.PID] {
			t.Fatalf("got %s, %v after %v; want another process", r.Response.Result, err, pids)
		}
		pids[got.PID] = true
		if err := syscall.Kill(got.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the pool knows", func() bool { return b.Stats() == pool.Stats{} })
	}
}

func TestTakenTwiceRunsOnce(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "runs")
	a := b.action(t, "append", `function main(args) { require('fs').appendFileSync(args.file, args.mark); return {} }`, nil)
	content := func(mark string) string { return string(whisk.Marshal(map[string]string{"file": file, "mark": mark})) }
	m := b.message(a, content("x"))
	m.Journaled, m.Blocking = true, false
	b.send(t, m)
	again := func() {
		t.Helper()
		if err := b.bus.Send(t.Context(), message.InvokerTopic(0), m); err != nil {
			t.Fatal(err)
		}
	}
	again() // delivered again while it is there
	if ack, record := b.end(t); ack.ID != m.ID || record != nil {
		t.Errorf("got acknowledgement %+v with %+v, want the end of %s alone", ack, record, m.ID)
	}
	again()                                                                   // and when it has ended
	wantResult(t, b.call(t, b.message(a, content("."))), whisk.Success, "{}") // the next one waited behind both
	if got, err := os.ReadFile(file); err != nil || string(got) != "x." {
		t.Errorf("the function ran %q, %v; want one x and one dot", got, err)
	}
	if err := b.recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if entries, err := b.store.Entries(t.Context(), store.JournalQuery{}); err != nil || len(entries) != 0 {
		t.Errorf("journal: got %+v, %v", entries, err)
	}
	if n, err := b.store.CountActivations(t.Context(), store.ActivationQuery{Namespace: "ns"}); err != nil || n != 2 {
		t.Errorf("got %d records, %v; want 2", n, err)
	}
}

func TestDrainHandsBack(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	for _, name := range []string{"started", "go"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := b.action(t, "wait", `const fs = require('fs')
		function main(args) { fs.writeFileSync(args.dir + '/started', 'x'); return {got: fs.readFileSync(args.dir + '/go', 'utf8')} }`, nil)
	var all []*message.Activation
	for range 3 {
		m := b.message(a, string(whisk.Marshal(map[string]string{"dir": dir})))
		m.Journaled, m.Blocking = true, false
		all = append(all, m)
	}
	all[2].Journaled, all[2].Blocking = false, true // its caller waits
	for _, m := range all {
		b.send(t, m)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "started")); err != nil { // returns when the function has written
		t.Fatal(err)
	}
	eventually(t, "two activations wait", func() bool { return b.Stats().Waiting == 2 })
	b.drain()
	ends := map[whisk.ActivationID]*whisk.Activation{}
	for range 2 {
		ack, record := b.end(t)
		ends[ack.ID] = record
	}
	if record, ok := ends[all[1].ID]; !ok || record != nil {
		t.Errorf("the journaled one that waited: ended %t with %+v, want its slot free and no result", ok, record)
	}
	if record := ends[all[2].ID]; record == nil || record.Response.Status != whisk.InternalError {
		t.Errorf("the blocking one that waited: got %+v, want an internal error", record)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("on"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.stop()
	if ack, _ := b.end(t); ack.ID != all[0].ID {
		t.Errorf("got the end of %s, want that of the running %s", ack.ID, all[0].ID)
	}
	record, err := b.recorder.Find(t.Context(), "ns", all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, record, whisk.Success, `{"got":"on"}`)
	if err := b.recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := b.store.Entries(t.Context(), store.JournalQuery{})
	if err != nil || len(entries) != 1 || entries[0].ID != all[1].ID || entries[0].Taker != "" {
		t.Errorf("journal: got %+v, %v; want %s, not taken", entries, err, all[1].ID)
	}
	if got := b.Stats(); got != (pool.Stats{}) {
		t.Errorf("after the end the pool holds %+v", got)
	}
}

// TestNamespaceBounds: what a namespace may do can have become less since its
// action was stored.
func TestNamespaceBounds(t *testing.T) {
	b := newBench(t)
	a := b.action(t, "long", `function main() { return {text: 'x'.repeat(2000)} }`, nil)
	memory, size := 128, whisk.Size(1000)
	tight := func(l whisk.NamespaceLimits) *message.Activation {
		m := b.message(a, "{}")
		m.User = &whisk.Identity{Subject: "ann", Namespace: "ns", Key: b.user.Key, Limits: l}
		return m
	}
	wantResult(t, b.call(t, tight(whisk.NamespaceLimits{MaxActionMemory: &memory})), whisk.ApplicationError,
		"requirement failed: memory size 256 MB exceeds allowed threshold of 128 MB")
	cut := whisk.Size(10)
	wantResult(t, b.call(t, tight(whisk.NamespaceLimits{MaxPayloadSize: &size, TruncationSize: &cut})), whisk.ApplicationError,
		`exceeded the allowed length: 2011 > 1000 bytes. The truncated response was: {\"text\":\"x"`)
	wantResult(t, b.call(t, tight(whisk.NamespaceLimits{})), whisk.Success, "xxx")
}

// TestActionDeleted: that an action was deleted under a call says nothing about the invoker.
func TestActionDeleted(t *testing.T) {
	b := newBench(t)
	a := b.action(t, "gone", "function main() {}", nil)
	m := b.message(a, "{}")
	if err := b.store.DeleteEntity(t.Context(), a.FullName().ID(), a.Revision); err != nil {
		t.Fatal(err)
	}
	b.send(t, m)
	ack, record := b.end(t)
	wantResult(t, record, whisk.InternalError, `{"error":"Action could not be found or may have been deleted."}`)
	if ack.SystemError {
		t.Error("the invoker is blamed for it")
	}
}
