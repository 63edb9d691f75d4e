package proxytest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quirl/proxy"
)

func commonCases() []testCase {
	return []testCase{
		{"init without code", testNoCode},
		{"init without anything", testNothing},
		{"result that is no object", testNonObject},
		{"second init", testSecondInit},
		{"run before init", testRunFirst},
		{"other entry point", testOtherEntry},
		{"echo", testEcho},
		{"environment at init", testInitEnvironment},
		{"environment at run", testRunEnvironment},
		{"argument of 1048561 bytes", testLargeArgument},
		{"unicode", testUnicode},
		{"state is kept", testState},
		{"output of 100 MB", testFlood},
		{"output without line end", testMidLine},
		{"output of child processes", testChild},
		{"no sentinels for those who do without", testSilent},
		{"large source", testLargeSource},
		{"code of 48 MB", testHugeCode},
		{"broken source", testBroken},
		{"process ends in run", testHardExit},
		{"process ends in init", testHardExitInit},
		{"SIGTERM", testTerminated},
		{"compiled code", testCompiled},
		{"warm is without a trace", testWarm},
		{"warm after init", testWarmLate},
		{"HTTP", testHTTP},
		{"HTTP errors", testHTTPErrors},
	}
}

const noCode = `{"error":"Missing main/no code to execute."}`

func testNoCode(t *testing.T, b *bench) {
	c := b.start(t)
	got := c.initWith(proxy.InitRequest{Name: "test", Main: "main"})
	if b.lang.each {
		c.wantJSON(got, http.StatusOK, `{"ok":true}`)
		c.wantError(c.run(`{}`), http.StatusOK, "no code")
		return
	}
	c.wantJSON(got, http.StatusForbidden, noCode)
	c.mustInit(b.lang.samples.echo) // it was not terminal
	c.wantSentinels(1)
}

func testNothing(t *testing.T, b *bench) {
	if b.lang.each {
		t.Skip("may be without code")
	}
	c := b.start(t)
	for _, body := range []string{"", "{}", "null", `{"value":{}}`, `{"value":null}`, `[]`, `{"value":"x"}`} {
		c.wantJSON(c.raw(1, post("/init", body))[0], http.StatusForbidden, noCode)
	}
}

func testNonObject(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.nonObject)
	c.wantError(c.run(`{}`), http.StatusBadGateway, "The action did not return a dictionary")
	c.logs(1)
}

func testSecondInit(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.echo)
	const text = "Cannot initialize the action more than once."
	c.wantJSON(c.init(b.lang.samples.nonObject), http.StatusForbidden, `{"error":"`+text+`"}`)
	c.wantInLog(c.stderr, text)
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`) // it was not terminal
	c.wantSentinels(1)
}

func testRunFirst(t *testing.T, b *bench) {
	c := b.start(t)
	if got := c.run(`{}`); got.status == http.StatusOK {
		t.Errorf("got %+v, want an error", got)
	}
	c.mustInit(b.lang.samples.echo)
	c.wantSentinels(0)
}

func testOtherEntry(t *testing.T, b *bench) {
	need(t, b.lang.samples.echoAsNiam)
	c := b.start(t)
	r := initRequest(b.lang.samples.echoAsNiam)
	r.Main = "niam"
	c.mustInitWith(r)
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`)
	c.wantLogs(1, "", "")
}

func testEcho(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.echo)
	values := []string{
		`{}`,
		`{"string":"hello"}`,
		`{"string":"❄ ☃ ❄"}`,
		`{"numbers":[42,1.5,-1,1e21,9007199254740991]}`,
		`{"object":{"a":"A","b":[true,false,null,{}]}}`,
		`{"odd":"\u0000\u001f\"\\\/\ud83d\ude00\u2028","":"empty name","__proto__":1}`,
		`[]`,
		`[1,"two",{"three":[3]}]`,
	}
	for _, value := range values {
		want := value
		if other, ok := b.lang.same[value]; ok {
			want = other
		}
		c.wantJSON(c.run(value), http.StatusOK, want)
	}
	c.wantLogs(len(values), strings.Repeat("hello stdout\n", len(values)), strings.Repeat("hello stderr\n", len(values)))
	c.wantSentinels(len(values))
}

// variables runs the environment sample and picks some variables.
func (c *cell) variables(names ...string) map[string]string {
	c.Helper()
	got := c.run(`{}`)
	var all, picked map[string]string
	if err := json.Unmarshal([]byte(got.body), &all); err != nil {
		c.Fatalf("got %+v: %v", got, err)
	}
	picked = map[string]string{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			picked[name] = value
		}
	}
	return picked
}

func testInitEnvironment(t *testing.T, b *bench) {
	c := b.start(t)
	r := initRequest(b.lang.samples.environment)
	r.Env = map[string]string{"SOME_VAR": "xyz", "ANOTHER_VAR": "", "UNICODE": "❄ ☃", "JSON": `{"a":[1]}`, "__OW_NAMESPACE": "init"}
	c.mustInitWith(r)
	want := map[string]string{"SOME_VAR": "xyz", "ANOTHER_VAR": "", "UNICODE": "❄ ☃", "JSON": `{"a":[1]}`}
	got := c.variables("SOME_VAR", "ANOTHER_VAR", "UNICODE", "JSON", "QUIRL_LISTEN_FD")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testRunEnvironment(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.environment)
	want := map[string]string{
		"__OW_API_HOST": apiHost, "__OW_API_KEY": "u:k", "__OW_NAMESPACE": "xxx", "__OW_ACTION_NAME": "/xxx/action",
		"__OW_ACTION_VERSION": "0.0.1", "__OW_ACTIVATION_ID": "0123456789abcdef0123456789abcdef",
		"__OW_TRANSACTION_ID": "tid", "__OW_DEADLINE": "1700000061000", "TZ": "UTC",
	}
	got := c.variables("__OW_API_HOST", "__OW_API_KEY", "__OW_NAMESPACE", "__OW_ACTION_NAME", "__OW_ACTION_VERSION",
		"__OW_ACTIVATION_ID", "__OW_TRANSACTION_ID", "__OW_DEADLINE", "__OW_VALUE", "TZ", "NODE_EXTRA_CA_CERTS")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testLargeArgument(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.echo)
	value := `{"arg":"` + strings.Repeat("a", 1048561) + `"}`
	c.wantJSON(c.run(value), http.StatusOK, value)
}

func testUnicode(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.unicode)
	c.wantJSON(c.run(`{"delimiter":"❄"}`), http.StatusOK, `{"winter":"❄ ☃ ❄"}`)
	c.wantLogs(1, "❄ ☃ ❄\n", "")
}

func testState(t *testing.T, b *bench) {
	need(t, b.lang.samples.counter)
	c := b.start(t)
	c.mustInit(b.lang.samples.counter)
	for n := range 3 {
		c.wantJSON(c.run(`{}`), http.StatusOK, fmt.Sprintf(`{"n":%d}`, n+1))
	}
}

func testFlood(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.flood)
	lines := 1_000_000
	if testing.Short() {
		lines = 50_000
	}
	got := c.run(fmt.Sprintf(`{"lines":%d}`, lines))
	if got.status != http.StatusOK {
		t.Fatalf("got %+v", got)
	}
	c.logs(1)
	if got, want := c.stdout.length(), lines*100+len(sentinel); got != want {
		t.Errorf("got %d bytes, want %d", got, want)
	}
}

func testMidLine(t *testing.T, b *bench) {
	need(t, b.lang.samples.midLine)
	c := b.start(t)
	c.mustInit(b.lang.samples.midLine)
	c.run(`{}`)
	c.wantLogs(1, "no line end\n", "no line end\n")
}

func testChild(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.child)
	c.wantJSON(c.run(`{}`), http.StatusOK, `{}`)
	c.wantLogs(1, "1\n2\n3\n", "")
}

// testSilent: who can do without sentinels is told when there were none. A run that
// prints has them unless nobody wants any, and so has one of a caller that does not
// ask; a line without end does not get into the next run.
func testSilent(t *testing.T, b *bench) {
	need(t, b.lang.samples.midLine)
	silent := func(c *cell, sentinels proxy.Sentinels) bool {
		t.Helper()
		r := runRequest(`{"n":1}`)
		r.Sentinels = sentinels
		out, err := c.client.Run(c.ctx, r)
		if err != nil || out.Status != http.StatusOK {
			t.Fatalf("got %+v, %v", out, err)
		}
		return out.Silent
	}
	quiet := b.start(t)
	quiet.mustInit(b.lang.samples.large)
	for range 3 {
		if !silent(quiet, proxy.IfPrinted) || !silent(quiet, proxy.Never) {
			t.Error("nothing was printed, and the runtime does not say so")
		}
	}
	quiet.run(`{}`)
	quiet.wantSentinels(1)
	loud := b.start(t)
	loud.mustInit(b.lang.samples.midLine)
	if silent(loud, proxy.IfPrinted) {
		t.Error("something was printed, and the runtime says that nothing was")
	}
	loud.wantLogs(1, "no line end\n", "no line end\n")
	if !silent(loud, proxy.Never) {
		t.Error("nobody wanted sentinels, and the runtime says that there were some")
	}
	if silent(loud, proxy.Always) {
		t.Error("the runtime says that there were no sentinels")
	}
	loud.wantLogs(2, "no line end\nno line endno line end\n", "no line end\nno line endno line end\n")
}

func testLargeSource(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.large)
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`)
	c.wantLogs(1, "", "")
}

// The code is no archive, so it is refused; that is told only when all was received.
func testHugeCode(t *testing.T, b *bench) {
	if testing.Short() {
		t.Skip("needs time")
	}
	c := b.start(t)
	r := initRequest(strings.Repeat("AAAA", 16<<20))
	r.Binary = true
	if b.lang.each { // it is a program, until somebody tries
		c.mustInitWith(r)
		c.wantError(c.run(`{}`), http.StatusBadGateway)
		return
	}
	c.wantError(c.initWith(r), http.StatusBadGateway)
}

func testBroken(t *testing.T, b *bench) {
	need(t, b.lang.samples.broken)
	c := b.start(t)
	c.wantError(c.init(b.lang.samples.broken), http.StatusBadGateway)
	_, stderr := c.logs(1)
	for _, word := range []string{"error", "syntax"} {
		if !strings.Contains(strings.ToLower(stderr), word) {
			t.Errorf("log lacks %q:\n%s", word, stderr)
		}
	}
	if got := c.run(`{}`); got.status == http.StatusOK {
		t.Errorf("run after failed init: got %+v", got)
	}
	c.wantJSON(c.init(b.lang.samples.echo), http.StatusForbidden, `{"error":"Cannot initialize the action more than once."}`)
	c.wantSentinels(1)
}

func testHardExit(t *testing.T, b *bench) {
	need(t, b.lang.samples.hardExit)
	c := b.start(t)
	c.mustInit(b.lang.samples.hardExit)
	got := c.run(`{}`)
	c.wantInLog(c.stdout, "before the end\n")
	if b.lang.loop {
		c.wantJSON(got, http.StatusBadRequest, `{"error":"command exited"}`)
		c.wantError(c.run(`{}`), http.StatusInternalServerError, "no action defined yet")
		c.wantSentinels(1)
		return
	}
	if got != closed {
		t.Errorf("got %+v, want a closed connection", got)
	}
	<-c.container.Done()
	if got := c.container.Exit().Code; got != 3 {
		t.Errorf("got exit code %d, want 3", got)
	}
}

func testHardExitInit(t *testing.T, b *bench) {
	need(t, b.lang.samples.exitInInit)
	c := b.start(t)
	got := c.init(b.lang.samples.exitInInit)
	c.wantInLog(c.stdout, "before the end\n")
	if b.lang.loop {
		c.wantJSON(got, http.StatusBadGateway, dead)
		c.wantSentinels(1)
		return
	}
	if got != closed {
		t.Errorf("got %+v, want a closed connection", got)
	}
}

func testTerminated(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.terminated)
	c.run(`{}`)
	<-c.container.Done()
	if got := c.container.Exit().Code; got != 0 {
		t.Errorf("got exit code %d, want 0", got)
	}
}

func testWarm(t *testing.T, b *bench) {
	var environments [2]string
	for i := range environments {
		c := b.start(t)
		for range 2 * i { // the second time warmed, twice
			out, err := c.client.Warm(c.ctx)
			c.wantJSON(c.reply(out, err), http.StatusOK, `{"ok":true}`)
		}
		if err := c.container.Pause(c.ctx); err != nil { // as stem cells are
			t.Fatal(err)
		}
		if err := c.container.Resume(c.ctx); err != nil {
			t.Fatal(err)
		}
		c.mustInit(b.lang.samples.environment)
		environments[i] = withoutHostname(t, c.run(`{}`).body)
		c.wantLogs(1, "", "")
	}
	if diff := cmp.Diff(environments[0], environments[1]); diff != "" {
		t.Errorf("warming changed the environment:\n%s", diff)
	}
}

// withoutHostname takes away what differs between containers.
func withoutHostname(t *testing.T, body string) string {
	t.Helper()
	var variables map[string]string
	if err := json.Unmarshal([]byte(body), &variables); err != nil {
		t.Fatal(err)
	}
	delete(variables, "HOSTNAME")
	text, err := json.MarshalIndent(variables, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func testWarmLate(t *testing.T, b *bench) {
	need(t, b.lang.samples.counter)
	c := b.start(t)
	c.mustInit(b.lang.samples.counter)
	out, err := c.client.Warm(c.ctx)
	c.wantError(c.reply(out, err), http.StatusForbidden, "Cannot warm")
	c.wantJSON(c.run(`{}`), http.StatusOK, `{"n":1}`)
	c.wantSentinels(1)
}

func testHTTP(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.echo)
	const body = `{"value":{"a":"❄"}}`
	want := reply{http.StatusOK, `{"a":"❄"}`}
	chunked := "POST /run HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"5;x=y\r\n{\"val\r\n" + fmt.Sprintf("%X\r\n%s\r\n", len(body)-5, body[5:]) + "0\r\nTrailer: x\r\n\r\n"
	for _, tt := range []struct {
		name   string
		n      int
		pieces []string
	}{
		{"in one piece", 1, []string{post("/run", body)}},
		{"byte by byte", 1, strings.Split(post("/run", body), "")},
		{"three in one piece", 3, []string{strings.Repeat(post("/run", body), 3)}},
		{"chunked", 1, []string{chunked}},
		{"chunked, twice, byte by byte", 2, strings.Split(chunked+chunked, "")},
		{"field names in upper case", 1, []string{strings.Replace(post("/run", body), "Content-Length", "CONTENT-LENGTH", 1)}},
		{"HTTP/1.0", 1, []string{strings.Replace(post("/run", body), "HTTP/1.1", "HTTP/1.0", 1)}},
		{"close", 1, []string{post("/run", body, "Connection: close\r\n")}},
	} {
		for _, got := range c.raw(tt.n, tt.pieces...) {
			if got != want {
				t.Errorf("%s: got %+v, want %+v", tt.name, got, want)
			}
		}
	}
	testExpect(c, body, want)
}

// testExpect sends the body only when asked to.
func testExpect(c *cell, body string, want reply) {
	c.Helper()
	conn, in := c.connect()
	head, rest, _ := strings.Cut(post("/run", body, "Expect: 100-continue\r\n"), "\r\n\r\n")
	for i, piece := range []string{head + "\r\n\r\n", rest} {
		if _, err := io.WriteString(conn, piece); err != nil {
			c.Fatal(err)
		}
		got := c.next(in)
		if i == 0 && got.status != http.StatusContinue || i == 1 && got != want {
			c.Errorf("expecting 100-continue, answer %d: got %+v", i, got)
		}
	}
}

func testHTTPErrors(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(b.lang.samples.echo)
	for _, tt := range []struct {
		name, text string
	}{
		{"unknown path", post("/other", "{}")},
		{"unknown method", strings.Replace(post("/run", "{}"), "POST", "GET", 1)},
		{"invalid JSON", post("/run", "{")},
		{"invalid UTF-8 outside of JSON", post("/run", "\xff")},
		{"no HTTP", "hello\r\n\r\n"},
		{"other version", "POST /run HTTP/3.0\r\n\r\n"},
		{"bad length", "POST /run HTTP/1.1\r\nContent-Length: -1\r\n\r\n"},
		{"two lengths", "POST /run HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"},
		{"too long", "POST /run HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n"},
		{"bad chunk", "POST /run HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"},
		{"chunk longer than said", "POST /run HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n"},
		{"other coding", "POST /run HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"},
		{"endless head", "POST /run HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 20_000)},
	} {
		got := c.raw(1, tt.text)[0]
		if got.status < 400 || !strings.Contains(got.body, `"error"`) {
			t.Errorf("%s: got %+v, want an error", tt.name, got)
		}
	}
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`) // it was nobody else's problem
	c.wantSentinels(1)
}
