package proxytest

import (
	"archive/zip"
	"net/http"
	"strings"
	"testing"
)

// Native stands in Run for the programs of users, which no kind of the manifest has.
const Native = "native"

const shell = "#!/bin/sh\n"

// A program is started for each activation and keeps nothing, its end is no accident,
// its last line is the result, and nobody compiles it: that takes some samples away.
func native() language {
	return language{
		loop: true,
		each: true,
		samples: samples{
			echo:        shell + "echo hello stdout\necho hello stderr >&2\ncat\n",
			nonObject:   shell + `echo '"x"'`,
			environment: "#!/usr/bin/python3\nimport json, os\nprint(json.dumps(dict(os.environ)))\n",
			unicode: shell + `d=$(printf %s "$1" | sed 's/.*:"\(.*\)".*/\1/')` + "\necho \"$d ☃ $d\"\n" +
				`echo "{\"winter\":\"$d ☃ $d\"}"`,
			flood:      shell + `n=$(printf %s "$1" | sed 's/.*:\(.*\)}/\1/')` + "\nyes " + strings.Repeat("x", 99) + " | head -n $n\necho '{}'",
			large:      shell + "printf %s \"$1\"\n" + strings.Repeat("# a line of a large source, which says nothing\n", 12_000),
			terminated: shell + "kill $PPID\nsleep 1000\n",
			child:      shell + "echo 1\n/bin/echo 2\necho 3\necho '{}'\n",
		},
		cases: []testCase{
			{"archives", testNativeArchives},
			{"results", testNativeResults},
			{"arguments", testNativeArguments},
			{"not executable", testNativeBroken},
		},
	}
}

func testNativeArchives(t *testing.T, b *bench) {
	files := []file{
		{name: "exec", content: shell + `. ./lib/part.sh; echo "{\"a\":1,\"part\":\"$part\",\"data\":\"$(cat data.txt)\"}"`, mode: 0o755},
		{name: "lib/part.sh", content: "part='of it'"}, {name: "data.txt", content: "beside the code"},
	}
	for name, code := range map[string]string{"deflated": zipped(t, zip.Deflate, files...), "tar": tarred(t, files...)} {
		t.Run(name, func(t *testing.T) { b.runArchive(t, code, "main", `{"a":1,"part":"of it","data":"beside the code"}`) })
	}
	c := b.start(t)
	got := c.initWith(binaryRequest(zipped(t, zip.Deflate, file{name: "other", content: "x"})))
	c.wantJSON(got, http.StatusBadGateway, lost)
	if _, stderr := c.logs(1); !strings.Contains(stderr, "no executable file exec") {
		t.Errorf("the log does not say why: %q", stderr)
	}
}

func testNativeResults(t *testing.T, b *bench) {
	for _, tt := range []struct {
		name, code string
		status     int
		want, out  string
	}{
		{"exit code does not matter", "echo '{\"a\":1}'\nexit 3", http.StatusOK, `{"a":1}`, ""},
		{"no line end", "printf '{\"a\":1}'", http.StatusOK, `{"a":1}`, ""},
		{"lines before", "printf 'one\\n\\ntwo\\n[1]\\n'", http.StatusOK, `[1]`, "one\n\ntwo\n"},
		{"nothing", "true", http.StatusBadGateway, `{"error":"` + notResult + `"}`, ""},
		{"last line is none", "echo '{}'\necho done", http.StatusBadGateway, `{"error":"` + notResult + `"}`, "{}\ndone\n"},
		{"a process stays behind", "sleep 1000 >/dev/null &\necho '{\"a\":1}'", http.StatusOK, `{"a":1}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit(shell + tt.code)
			for range 2 {
				c.wantJSON(c.run(`{}`), tt.status, tt.want)
			}
			c.wantLogs(2, tt.out+tt.out, "")
		})
	}
}

const notResult = "The action did not return a dictionary or array."

// testNativeArguments: they come as argument and on standard input, the longest only there.
func testNativeArguments(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(shell + `in=$(cat | wc -c); echo "{\"argument\":${#1},\"input\":$in,\"count\":$#}"`)
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"argument":7,"input":7,"count":1}`)
	most := `{"a":"` + strings.Repeat("x", 131071-8) + `"}`
	c.wantJSON(c.run(most), http.StatusOK, `{"argument":131071,"input":131071,"count":1}`)
	c.wantJSON(c.run(most+" "), http.StatusOK, `{"argument":131071,"input":131071,"count":1}`) // the space is not part of it
	c.wantJSON(c.run(strings.Replace(most, "x", "xx", 1)), http.StatusOK, `{"argument":0,"input":131072,"count":0}`)
}

func testNativeBroken(t *testing.T, b *bench) {
	for name, code := range map[string]string{
		"other machine":  "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 100),
		"no interpreter": "#!/no/such/program\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := b.start(t)
			c.mustInitWith(binaryRequest(encoded(code)))
			c.wantJSON(c.run(`{}`), http.StatusBadGateway, `{"error":"`+notResult+`"}`)
			if _, stderr := c.logs(1); !strings.Contains(stderr, "exec") {
				t.Errorf("the log does not say why: %q", stderr)
			}
		})
	}
}
