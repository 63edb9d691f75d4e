package proxytest

import (
	"archive/zip"
	"net/http"
	"slices"
	"testing"
)

// bun passes the cases of Node.js, whose server it runs. Some messages of its own are
// worded otherwise, and it takes no NODE_OPTIONS, by which a case takes the bindings
// of sockets away: Bun has none, and all of its cases are without.
func bun() language {
	lang := nodejs()
	lang.words = map[string]wording{
		"circular":                 {"An error has occurred: TypeError: Converting circular structure to JSON", "An error has occurred: TypeError: JSON.stringify cannot serialize cyclic structures."},
		"syntax error in a module": {"SyntaxError", "BuildMessage: "},
		"syntax error in a file":   {"SyntaxError", "BuildMessage: "},
		"missing package":          {"Error", "ResolveMessage: Cannot find "},
	}
	lang.cases = slices.DeleteFunc(lang.cases, func(c testCase) bool { return c.name == "without the bindings of sockets" })
	lang.cases = append(lang.cases, testCase{"TypeScript", testBunTypeScript})
	return lang
}

func testBunTypeScript(t *testing.T, b *bench) {
	const typed = "export function main(args: { a: number }): object { return { b: args.a as number }; }"
	b.runArchive(t, zipped(t, zip.Deflate, file{name: "package.json", content: `{"main":"start.ts"}`}, file{name: "start.ts", content: typed}), "main", `{"b":1}`)
	c := b.start(t)
	c.wantError(c.init(typed), http.StatusBadGateway, "Initialization has failed due to: ") // the text of an action is JavaScript
}
