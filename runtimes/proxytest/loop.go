package proxytest

import (
	"archive/zip"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// testLoopArchives runs the function main of a zip, a tar.gz and an unpacked folder. It
// has two sources, adds the text of data.txt, and gives its arguments back.
func (b *bench) testLoopArchives(t *testing.T, main string, files ...file) {
	files = append(files, file{name: "data.txt", content: "beside the code"})
	for name, code := range map[string]string{
		"stored": zipped(t, zip.Store, files...), "deflated": zipped(t, zip.Deflate, files...), "tar": tarred(t, files...),
	} {
		t.Run(name, func(t *testing.T) {
			b.runArchive(t, code, main, `{"a":1,"part":"of it","data":"beside the code"}`)
		})
	}
	for name, code := range unsafeArchives(t, files[0]) {
		t.Run(name, func(t *testing.T) {
			c := b.start(t)
			c.wantError(c.initWith(binaryRequest(code)), http.StatusBadGateway, "failed to generate or locate a binary")
			if _, stderr := c.logs(1); strings.TrimSpace(stderr) == "" {
				t.Error("the log does not say why")
			}
		})
	}
	c := b.start(t)
	r := binaryRequest("no base64!")
	c.wantError(c.initWith(r), http.StatusBadRequest, "cannot decode the request")
}

// A startError is code that cannot start.
type startError struct{ code, want, log string }

func (b *bench) testStartErrors(t *testing.T, cases map[string]startError) {
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			c := b.start(t)
			c.wantJSON(c.init(tt.code), http.StatusBadGateway, tt.want)
			if _, stderr := c.logs(1); !strings.Contains(stderr, tt.log) {
				t.Errorf("log lacks %q:\n%s", tt.log, stderr)
			}
		})
	}
}

// testThrown: what a function throws is the action's own error, and it goes on.
func (b *bench) testThrown(t *testing.T, code string) {
	c := b.start(t)
	c.mustInit(code)
	for range 2 {
		c.wantJSON(c.run(`{}`), http.StatusOK, `{"error":"on purpose"}`)
	}
	if _, stderr := c.logs(2); strings.Count(stderr, "on purpose") < 2 {
		t.Errorf("the log does not have the error:\n%s", stderr)
	}
}

// testCompiled: what the first container compiled starts in the next one as it is.
func testCompiled(t *testing.T, b *bench) {
	c := b.start(t)
	if _, err := c.client.Compiled(c.ctx, 1<<30); err == nil {
		t.Error("before init there is something compiled")
	}
	out, err := c.client.Init(c.ctx, initRequest(b.lang.samples.echo))
	if err != nil || out.Status != http.StatusOK {
		t.Fatalf("got %+v, %v", out, err)
	}
	if out.Compiled != b.lang.compiles {
		t.Fatalf("compiled: %t, want %t", out.Compiled, b.lang.compiles)
	}
	if !b.lang.compiles {
		return
	}
	data, err := c.client.Compiled(c.ctx, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	code := base64.StdEncoding.EncodeToString(data)
	for way, request := range ways {
		t.Run(way, func(t *testing.T) {
			c := b.start(t)
			out, err := c.client.Init(c.ctx, request(c, code))
			if err != nil || out.Status != http.StatusOK || out.Compiled {
				t.Fatalf("got %+v, %v, want it to start without compiling", out, err)
			}
			c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`)
			c.wantLogs(1, "hello stdout\n", "hello stderr\n")
			if _, err := c.client.Compiled(c.ctx, 1<<30); err == nil {
				t.Error("nothing was compiled, and there is something to fetch")
			}
		})
	}
	if _, err := c.client.Compiled(c.ctx, 100); err == nil {
		t.Error("more was fetched than was asked for")
	}
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`) // it did not mind
}
