package proxytest

import (
	"archive/zip"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nodeHardExit ends the process when it is called.
const nodeHardExit = `function main() { console.log("before the end"); process.exit(3); }`

func nodejs() language {
	return language{
		samples: samples{
			echo:        `function main(args) { console.log("hello stdout"); console.error("hello stderr"); return args; }`,
			echoAsNiam:  `function niam(args) { return args; }`,
			nonObject:   `function main() { return "x"; }`,
			environment: `function main() { return process.env; }`,
			unicode:     `function main(args) { var s = args.delimiter + " ☃ " + args.delimiter; console.log(s); return { winter: s }; }`,
			flood:       `function main(args) { for (let i = 0; i < args.lines; i++) console.log("x".repeat(99)); return {}; }`,
			midLine:     `function main() { process.stdout.write("no line end"); process.stderr.write("no line end"); return {}; }`,
			large:       "function main(args) { return args; }\n" + strings.Repeat("// a line of a large source, which says nothing\n", 12_000),
			broken:      "function main() {\n  return {};\n",
			hardExit:    nodeHardExit,
			exitInInit:  nodeHardExit + "\nmain({})\n",
			terminated:  `function main() { return new Promise(() => process.kill(process.pid, "SIGTERM")); }`,
			child: `function main() {
				console.log("1");
				require("child_process").execFileSync("/bin/echo", ["2"], { stdio: "inherit" });
				console.log("3");
				return {};
			}`,
			counter: `let n = 0; function main() { return { n: ++n }; }`,
		},
		cases: []testCase{
			{"results", testNodeResults},
			{"broken results", testNodeBrokenResults},
			{"sources", testNodeSources},
			{"init errors", testNodeInitErrors},
			{"exceptions", testNodeExceptions},
			{"exception while idle", testNodeIdleException},
			{"rejected errors are serialised", testNodeSerialisedErrors},
			{"streams", testNodeStreams},
			{"concurrent run is refused", testNodeRefusesConcurrency},
			{"concurrent runs when allowed", testNodeConcurrency},
			{"shared output has owners", testNodeSharedOutput},
			{"archives", testNodeArchives},
			{"archive errors", testNodeArchiveErrors},
			{"unsafe archives", testNodeUnsafeArchives},
			{"dependencies without npm", testNodeDependencies},
			{"installed packages", testNodePackages},
			{"the collector can be called", testNodeCollector},
			{"without the bindings of sockets", testNodeWithoutBindings},
		},
	}
}

func testNodeResults(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, code, want string }{
		{"nothing", `function main() { return; }`, `{}`},
		{"error is an answer", `function main() { return { error: "sorry" }; }`, `{"error":"sorry"}`},
		{"promise", `function main() { return new Promise((f) => setTimeout(() => f({ done: true }), 10)); }`, `{"done":true}`},
		{"promise of nothing", `function main() { return Promise.resolve(); }`, `{}`},
		{"thenable", `function main() { return { then(f) { f({ a: 1 }); } }; }`, `{"a":1}`},
		{"async", `async function main(args) { await null; return args; }`, `{"a":1}`},
		{"rejected with value", `function main() { return Promise.reject({ msg: "failed activation on purpose" }); }`, `{"error":{"msg":"failed activation on purpose"}}`},
		{"rejected with text", `function main() { return Promise.reject("no"); }`, `{"error":"no"}`},
		{"rejected with nothing", `function main() { return Promise.reject(); }`, `{"error":{}}`},
		{"toJSON", `function main() { return { toJSON() { return { a: 1 }; } }; }`, `{"a":1}`},
		{"array", `function main() { return [1, undefined]; }`, `[1,null]`},
		{"what JSON leaves out", `function main() { return { a: undefined, b() {}, c: new Date(0) }; }`, `{"c":"1970-01-01T00:00:00.000Z"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit(tt.code)
			c.wantJSON(c.run(`{"a":1}`), http.StatusOK, tt.want)
			c.wantLogs(1, "", "")
		})
	}
}

func testNodeBrokenResults(t *testing.T, b *bench) {
	const noObject = "The action did not return a dictionary."
	for _, tt := range []struct{ name, value, want string }{
		{"number", `1`, noObject},
		{"null", `null`, noObject},
		{"function", `main`, noObject},
		{"symbol", `Symbol("x")`, noObject},
		{"bigint", `1n`, "An error has occurred: TypeError"},
		{"bigint inside", `{ a: 1n }`, "An error has occurred: TypeError"},
		{"date", `new Date(0)`, noObject},
		{"circular", `((o) => o.o = o)({})`, "An error has occurred: TypeError: Converting circular structure to JSON"},
		{"toJSON that throws", `{ toJSON() { throw "up"; } }`, "An error has occurred: up"},
		{"promise of a text", `Promise.resolve("x")`, noObject},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit(`function main() { return ` + tt.value + `; }`)
			want := b.lang.worded(tt.name, tt.want)
			c.wantError(c.run(`{}`), http.StatusBadGateway, want...)
			c.wantError(c.run(`{}`), http.StatusBadGateway, want...)
			c.wantSentinels(2)
		})
	}
}

func testNodeSources(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, main, code string }{
		{"arrow", "main", `const main = (args) => args;`},
		{"comment at the end", "main", `function main(args) { return args; } // that's it`},
		{"strict", "main", `"use strict"; const main = (args) => args;`},
		{"implicit global", "main", `main = function (args) { x = args; return x; }`},
		{"default parameter", "main", `function main({ a = 7, b = 8 }) { return { a, ...(b === 8 ? {} : { b }) }; }`},
		{"exports", "main", `exports.main = (args) => args;`},
		{"module.exports", "main", `module.exports.main = (args) => args;`},
		{"module.exports replaced", "main", `module.exports = { main(args) { return args; } };`},
		{"exports under another name", "niam", `exports.niam = (args) => args;`},
		{"webpacked", "main", `(()=>{var e={1:(e,t)=>{t.main=function(e){return e}}},t={};function r(o){var n=t[o]={exports:{}};return e[o](n,n.exports,r),n.exports}global.main=r(1).main})();`},
		{"member", "a.b", `const a = { c: 1, b(args) { return this.c ? args : {}; } };`},
		{"require", "main", `const { join } = require("path"); function main(args) { return join("a", "b") === "a/b" ? args : {}; }`},
		{"require of node:", "main", `const fs = require("node:fs"); function main(args) { return fs.existsSync("/") ? args : {}; }`},
		{"dynamic import", "main", `async function main(args) { const { join } = await import("path"); return join("a", "b") === "a/b" ? args : {}; }`},
		{"module syntax", "main", `import { join } from "path"; export function main(args) { return join("a", "b") === "a/b" ? args : {}; }`},
		{"module syntax, default", "main", `export default (args) => args;`},
		{"module syntax, list", "niam", "const niam = (args) => args;\nexport { niam };"},
		{"top-level await", "main", "const x = await Promise.resolve(1);\nexport const main = (args) => x ? args : {};"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			r := initRequest(tt.code)
			r.Main = tt.main
			c.mustInitWith(r)
			c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`)
			c.wantLogs(1, "", "")
		})
	}
}

func testNodeInitErrors(t *testing.T, b *bench) {
	const failed = "Initialization has failed due to: "
	for _, tt := range []struct {
		name, main, code string
		want             []string
	}{
		{"syntax error", "main", "function main( {", []string{failed, "SyntaxError"}},
		{"syntax error in a module", "main", "import x from 'path';\nexport function main( {", []string{failed, "SyntaxError"}},
		{"no such function", "niam", `function main() {}`, []string{failed, "ReferenceError: niam is not defined"}},
		{"no function", "main", `const main = 1;`, []string{failed, "Action entrypoint 'main' is not a function."}},
		{"no name of a function", "main()", `function main() {}`, []string{failed, "Action entrypoint 'main()' is not a function."}},
		{"throws", "main", `throw new RangeError("on purpose")`, []string{failed, "RangeError: on purpose", "action-code.js:1"}},
		{"throws a text", "main", `throw "on purpose"`, []string{failed + "on purpose"}},
		{"throws nothing", "main", `throw undefined`, []string{failed + "undefined"}},
		{"missing import", "main", `import "no-such-package"; export function main() {}`, []string{failed, "no-such-package"}},
		{"throws later", "main", "setTimeout(() => { throw new Error('later'); });\nawait new Promise(() => {});\nexport function main() {}", []string{failed, "Error: later"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			r := initRequest(tt.code)
			r.Main = tt.main
			c.wantError(c.initWith(r), http.StatusBadGateway, b.lang.worded(tt.name, tt.want...)...)
			if _, stderr := c.logs(1); !strings.Contains(stderr, "Error during initialization: ") {
				t.Errorf("log lacks the error:\n%s", stderr)
			}
		})
	}
}

func testNodeExceptions(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, code, want, log string }{
		{"text", `function main() { throw "nooooo"; }`, "An error has occurred: nooooo", "nooooo"},
		{"error", `function main() { throw new Error("Extraordinary exception"); }`, "An error has occurred: Error: Extraordinary exception", "at main ("},
		{"nothing", `function main() { throw null; }`, "An error has occurred: null", "null"},
		{"no text at all", `function main() { throw Object.create(null); }`, "An error has occurred: [object Object]", "[object Object]"},
		{"missing package", `function main() { require("no-such-package"); }`, "Cannot find module", "Error"},
		{"later", `function main() { setTimeout(() => { throw new Error("later"); }, 1); return new Promise(() => {}); }`, "An error has occurred: Error: later", "Error: later"},
		{"lost promise", `function main() { Promise.reject(new Error("lost")); return new Promise(() => {}); }`, "An error has occurred: Error: lost", "Error: lost"},
		{"event", `function main() { require("net").connect("/no/such/socket"); return new Promise(() => {}); }`, "ENOENT", "ENOENT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit(tt.code)
			c.wantError(c.run(`{}`), http.StatusBadGateway, tt.want)
			want := b.lang.worded(tt.name, tt.log)[0]
			if _, stderr := c.logs(1); !strings.Contains(stderr, want) {
				t.Errorf("log lacks %q:\n%s", want, stderr)
			}
			c.wantError(c.run(`{}`), http.StatusForbidden, "System not ready, status is stopped.")
			c.wantSentinels(1)
		})
	}
}

func testNodeIdleException(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(`function main() { setTimeout(() => { throw new Error("later"); }, 1); return {}; }`)
	c.wantJSON(c.run(`{}`), http.StatusOK, `{}`)
	<-c.container.Done()
	if got := c.container.Exit().Code; got != 1 {
		t.Errorf("got exit code %d, want 1", got)
	}
	c.wantInLog(c.stderr, "Error: later")
}

func testNodeSerialisedErrors(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(`async function main() {
		const e = new TypeError("outer", { cause: new Error("inner") });
		e.code = "E"; e.self = e; e.big = 1n; e.call = () => 1; e.list = [Buffer.from("x"), undefined, new Date(0)];
		e.cause.stack = e.stack = "stack";
		throw e;
	}`)
	c.wantJSON(c.run(`{}`), http.StatusOK, `{"error":{"name":"TypeError","message":"outer","stack":"stack","code":"E","big":"1",
		"self":"[Circular]","list":["[object Buffer]",null,"1970-01-01T00:00:00.000Z"],
		"cause":{"name":"Error","message":"inner","stack":"stack"}}}`)
	c.wantLogs(1, "", "")
}

func testNodeStreams(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(`
		const { Console } = require("console");
		async function main() {
			await new Promise((f) => process.stdout.write("callback ", f));
			process.stdout.write(Buffer.from("buffer "));
			process.stdout.write("e9", "hex");
			process.stdout.write("\n");
			console.log("%s %d %j", "format", 1, { a: 1 });
			console.table([{ a: 1 }]);
			new Console(process.stdout, process.stderr).error("other console");
			require("stream").Readable.from(["piped\n"]).pipe(process.stdout, { end: false });
			await new Promise((f) => setImmediate(f));
			console.log(process.stdout.fd, process.stderr.fd, process.stdout.isTTY, process.stdout.writable);
			process.stdout.write = () => true; // the sentinel does not depend on it
			console.log("swallowed");
			return {};
		}`)
	c.wantJSON(c.run(`{}`), http.StatusOK, `{}`)
	stdout, stderr := c.logs(1)
	stdout, _, _ = strings.Cut(stdout, "swallowed")
	for _, want := range []string{"callback buffer \xe9\n", "format 1 {\"a\":1}\n", "(index)", "piped\n", "1 2 undefined true\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("standard output lacks %q:\n%s", want, stdout)
		}
	}
	if diff := cmp.Diff("other console\n", stderr); diff != "" {
		t.Error(diff)
	}
}

// gate makes an activation wait until another one opens it.
const gate = `let open; const opened = new Promise((f) => { open = f; });
	async function main(args) { if (args.open) { open(); return { id: args.id }; } console.log("waiting"); await opened; return { id: args.id }; }`

func testNodeRefusesConcurrency(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(`function main() { console.log("waiting"); return new Promise(() => {}); }`)
	go func() { _, _ = c.client.Run(c.ctx, runRequest(`{}`)) }() // ended by the container's end
	c.wantInLog(c.stdout, "waiting")
	const text = "System not ready, status is running."
	c.wantJSON(c.run(`{}`), http.StatusForbidden, `{"error":"`+text+`"}`)
	c.wantInLog(c.stderr, text)
	c.wantSentinels(0)
}

func testNodeConcurrency(t *testing.T, b *bench) {
	c := b.start(t, "__OW_ALLOW_CONCURRENT=true")
	c.mustInit(gate)
	first := make(chan reply)
	go func() {
		out, err := c.client.Run(c.ctx, runRequest(`{"id":1}`))
		if err != nil {
			out.Body = []byte(err.Error())
		}
		first <- reply{out.Status, string(out.Body)}
	}()
	c.wantInLog(c.stdout, "waiting")
	c.wantJSON(c.run(`{"id":2,"open":true}`), http.StatusOK, `{"id":2}`)
	c.wantJSON(<-first, http.StatusOK, `{"id":1}`)
	c.wantSentinels(2)
}

// testNodeSharedOutput lets two activations print in turns: after each line ours
// says whose it was, or what follows.
func testNodeSharedOutput(t *testing.T, b *bench) {
	c := b.start(t)
	request := initRequest(`let open; const opened = new Promise((f) => { open = f; });
		async function main(args) {
			console.log("begin", args.id);
			process.stdout.write("half ");
			if (args.open) { open(); } else { await opened; }
			await new Promise((f) => setTimeout(f, 5));
			console.log("end", args.id);
			process.stderr.write("no line end " + args.id);
			return { id: args.id };
		}`)
	request.Shared = true
	c.mustInitWith(request)
	run := func(id string, value string) reply {
		r := runRequest(value)
		r.ActivationID = id
		return c.reply(c.client.Run(c.ctx, r))
	}
	first := make(chan reply)
	go func() { first <- run("a", `{"id":"a"}`) }()
	c.wantInLog(c.stdout, "begin a")
	c.wantJSON(run("b", `{"id":"b","open":true}`), http.StatusOK, `{"id":"b"}`)
	c.wantJSON(<-first, http.StatusOK, `{"id":"a"}`)
	c.wantSentinels(2)
	c.remove()
	wantOwners(t, c.stdout.String(), map[string]string{"a": "begin a\nhalf end a\n" + sentinel, "b": "begin b\nhalf end b\n" + sentinel})
	wantOwners(t, c.stderr.String(), map[string]string{"a": "no line end a\n" + sentinel, "b": "no line end b\n" + sentinel})
}

// wantOwners puts the output of each activation together again.
func wantOwners(t *testing.T, output string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	owner := ""
	for line := range strings.Lines(output) {
		if id, ok := strings.CutPrefix(line, "XXX_QUIRL_OUTPUT_OF_XXX "); ok {
			owner = strings.TrimSpace(id)
			continue
		}
		got[owner] += line
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output by activation (-want +got):\n%s", diff)
	}
}

const packageJSON = `{"name":"test","version":"1.0.0"}`

func testNodeArchives(t *testing.T, b *bench) {
	echo := "exports.main = (args) => args;"
	index := file{name: "index.js", content: echo}
	for _, tt := range []struct{ name, main, code, want string }{
		{"index.js", "main", zipped(t, zip.Deflate, index), `{"a":1}`},
		{"stored", "main", zipped(t, zip.Store, index), `{"a":1}`},
		{"tar.gz", "main", tarred(t, index), `{"a":1}`},
		{"tar.gz with ./", "main", tarred(t, file{name: "./index.js", content: echo}), `{"a":1}`},
		{"tar.gz with a long name", "main", tarred(t, file{name: "index.js", content: "module.exports = require('./" + strings.Repeat("long/", 40) + "x');"}, file{name: strings.Repeat("long/", 40) + "x.js", content: echo}), `{"a":1}`},
		{"package.json", "main", zipped(t, zip.Deflate, file{name: "package.json", content: packageJSON}, index), `{"a":1}`},
		{
			"package.json with main", "main",
			zipped(t, zip.Deflate, file{name: "package.json", content: `{"main":"src/start.js"}`}, file{name: "src/start.js", content: echo}), `{"a":1}`,
		},
		{
			"package.json with main without .js", "main",
			zipped(t, zip.Deflate, file{name: "package.json", content: `{"main":"./src"}`}, file{name: "src/index.js", content: echo}), `{"a":1}`,
		},
		{"other function", "niam", zipped(t, zip.Deflate, file{name: "index.js", content: "exports.niam = (args) => args;"}), `{"a":1}`},
		{
			"nested function", "nested.func",
			zipped(t, zip.Deflate, file{name: "index.js", content: "exports.nested = { func: (args) => args };"}), `{"a":1}`,
		},
		{
			"module and function", "other.func",
			zipped(t, zip.Deflate, file{name: "index.js", content: ""}, file{name: "other.js", content: "exports.func = (args) => args;"}), `{"a":1}`,
		},
		{
			"module and function alone", "lib/other.func",
			zipped(t, zip.Deflate, file{name: "lib/other.js", content: "exports.func = (args) => args;"}), `{"a":1}`,
		},
		{
			"own modules", "main",
			zipped(t, zip.Deflate, file{name: "index.js", content: "exports.main = () => require('openwhisk');"}, file{name: "node_modules/openwhisk/index.js", content: "module.exports = { own: true };"}), `{"own":true}`,
		},
		{
			"working directory", "main",
			zipped(t, zip.Deflate, file{name: "index.js", content: `exports.main = () => ({ same: process.cwd() === __dirname, text: require("fs").readFileSync("data/file.txt", "utf8") });`}, file{name: "data/file.txt", content: "content"}), `{"same":true,"text":"content"}`,
		},
		{
			"executable", "main",
			zipped(t, zip.Deflate, file{name: "index.js", content: `exports.main = () => ({ text: require("child_process").execFileSync("./tool", { encoding: "utf8" }) });`}, file{name: "tool", content: "#!/bin/sh\nprintf tool", mode: 0o755}), `{"text":"tool"}`,
		},
		{"empty folder", "main", zipped(t, zip.Deflate, index, file{name: "empty/", mode: 0o755}), `{"a":1}`},
		{
			"type module", "main",
			zipped(t, zip.Deflate, file{name: "package.json", content: `{"type":"module"}`}, file{name: "index.js", content: "import { join } from 'path';\nexport const main = (args) => join('a') ? args : {};"}), `{"a":1}`,
		},
		{
			"type module with await", "main",
			zipped(t, zip.Deflate, file{name: "package.json", content: `{"type":"module"}`}, file{name: "index.js", content: "const x = await 1;\nexport const main = (args) => x ? args : {};"}), `{"a":1}`,
		},
		{"index.mjs", "main", zipped(t, zip.Deflate, file{name: "index.mjs", content: "export default (args) => args;"}), `{"a":1}`},
		{"unicode", "main", zipped(t, zip.Deflate, file{name: "index.js", content: `exports.main = () => require("./❄.json");`}, file{name: "❄.json", content: `{"☃":"é"}`}), `{"☃":"é"}`},
	} {
		t.Run(tt.name, func(t *testing.T) { b.runArchive(t, tt.code, tt.main, tt.want) })
	}
}

func testNodeArchiveErrors(t *testing.T, b *bench) {
	const neither = "Zipped actions must contain either package.json or index.js at the root."
	for _, tt := range []struct {
		name, code string
		want       []string
	}{
		{"no index", zipped(t, zip.Deflate, file{name: "main.js", content: "exports.main = 1;"}), []string{neither}},
		{"empty", zipped(t, zip.Deflate), []string{neither}},
		{"main is missing", zipped(t, zip.Deflate, file{name: "package.json", content: `{"main":"missing.js"}`}), []string{"Cannot find module", "missing.js"}},
		{"package.json is broken", zipped(t, zip.Deflate, file{name: "package.json", content: `{`}), []string{"JSON"}},
		{"no function", zipped(t, zip.Deflate, file{name: "index.js", content: ""}), []string{"Action entrypoint 'main' is not a function."}},
		{"syntax error in a file", zipped(t, zip.Deflate, file{name: "index.js", content: "("}), []string{"SyntaxError"}},
		{"no archive", "aGVsbG8=", []string{"There was an error uncompressing the action archive."}},
		{"nonsense", "!!!", []string{"There was an error uncompressing the action archive."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.wantError(c.initWith(binaryRequest(tt.code)), http.StatusBadGateway, append(b.lang.worded(tt.name, tt.want...), "Initialization has failed due to: ")...)
			if _, stderr := c.logs(1); !strings.Contains(stderr, "Error") {
				t.Errorf("log lacks the error:\n%s", stderr)
			}
		})
	}
}

func testNodeUnsafeArchives(t *testing.T, b *bench) {
	for name, code := range unsafeArchives(t, file{name: "index.js", content: "exports.main = (args) => args;"}) {
		t.Run(name, func(t *testing.T) {
			c := b.start(t)
			c.wantError(c.initWith(binaryRequest(code)), http.StatusBadGateway, "There was an error uncompressing the action archive.")
		})
	}
}

func testNodeDependencies(t *testing.T, b *bench) {
	c := b.start(t)
	r := binaryRequest(zipped(t, zip.Deflate,
		file{name: "package.json", content: `{"dependencies":{"no-such-package":"1.0.0"}}`},
		file{name: "index.js", content: "exports.main = (args) => args;"}))
	r.Env = map[string]string{"OW_ENABLE_INIT_INSTALL": "false"}
	c.mustInitWith(r)
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`)
	c.wantLogs(1, "", "")

	c = b.start(t)
	r.Env = map[string]string{"PATH": "/no/such/folder"} // npm is not to be had
	c.mustInitWith(r)
	c.wantInLog(c.stderr, "npm install: ")
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`)
}

func testNodeCollector(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(`function main() { gc(); global.gc(); const type = typeof gc; global.gc = undefined; return { type, after: typeof gc }; }`)
	c.wantJSON(c.run(`{}`), http.StatusOK, `{"type":"function","after":"undefined"}`)
}

// testNodeWithoutBindings: where Node keeps its sockets to itself, its own module
// for them serves.
func testNodeWithoutBindings(t *testing.T, b *bench) {
	c := b.start(t, "NODE_OPTIONS=--import=data:text/javascript,process.binding=undefined")
	c.mustInit(`function main(args) { return { text: args.text, binding: typeof process.binding }; }`)
	long := strings.Repeat("❄", 400_000)
	c.wantJSON(c.run(`{"text":"`+long+`"}`), http.StatusOK, `{"text":"`+long+`","binding":"undefined"}`)
}
