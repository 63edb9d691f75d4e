package proxytest

import (
	"archive/zip"
	"net/http"
	"strings"
	"testing"

	"quirl/proxy"
)

// pythonHardExit ends the process when it is called.
const pythonHardExit = "import os\ndef main(args):\n    print('before the end')\n    os._exit(3)\n"

func python() language {
	return language{
		samples: samples{
			echo:        "import sys\ndef main(args):\n    print('hello stdout')\n    print('hello stderr', file=sys.stderr)\n    return args\n",
			echoAsNiam:  "def niam(args):\n    return args\n",
			nonObject:   "def main(args):\n    return 'x'\n",
			environment: "import os\ndef main(args):\n    return dict(os.environ)\n",
			unicode:     "def main(args):\n    sep = args['delimiter']\n    s = sep + ' ☃ ' + sep\n    print(s)\n    return {'winter': s}\n",
			flood:       "def main(args):\n    for i in range(args['lines']):\n        print('x' * 99)\n    return {}\n",
			midLine:     "import sys\ndef main(args):\n    print('no line end', end='')\n    sys.stderr.write('no line end')\n    return {}\n",
			large:       "def main(args):\n    return args\n" + strings.Repeat("# a line of a large source, which says nothing\n", 12_000),
			broken:      "def main(args:\n    return {}\n",
			hardExit:    pythonHardExit,
			exitInInit:  pythonHardExit + "\nmain({})\n",
			terminated:  "import os, signal, time\ndef main(args):\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(1000)\n",
			child:       "import subprocess\ndef main(args):\n    print('1')\n    subprocess.run(['/bin/echo', '2'])\n    print('3')\n    return {}\n",
			counter:     "n = 0\ndef main(args):\n    global n\n    n += 1\n    return {'n': n}\n",
		},
		cases: []testCase{
			{"results", testPythonResults},
			{"broken results", testPythonBrokenResults},
			{"init errors", testPythonInitErrors},
			{"exceptions", testPythonExceptions},
			{"sys.exit", testPythonExit},
			{"sources", testPythonSources},
			{"streams", testPythonStreams},
			{"connections wait their turn", testPythonTurns},
			{"archives", testPythonArchives},
			{"archive errors", testPythonArchiveErrors},
			{"unsafe archives", testPythonUnsafeArchives},
			{"requirements without pip", testPythonRequirements},
			{"default entry point", testPythonDefaultMain},
		},
	}
}

func testPythonResults(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, code, want string }{
		{"error is an answer", "def main(args):\n    return {'error': 'sorry'}", `{"error":"sorry"}`},
		{"tuple", "def main(args):\n    return (1, 'two')", `[1,"two"]`},
		{"list", "def main(args):\n    return [args]", `[{"a":1}]`},
		{"async", "import asyncio\nasync def main(args):\n    await asyncio.sleep(0)\n    return args", `{"a":1}`},
		{"lone surrogate", `def main(args):` + "\n" + `    return {'a': '\ud800'}`, `{"a":"\ud800"}`},
		{"subclasses", "import collections\ndef main(args):\n    return collections.OrderedDict(a=collections.Counter('x'))", `{"a":{"x":1}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit(tt.code)
			c.wantJSON(c.run(`{"a":1}`), http.StatusOK, tt.want)
			c.wantLogs(1, "", "")
		})
	}
}

func testPythonBrokenResults(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, value, log string }{
		{"nothing", `None`, "NoneType"},
		{"number", `1`, "int"},
		{"set inside", `{'a': {1}}`, "TypeError"},
		{"object", `object()`, "object"},
		{"circular", `(lambda l: l.append(l) or l)([])`, "ValueError"},
		{"not a number", `{'a': float('nan')}`, "ValueError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit("def main(args):\n    return " + tt.value)
			for range 2 {
				c.wantJSON(c.run(`{}`), http.StatusBadGateway, `{"error":"The action did not return a dictionary or array."}`)
			}
			if _, stderr := c.logs(2); !strings.Contains(stderr, tt.log) {
				t.Errorf("log lacks %q:\n%s", tt.log, stderr)
			}
		})
	}
}

const (
	lost = `{"error":"The action failed to generate or locate a binary. See logs for details."}`
	dead = `{"error":"Cannot start action. Check logs for details."}`
)

func testPythonInitErrors(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, main, code, want, log string }{
		{"syntax error", "main", "def main(args:\n  return", lost, "Traceback"},
		{"bad indentation", "main", "def main(args):\nreturn {}", lost, "IndentationError"},
		{"missing import", "main", "import no_such_package\ndef main(args):\n    return {}", dead, "Traceback"},
		{"no such function", "niam", "def main(args):\n    return {}", dead, "niam"},
		{"no function", "main", "main = 1", dead, "is not a function"},
		{"raises", "main", "raise ValueError('on purpose')", dead, "on purpose"},
		{"sys.exit", "main", "import sys\nsys.exit(1)", dead, "SystemExit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			r := initRequest(tt.code)
			r.Main = tt.main
			c.wantJSON(c.initWith(r), http.StatusBadGateway, tt.want)
			_, stderr := c.logs(1)
			if !strings.Contains(stderr, tt.log) {
				t.Errorf("log lacks %q:\n%s", tt.log, stderr)
			}
			if strings.Contains(stderr, "quirl_runtime") {
				t.Errorf("log shows the runtime's own frames:\n%s", stderr)
			}
		})
	}
}

func testPythonExceptions(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, code, want, log string }{
		{"exception", "def main(args):\n    raise ValueError('nooooo')", `{"error":"nooooo"}`, `main__.py", line 2, in main`},
		{"key", "def main(args):\n    return args['missing']", `{"error":"'missing'"}`, "KeyError"},
		{"no text", "def main(args):\n    raise Exception()", `{"error":""}`, "Traceback"},
		{"text that raises", "class E(Exception):\n    def __str__(self): raise self\ndef main(args):\n    raise E()", `{"error":"E"}`, "Traceback"},
		{"endless recursion", "def main(args):\n    return main(args)", `{"error":"maximum recursion depth exceeded"}`, "RecursionError"},
		{"not an Exception", "class E(BaseException): pass\ndef main(args):\n    raise E('base')", `{"error":"base"}`, "Traceback"},
		{"async", "async def main(args):\n    raise ValueError('nooooo')", `{"error":"nooooo"}`, "Traceback"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit(tt.code)
			for range 2 { // it goes on
				c.wantJSON(c.run(`{}`), http.StatusOK, tt.want)
			}
			_, stderr := c.logs(2)
			if !strings.Contains(stderr, tt.log) || strings.Contains(stderr, "quirl_runtime") {
				t.Errorf("log lacks %q, or shows the runtime's own frames:\n%s", tt.log, stderr)
			}
		})
	}
}

func testPythonExit(t *testing.T, b *bench) {
	for code, want := range map[string]int{"sys.exit(7)": 7, "sys.exit()": 0, "exit('farewell')": 1} {
		c := b.start(t)
		c.mustInit("import sys\ndef main(args):\n    print('before')\n    " + code)
		c.wantJSON(c.run(`{}`), http.StatusBadRequest, `{"error":"command exited"}`)
		<-c.container.Done()
		if got := c.container.Exit().Code; got != want {
			t.Errorf("%s: got exit code %d, want %d", code, got, want)
		}
		c.wantInLog(c.stdout, "before\n")
		c.wantSentinels(1)
	}
}

func testPythonSources(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, code, want string }{
		{"name of the module", "def main(args):\n    return {'name': __name__, 'file': __file__.rsplit('/', 1)[1]}", `{"name":"main__","file":"main__.py"}`},
		{"imports itself", "def main(args):\n    import main__\n    return {'same': main__.main is main}", `{"same":true}`},
		{"a class's method", "class A:\n    def __call__(self, args):\n        return {'a': 1}\nmain = A()", `{"a":1}`},
		{"encoding line", "# -*- coding: utf-8 -*-\ndef main(args):\n    return {'a': 'é'}", `{"a":"é"}`},
		{"line ends of Windows", "def main(args):\r\n    return {'a': 1}\r\n", `{"a":1}`},
		{"standard library", "import ssl, sqlite3, ctypes, multiprocessing, asyncio, urllib.request, concurrent.futures, dataclasses, zipfile\ndef main(args):\n    return {}", `{}`},
		{"names of ours are free", "import sys\ndef main(args):\n    return {'ours': [n for n in ('action', 'output', 'archive', 'server') if n in sys.modules]}", `{"ours":[]}`},
		{"threads", "from concurrent.futures import ThreadPoolExecutor\ndef main(args):\n    with ThreadPoolExecutor(4) as e:\n        return list(e.map(abs, [-1, 2]))", `[1,2]`},
		{"processes", "import multiprocessing, sys\ndef main(args):\n    with multiprocessing.get_context('fork').Pool(2) as p:\n        return p.map(abs, [-1, 2])", `[1,2]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.mustInit(tt.code)
			c.wantJSON(c.run(`{}`), http.StatusOK, tt.want)
		})
	}
}

func testPythonStreams(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit(`
import sys, os, logging
logging.basicConfig(stream=sys.stdout, format="%(message)s")
def main(args):
    sys.stdout.buffer.write(b"bytes\n")
    sys.stdout.buffer.flush()
    os.write(1, b"raw\n")
    logging.warning("logged")
    print("surrogate \ud800")
    print("names", sys.stdout.name, sys.stderr.name, sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.fileno())
    print("flushed", end="", flush=True)
    os.set_blocking(1, False)
    print()
    for i in range(5000):
        print("x" * 99)
    os.set_blocking(1, True)
    sys.stdout = open(os.devnull, "w")
    print("swallowed")
    return {}
`)
	c.wantJSON(c.run(`{}`), http.StatusOK, `{}`)
	want := "bytes\nraw\nlogged\nsurrogate \\ud800\nnames <stdout> <stderr> utf-8 False 1\nflushed\n" + strings.Repeat(strings.Repeat("x", 99)+"\n", 5000)
	c.wantLogs(1, want, "")
}

func testPythonTurns(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInit("import time\ndef main(args):\n    print(args['id'])\n    time.sleep(0.02)\n    return args")
	const n = 4
	replies := make(chan reply)
	for range n {
		go func() {
			out, err := c.client.Run(c.ctx, runRequest(`{"id":"x"}`))
			if err != nil {
				out.Body = []byte(err.Error())
			}
			replies <- reply{out.Status, string(out.Body)}
		}()
	}
	for range n {
		c.wantJSON(<-replies, http.StatusOK, `{"id":"x"}`)
	}
	c.wantSentinels(n)
}

const pythonEcho = "def main(args):\n    return args\n"

func testPythonArchives(t *testing.T, b *bench) {
	main := file{name: "__main__.py", content: pythonEcho}
	for _, tt := range []struct{ name, main, code, want string }{
		{"__main__.py", "main", zipped(t, zip.Deflate, main), `{"a":1}`},
		{"stored", "main", zipped(t, zip.Store, main), `{"a":1}`},
		{"tar.gz", "main", tarred(t, file{name: "./__main__.py", content: pythonEcho}), `{"a":1}`},
		{"main.py", "main", zipped(t, zip.Deflate, file{name: "main.py", content: pythonEcho}), `{"a":1}`},
		{"exec", "main", zipped(t, zip.Deflate, file{name: "exec", content: pythonEcho}), `{"a":1}`},
		{"main__.py", "main", zipped(t, zip.Deflate, file{name: "main__.py", content: pythonEcho}), `{"a":1}`},
		{"other function", "niam", zipped(t, zip.Deflate, file{name: "__main__.py", content: "def niam(args):\n    return args\n"}), `{"a":1}`},
		{
			"modules and files", "main",
			zipped(t, zip.Deflate, file{name: "__main__.py", content: "import os\nfrom helper import help\nfrom action.part import x\ndef main(args):\n    return {'text': help(), 'x': x, 'same': os.getcwd() == os.path.dirname(__file__)}\n"},
				file{name: "helper.py", content: "def help():\n    return open('data/file.txt').read()\n"},
				file{name: "action/__init__.py", content: ""}, file{name: "action/part.py", content: "x = 'é'\n"},
				file{name: "data/file.txt", content: "❄"}), `{"text":"❄","x":"é","same":true}`,
		},
		{
			"virtualenv", "main",
			zipped(t, zip.Deflate, file{name: "__main__.py", content: "import inside\ndef main(args):\n    return {'inside': inside.x}\n"},
				file{name: "virtualenv/lib/inside.py", content: "x = 1\n"},
				file{name: "virtualenv/bin/activate_this.py", content: "import os, site\nsite.addsitedir(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))\n"}), `{"inside":1}`,
		},
		{
			"executable", "main",
			zipped(t, zip.Deflate, file{name: "__main__.py", content: "import subprocess\ndef main(args):\n    return {'text': subprocess.check_output(['./tool']).decode()}\n"}, file{name: "tool", content: "#!/bin/sh\nprintf tool", mode: 0o755}), `{"text":"tool"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) { b.runArchive(t, tt.code, tt.main, tt.want) })
	}
}

func testPythonArchiveErrors(t *testing.T, b *bench) {
	for _, tt := range []struct{ name, code, want, log string }{
		{"no __main__.py", zipped(t, zip.Deflate, file{name: "other.py", content: pythonEcho}), lost, "Zip file does not include __main__.py"},
		{"syntax error", zipped(t, zip.Deflate, file{name: "__main__.py", content: "def main(:"}), lost, "SyntaxError"},
		{"syntax error in a module", zipped(t, zip.Deflate, file{name: "__main__.py", content: "import x"}, file{name: "x.py", content: "("}), dead, "SyntaxError"},
		{
			"virtualenv without its script", zipped(t, zip.Deflate, file{name: "__main__.py", content: pythonEcho}, file{name: "virtualenv/bin/python", content: ""}), lost,
			"Invalid virtualenv. Zip file does not include 'activate_this.py'.",
		},
		{"text", "aGVsbG8gd29ybGQ=", lost, "SyntaxError"}, // "hello world", taken for a script
		{"no base64", "é", lost, "cannot decode the request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t)
			c.wantJSON(c.initWith(binaryRequest(tt.code)), http.StatusBadGateway, tt.want)
			if _, stderr := c.logs(1); !strings.Contains(stderr, tt.log) {
				t.Errorf("log lacks %q:\n%s", tt.log, stderr)
			}
		})
	}
}

func testPythonUnsafeArchives(t *testing.T, b *bench) {
	for name, code := range unsafeArchives(t, file{name: "__main__.py", content: pythonEcho}) {
		t.Run(name, func(t *testing.T) {
			c := b.start(t)
			c.wantJSON(c.initWith(binaryRequest(code)), http.StatusBadGateway, lost)
			c.wantInLog(c.stderr, "There was an error uncompressing the action archive.")
		})
	}
}

func testPythonRequirements(t *testing.T, b *bench) {
	c := b.start(t)
	r := binaryRequest(zipped(t, zip.Deflate,
		file{name: "__main__.py", content: pythonEcho}, file{name: "requirements.txt", content: "no-such-package==1.0\n"}))
	r.Env = map[string]string{"OW_ENABLE_INIT_INSTALL": "false"}
	c.mustInitWith(r)
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`)
	c.wantLogs(1, "", "")
}

func testPythonDefaultMain(t *testing.T, b *bench) {
	c := b.start(t)
	c.mustInitWith(proxy.InitRequest{Name: "test", Code: pythonEcho})
	c.wantJSON(c.run(`{"a":1}`), http.StatusOK, `{"a":1}`)
}
