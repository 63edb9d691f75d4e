package proxytest

import (
	"archive/zip"
	"net/http"
	"strings"
	"testing"
)

// goMain is the source of a function with a body, with the packages that it imports.
func goMain(body string, imports ...string) string {
	var text strings.Builder
	text.WriteString("package main\n\n")
	for _, name := range imports {
		text.WriteString("import \"" + name + "\"\n")
	}
	return text.String() + "func Main(args any) any {\n" + body + "\n}\n"
}

func golang() language {
	return language{
		loop:     true,
		compiles: true,
		samples: samples{
			echo:       goMain("fmt.Println(\"hello stdout\"); fmt.Fprintln(os.Stderr, \"hello stderr\"); return args", "fmt", "os"),
			echoAsNiam: "package main\nfunc Niam(args any) any { return args }",
			nonObject:  goMain(`return "x"`),
			environment: goMain(`all := map[string]any{}
				for _, v := range os.Environ() { name, value, _ := strings.Cut(v, "="); all[name] = value }
				return all`, "os", "strings"),
			unicode:    "package main\nimport \"fmt\"\nfunc Main(args map[string]interface{}) map[string]interface{} { s := fmt.Sprintf(\"%v ☃ %v\", args[\"delimiter\"], args[\"delimiter\"]); fmt.Println(s); return map[string]interface{}{\"winter\": s} }",
			flood:      goMain(`for range int(args.(map[string]any)["lines"].(float64)) { fmt.Println(strings.Repeat("x", 99)) }; return map[string]any{}`, "fmt", "strings"),
			midLine:    goMain(`fmt.Print("no line end"); fmt.Fprint(os.Stderr, "no line end"); return map[string]any{}`, "fmt", "os"),
			large:      goMain("return args") + strings.Repeat("// a line of a large source, which says nothing\n", 12_000),
			broken:     "package main\nfunc Main(args map[string]any { return args }",
			hardExit:   goMain(`fmt.Println("before the end"); os.Exit(3); return nil`, "fmt", "os"),
			exitInInit: goMain(`return args`, "fmt", "os") + `func init() { fmt.Println("before the end"); os.Exit(3) }`,
			terminated: goMain(`syscall.Kill(os.Getppid(), syscall.SIGTERM); select {}`, "os", "syscall"),
			child: goMain(`fmt.Println(1); c := exec.Command("/bin/echo", "2"); c.Stdout = os.Stdout; c.Run(); fmt.Println(3); return map[string]any{}`,
				"fmt", "os", "os/exec"),
			counter: "package main\nvar n int\nfunc Main(args map[string]any) map[string]any { n++; return map[string]any{\"n\": n} }",
		},
		cases: append(loopCases("niam", []file{
			{name: "main.go", content: `package main
				import (
					_ "embed"
					"action/part"
				)
				//go:embed data.txt
				var data string
				func Niam(args map[string]any) map[string]any { args["part"], args["data"] = part.Name(), data; return args }`},
			{name: "part/part.go", content: "package part\nfunc Name() string { return \"of it\" }"},
		}, map[string]startError{
			"panics":           {code: goMain("return args") + "func init() { panic(\"on purpose\") }", want: dead, log: "on purpose"},
			"missing package":  {code: goMain("return args", "no.such/package"), want: lost, log: "no.such/package"},
			"wrong signature":  {code: "package main\nfunc Main(args string) string { return args }", want: lost, log: "func(args string) string"},
			"no such function": {code: "package main\nfunc Other() {}", want: lost, log: "undefined: Main"},
			"other package":    {code: "package other\nfunc Main(args any) any { return args }", want: lost, log: "package"},
		}, goMain(`panic("on purpose")`)),
			testCase{"errors", func(t *testing.T, b *bench) {
				b.testThrown(t, "package main\nimport \"errors\"\nfunc Main(args map[string]any) (map[string]any, error) { return nil, errors.New(\"on purpose\") }")
			}},
			testCase{"vendored packages", testGoVendored},
			testCase{"signatures", testGoSignatures}),
	}
}

// testGoVendored: a module in the folder src, with a package that it vendors; a function
// main of its own, which speaks to the loop itself.
func testGoVendored(t *testing.T, b *bench) {
	module := []file{
		{name: "src/go.mod", content: "module my/action\n\ngo 1.21\n\nrequire example.org/hat v1.0.0\n"},
		{name: "src/vendor/modules.txt", content: "# example.org/hat v1.0.0\n## explicit; go 1.21\nexample.org/hat\n"},
		{name: "src/vendor/example.org/hat/hat.go", content: "package hat\nfunc Put(m map[string]any) map[string]any { m[\"hat\"] = true; return m }"},
		{name: "src/main.go", content: "package main\nimport \"example.org/hat\"\nfunc Main(args map[string]any) map[string]any { return hat.Put(args) }"},
	}
	b.runArchive(t, zipped(t, zip.Deflate, module...), "main", `{"a":1,"hat":true}`)
	own := file{name: "main.go", content: `package main
		import ("bufio"; "fmt"; "os")
		func main() {
			out := os.NewFile(3, "out")
			fmt.Fprintln(out, "{\"ok\":true}")
			for in := bufio.NewScanner(os.Stdin); in.Scan(); { fmt.Fprintln(out, "{\"own\":true}") }
		}`}
	b.runArchive(t, zipped(t, zip.Deflate, own), "main", `{"own":true}`)
}

func testGoSignatures(t *testing.T, b *bench) {
	for name, tt := range map[string]struct{ code, value, want string }{
		"list":    {"package main\nfunc Main(args []interface{}) []interface{} { return append(args, 2) }", `[1]`, `[1,2]`},
		"context": {"package main\nimport \"context\"\nfunc Main(c context.Context, args map[string]any) (map[string]any, error) { return args, c.Err() }", `{"a":1}`, `{"a":1}`},
		"misfit":  {"package main\nfunc Main(args []any) []any { return args }", `{"a":1}`, ``},
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
