package proxytest

import (
	"archive/zip"
	"net/http"
	"strings"
	"testing"
)

const rustUse = "use serde_json::{json, Error, Value};\n"

// rustMain is the source of a function with a body.
func rustMain(body string) string {
	return rustUse + "pub fn main(args: Value) -> Result<Value, Error> {\n" + body + "\n}\n"
}

// rustInit is the source of code that runs when the program is loaded.
func rustInit(body string) string {
	return "#[used]\n#[link_section = \".init_array\"]\nstatic INIT: extern \"C\" fn() = init;\nextern \"C\" fn init() {\n" + body + "\n}\n"
}

func rust() language {
	return language{
		loop:     true,
		compiles: true,
		samples: samples{
			echo:        rustMain(`println!("hello stdout"); eprintln!("hello stderr"); Ok(args)`),
			echoAsNiam:  rustUse + "pub fn niam(args: Value) -> Result<Value, Error> { Ok(args) }",
			nonObject:   rustMain(`Ok(json!("x"))`),
			environment: rustMain(`Ok(json!(std::env::vars().collect::<std::collections::HashMap<_, _>>()))`),
			unicode:     rustMain(`let d = args["delimiter"].as_str().unwrap_or(""); let s = format!("{} ☃ {}", d, d); println!("{}", s); Ok(json!({"winter": s}))`),
			flood:       rustMain(`let line = "x".repeat(99); for _ in 0..args["lines"].as_u64().unwrap() { println!("{}", line); } Ok(json!({}))`),
			midLine:     rustMain(`print!("no line end"); eprint!("no line end"); Ok(json!({}))`),
			large:       rustMain("Ok(args)") + strings.Repeat("// a line of a large source, which says nothing\n", 12_000),
			broken:      rustUse + "pub fn main(args: Value -> Result<Value, Error> { Ok(args) }",
			hardExit:    rustMain(`println!("before the end"); std::process::exit(3)`),
			exitInInit:  rustMain(`Ok(args)`) + rustInit(`println!("before the end"); std::process::exit(3)`),
			terminated: rustMain(`unsafe { kill(getppid(), 15); } loop { std::thread::park(); }`) +
				"extern \"C\" { fn kill(pid: i32, signal: i32) -> i32; fn getppid() -> i32; }",
			child:   rustMain(`println!("1"); std::process::Command::new("/bin/echo").arg("2").status().unwrap(); println!("3"); Ok(json!({}))`),
			counter: rustMain(`Ok(json!({"n": N.fetch_add(1, SeqCst) + 1}))`) + "use std::sync::atomic::{AtomicU64, Ordering::SeqCst};\nstatic N: AtomicU64 = AtomicU64::new(0);",
		},
		cases: append(loopCases("niam", []file{
			rustPackage("serde_json = \"1.0\"\nserde = { version = \"1.0\", features = [\"derive\"] }\n"),
			{name: "src/lib.rs", content: `mod part;
				use serde::{Deserialize, Serialize};
				use serde_json::{Error, Value};
				#[derive(Deserialize, Serialize)]
				struct All { a: u64, #[serde(default)] part: String, #[serde(default)] data: String }
				pub fn niam(args: Value) -> Result<Value, Error> {
					let mut all: All = serde_json::from_value(args)?;
					all.part = part::NAME.to_string();
					all.data = include_str!("../data.txt").to_string();
					serde_json::to_value(all)
				}`},
			{name: "src/part.rs", content: `pub const NAME: &str = "of it";`},
		}, map[string]startError{
			"panics":           {code: rustMain("Ok(args)") + rustInit(`panic!("on purpose")`), want: dead, log: "on purpose"},
			"missing package":  {code: "use no_such::package;\n" + rustMain("Ok(args)"), want: lost, log: "no_such"},
			"wrong signature":  {code: "pub fn main(args: &str) -> String { args.to_string() }", want: lost, log: "mismatched types"},
			"no such function": {code: "pub fn other() {}", want: lost, log: "cannot find"},
			"private function": {code: strings.Replace(rustMain("Ok(args)"), "pub ", "", 1), want: lost, log: "private"},
		}, rustMain(`panic!("on {}", "purpose")`)),
			testCase{"errors", func(t *testing.T, b *bench) {
				b.testThrown(t, "use serde_json::Value;\npub fn main(_: Value) -> Result<Value, Box<dyn std::error::Error>> { Err(\"on purpose\".into()) }")
			}},
			testCase{"vendored packages", testRustVendored},
			testCase{"signatures", testRustSignatures},
			testCase{"standard input", testRustInput}),
	}
}

// rustPackage is the file Cargo.toml of a package with dependencies.
func rustPackage(dependencies string) file {
	return file{name: "Cargo.toml", content: "[package]\nname = \"my-action\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n" + dependencies}
}

// testRustVendored: a package that it vendors; archives that lack something.
func testRustVendored(t *testing.T, b *bench) {
	b.runArchive(t, zipped(t, zip.Deflate, rustPackage("serde_json = \"1\"\nhat = \"1\"\n"),
		file{name: "src/lib.rs", content: rustMain("Ok(hat::put(args))")},
		file{name: "vendor/hat/Cargo.toml", content: "[package]\nname = \"hat\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\nserde_json = \"1\"\n"},
		file{name: "vendor/hat/.cargo-checksum.json", content: `{"files":{}}`},
		file{name: "vendor/hat/src/lib.rs", content: "pub fn put(mut m: serde_json::Value) -> serde_json::Value { m[\"hat\"] = true.into(); m }"},
	), "main", `{"a":1,"hat":true}`)
	library := file{name: "src/lib.rs", content: rustMain("Ok(args)")}
	for name, tt := range map[string]struct {
		log   string
		files []file
	}{
		"no manifest":     {"no Cargo.toml", []file{library}},
		"no name":         {"no name", []file{library, {name: "Cargo.toml", content: "[dependencies]\n"}}},
		"no library":      {"library", []file{rustPackage(""), {name: "src/main.rs", content: "fn main() {}"}}},
		"not vendored":    {"no matching package", []file{library, rustPackage("serde_json = \"1\"\nno-such = \"1\"\n")}},
		"broken manifest": {"Cargo.toml", []file{library, rustPackage("serde_json = = 1")}},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.start(t)
			c.wantJSON(c.initWith(binaryRequest(zipped(t, zip.Deflate, tt.files...))), http.StatusBadGateway, lost)
			if _, stderr := c.logs(1); !strings.Contains(stderr, tt.log) {
				t.Errorf("log lacks %q:\n%s", tt.log, stderr)
			}
		})
	}
}

func testRustSignatures(t *testing.T, b *bench) {
	const typed = `use serde::{Deserialize, Serialize};
		#[derive(Deserialize)] pub struct Args { a: i64 }
		#[derive(Serialize)] pub struct Answer { b: i64 }
		pub fn main(args: Args) -> Result<Answer, String> { Ok(Answer { b: args.a + 1 }) }`
	for name, tt := range map[string]struct{ code, value, want string }{
		"types":  {typed, `{"a":1}`, `{"b":2}`},
		"list":   {"pub fn main(mut args: Vec<u64>) -> Result<Vec<u64>, String> { args.push(2); Ok(args) }", `[1]`, `[1,2]`},
		"misfit": {typed, `{"a":"x"}`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit(tt.code)
			got := c.run(tt.value)
			if tt.want == "" {
				c.wantError(got, http.StatusOK, "do not fit the function")
				return
			}
			c.wantJSON(got, http.StatusOK, tt.want)
		})
	}
}

// testRustInput: a function and its children find standard input empty, and children
// none of the streams of the protocol.
func testRustInput(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(rustMain(`
		let own = std::io::stdin().read_line(&mut String::new()).unwrap();
		let script = "wc -c; for f in 3 4 5 6 7 8 9; do { true >&$f; } 2>/dev/null && echo $f is open; done; true";
		let child = std::process::Command::new("/bin/sh").args(["-c", script]).stdin(std::process::Stdio::inherit()).output().unwrap();
		Ok(json!({"own": own, "child": String::from_utf8_lossy(&child.stdout)}))`))
	for range 2 {
		c.wantJSON(c.run(`{}`), http.StatusOK, `{"own":0,"child":"0\n"}`)
	}
}
