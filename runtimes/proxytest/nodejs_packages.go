package proxytest

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"archive/zip"
)

// testNodePackages uses each of the packages that functions find installed, from
// source text and from an archive. It is skipped where npm could not fetch them,
// which under CI=true it must.
func testNodePackages(t *testing.T, b *bench) {
	if _, err := os.Stat(filepath.Join(b.files, "nodejs", "node_modules", "openwhisk")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("tools/setup has not fetched the packages: %v", err)
		}
		t.Skip("tools/setup has not fetched the packages")
	}
	const code = `
const openwhisk = require("openwhisk"), express = require("express"), { serializeError } = require("serialize-error");
exports.main = () => ({
	openwhisk: typeof openwhisk({ apihost: "http://127.0.0.1:1", api_key: "a:b" }).actions.invoke,
	express: typeof express().get,
	"serialize-error": serializeError(new TypeError("x")).name,
	redis: typeof require("redis").createClient,
	"redis-commands": require("redis-commands").list.includes("brpop"),
	uuid: require("uuid").v4().length,
});`
	const want = `{"openwhisk":"function","express":"function","serialize-error":"TypeError","redis":"function","redis-commands":true,"uuid":36}`
	t.Run("text", func(t *testing.T) {
		c := b.start(t)
		c.mustInit(code)
		c.wantJSON(c.run(`{}`), http.StatusOK, want)
		c.wantLogs(1, "", "")
	})
	t.Run("archive", func(t *testing.T) {
		c := b.start(t)
		c.mustInitWith(binaryRequest(zipped(t, zip.Deflate, file{name: "index.js", content: code})))
		c.wantJSON(c.run(`{}`), http.StatusOK, want)
		c.wantLogs(1, "", "")
	})
}
