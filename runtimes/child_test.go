package runtimes_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/runtimes"
)

// A launcher runs the code in a folder, as a child that is spoken to by lines.
type launcher struct {
	name    string
	program string   // the host's, without which it cannot be tested
	needs   string   // a file of the runtime that is built by tools/setup; empty: none
	command []string // {runtimes}, {main} and {code} are put in
	compile []string // the same, and {sources}; nil: the sources are the code
	sources map[string]string
	same    map[string]string // values that come back as another
}

var launchers = []launcher{
	{
		name: "java", program: "javac", needs: "java/lib/quirl.jar",
		command: []string{"sh", "{runtimes}/java/launch", "{main}", "{code}"},
		compile: []string{"sh", "{runtimes}/java/compile", "{main}", "{sources}", "{code}"},
		sources: map[string]string{
			"echo": `import com.google.gson.*;
				public class Echo {
					public static JsonElement main(JsonElement value) { System.out.println("hello stdout"); System.err.println("hello stderr"); return value; }
				}`,
			"environment": `import com.google.gson.*;
				public class Environment {
					public static JsonElement main(JsonObject value) { return new Gson().toJsonTree(System.getenv()); }
				}`,
			"throws":    `class A { static com.google.gson.JsonObject main(com.google.gson.JsonObject value) { throw new IllegalStateException("on purpose"); } }`,
			"nonObject": `class A { static String main(com.google.gson.JsonObject value) { return "x"; } }`,
			"broken":    `class A { static String main( { return "x"; } }`,
			"niam":      `class A { static com.google.gson.JsonObject niam(com.google.gson.JsonObject value) { return value; } }`,
			"stdin": `class A {
					static com.google.gson.JsonObject main(com.google.gson.JsonObject value) throws Exception {
						new ProcessBuilder("cat").inheritIO().start().waitFor();
						return value;
					}
				}`,
		},
	},
	{
		name: "php", program: "php",
		command: []string{"php", "{runtimes}/php/runner.php", "{main}", "{code}"},
		sources: map[string]string{
			"echo":        "<?php\nfunction main(array $args): array { echo \"hello stdout\\n\"; fwrite(STDERR, \"hello stderr\\n\"); return $args; }",
			"environment": "<?php\nfunction main(array $args): array { return getenv(); }",
			"throws":      "<?php\nfunction main(array $args): array { throw new Exception('on purpose'); }",
			"nonObject":   "<?php\nfunction main(array $args) { return 'x'; }",
			"broken":      "<?php\nfunction main(array $args { return []; }",
			"niam":        "<?php\nfunction niam(array $args): array { return $args; }",
			"stdin":       "<?php\nfunction main(array $args): array { passthru('cat'); return $args; }",
		},
		// An array of PHP does not tell an empty object from an empty list.
		same: map[string]string{`{"nested":[{},[]]}`: `{"nested":[[],[]]}`},
	},
	{
		name: "ruby", program: "ruby",
		command: []string{"ruby", "--disable=gems,did_you_mean,error_highlight", "{runtimes}/ruby/launcher.rb", "{main}", "{code}"},
		sources: map[string]string{
			"echo":        "def main(args)\n  puts 'hello stdout'\n  warn 'hello stderr'\n  args\nend",
			"environment": "def main(args)\n  ENV.to_h\nend",
			"throws":      "def main(args)\n  raise 'on purpose'\nend",
			"nonObject":   "def main(args)\n  'x'\nend",
			"broken":      "def main(args\n  args\nend",
			"niam":        "def niam(args)\n  args\nend",
			"stdin":       "def main(args)\n  system('cat')\n  args\nend",
		},
	},
}

// A child is a running launcher.
type child struct {
	testing.TB
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	results        *bufio.Reader
	stdout, stderr bytes.Buffer
}

func (l *launcher) expand(args []string, files, main, sources, code string) []string {
	expanded := make([]string, len(args))
	for i, arg := range args {
		expanded[i] = strings.NewReplacer("{runtimes}", files, "{main}", main, "{sources}", sources, "{code}", code).Replace(arg)
	}
	return expanded
}

// place writes a sample as it was uploaded, and compiles it where that is to be done.
func (l *launcher) place(t testing.TB, files, main, text string) (code, output string) {
	t.Helper()
	sources := t.TempDir()
	if err := os.WriteFile(filepath.Join(sources, "exec"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if l.compile == nil {
		return sources, ""
	}
	code = t.TempDir()
	args := l.expand(l.compile, files, main, sources, code)
	out, _ := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput() // output is what counts
	return code, string(out)
}

func (l *launcher) start(t testing.TB, files, main, code string) *child {
	t.Helper()
	args := l.expand(l.command, files, main, "", code)
	c := &child{TB: t, cmd: exec.Command(args[0], args[1:]...)}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.ExtraFiles = []*os.File{write}
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	c.cmd.Env = append(os.Environ(), "SOME_VAR=xyz", "ANOTHER_VAR=", "LANG=C.UTF-8")
	c.results = bufio.NewReader(read)
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	watchdog := time.AfterFunc(time.Minute, func() { _ = c.cmd.Process.Kill() })
	t.Cleanup(func() {
		watchdog.Stop()
		_ = c.cmd.Process.Kill()
		read.Close()
	})
	return c
}

// next reads a line of file descriptor 3; at its end the text is empty.
func (c *child) next() string {
	line, _ := c.results.ReadString('\n')
	return strings.TrimSuffix(line, "\n")
}

func (c *child) run(value string) string {
	c.Helper()
	_, err := io.WriteString(c.stdin, `{"value":`+value+`,"namespace":"guest","activation_id":"1f","number":1}`+"\n")
	if err != nil {
		c.Fatal(err)
	}
	return c.next()
}

// end closes standard input, after which the child ends by itself.
func (c *child) end() error {
	c.stdin.Close()
	return c.cmd.Wait()
}

func (l *launcher) mustStart(t testing.TB, files, main, sample string) *child {
	t.Helper()
	code, output := l.place(t, files, main, l.sources[sample])
	if output != "" {
		t.Fatal(output)
	}
	c := l.start(t, files, main, code)
	if got := c.next(); got != `{"ok":true}` {
		_ = c.cmd.Wait()
		t.Fatalf("got %q, want an acknowledgement:\n%s", got, &c.stderr)
	}
	return c
}

// TestLaunchers: the launchers speak the child protocol of OpenWhisk's loop.
func TestLaunchers(t *testing.T) {
	files, err := runtimes.Extract(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range launchers {
		t.Run(l.name, func(t *testing.T) {
			if _, err := exec.LookPath(l.program); err != nil {
				t.Skip("not on this machine: ", err)
			}
			if _, err := os.Stat(filepath.Join(files, l.needs)); err != nil {
				t.Skip("tools/setup could not build it: ", err)
			}
			t.Run("echo", func(t *testing.T) { testLauncherEcho(t, l, files) })
			t.Run("environment", func(t *testing.T) { testLauncherEnvironment(t, l, files) })
			t.Run("results", func(t *testing.T) { testLauncherResults(t, l, files) })
			t.Run("bad code", func(t *testing.T) { testLauncherBadCode(t, l, files) })
		})
	}
}

func wantSameJSON(t *testing.T, got, want string) {
	t.Helper()
	var gotValue, wantValue any
	if err := json.Unmarshal([]byte(want), &wantValue); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got), &gotValue); err != nil {
		t.Fatalf("got %.300q: %v", got, err)
	}
	if diff := cmp.Diff(wantValue, gotValue); diff != "" {
		t.Error(diff)
	}
}

func testLauncherEcho(t *testing.T, l launcher, files string) {
	c := l.mustStart(t, files, "main", "echo")
	values := []string{
		`{}`, `{"string":"❄ ☃ ❄"}`, `{"numbers":[42,1.5,-1,1e21,9007199254740991]}`, `{"nested":[{},[]]}`,
		`{"odd":"\u0000\u001f\"\\\/\ud83d\ude00\u2028","":"empty name","__proto__":1}`, `[]`, `[1,"two",{"three":[3]}]`,
		`{"arg":"` + strings.Repeat("a", 1048561) + `"}`,
	}
	for _, value := range values {
		want := value
		if other, ok := l.same[value]; ok {
			want = other
		}
		wantSameJSON(t, c.run(value), want)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
	n := len(values)
	if c.stdout.String() != strings.Repeat("hello stdout\n", n) || c.stderr.String() != strings.Repeat("hello stderr\n", n) {
		t.Errorf("got logs %q and %q", &c.stdout, &c.stderr)
	}
}

func testLauncherEnvironment(t *testing.T, l launcher, files string) {
	c := l.mustStart(t, files, "main", "environment")
	var got map[string]string
	if err := json.Unmarshal([]byte(c.run(`{}`)), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"SOME_VAR": "xyz", "ANOTHER_VAR": "", "__OW_NAMESPACE": "guest", "__OW_ACTIVATION_ID": "1f"}
	for name, value := range want {
		if found, ok := got[name]; !ok || found != value {
			t.Errorf("%s: got %q, %t, want %q", name, found, ok, value)
		}
	}
	for _, name := range []string{"__OW_VALUE", "__OW_NUMBER"} {
		if value, ok := got[name]; ok {
			t.Errorf("%s is there: %q", name, value)
		}
	}
}

func testLauncherResults(t *testing.T, l launcher, files string) {
	c := l.mustStart(t, files, "main", "throws")
	for range 2 { // it goes on
		wantSameJSON(t, c.run(`{}`), `{"error":"on purpose"}`)
	}
	_ = c.end()
	if log := c.stderr.String(); strings.Count(log, "on purpose") != 2 || strings.Contains(log, "quirl.Launcher") || strings.Contains(log, "launcher.rb") {
		t.Errorf("want the function's own frames twice, got:\n%s", log)
	}
	c = l.mustStart(t, files, "main", "nonObject")
	if got := c.run(`{}`); strings.HasPrefix(got, "{") || strings.HasPrefix(got, "[") || got == "" {
		t.Errorf("got %q, want what is neither an object nor an array", got)
	}
	c = l.mustStart(t, files, "niam", "niam")
	wantSameJSON(t, c.run(`{"a":1}`), `{"a":1}`)
	c = l.mustStart(t, files, "main", "stdin") // its child must not eat the requests
	for range 2 {
		wantSameJSON(t, c.run(`{"a":1}`), `{"a":1}`)
	}
	_ = c.end()
	if c.stdout.Len() != 0 {
		t.Errorf("a child of the function could read %q", &c.stdout)
	}
}

// testLauncherBadCode: code that cannot start is told on standard error, and there is no acknowledgement.
func testLauncherBadCode(t *testing.T, l launcher, files string) {
	for _, tt := range []struct{ name, main, code, want string }{
		{"broken", "main", l.sources["broken"], "syntax error"},
		{"other function", "other", l.sources["niam"], "other"},
		{"no text", "main", strings.Repeat("\x00", 1<<20), "syntax error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, output := l.place(t, files, tt.main, tt.code)
			if output == "" {
				c := l.start(t, files, tt.main, code)
				if got := c.next(); got != "" {
					t.Errorf("got %q", got)
				}
				if err := c.cmd.Wait(); err == nil {
					t.Error("the launcher ended with status 0")
				}
				output = c.stderr.String()
				if c.stdout.Len() != 0 {
					t.Errorf("on standard output: %.200q", &c.stdout)
				}
			}
			if !strings.Contains(output, tt.want) {
				t.Errorf("log lacks %q:\n%s", tt.want, output)
			}
		})
	}
}

// TestJavaArchive: what archive writes is used after the runtime's folder moved, as it does into containers.
func TestJavaArchive(t *testing.T) {
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("not on this machine: ", err)
	}
	if java, err = filepath.EvalSymlinks(java); err != nil {
		t.Fatal(err)
	}
	files, err := runtimes.Extract(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(files, "java/lib/quirl.jar")); err != nil {
		t.Skip("tools/setup could not build it: ", err)
	}
	if out, err := exec.CommandContext(t.Context(), "sh", filepath.Join(files, "java/archive"), java).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(files, moved); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(java)+":"+os.Getenv("PATH"))
	l := launchers[0]
	l.sources = map[string]string{"maps": `import com.google.gson.*;
		import java.nio.file.*;
		public class Maps {
			static JsonObject main(JsonObject value) throws Exception {
				value.addProperty("archived", Files.readString(Path.of("/proc/self/maps")).contains("java.jsa"));
				return value;
			}
		}`}
	c := l.mustStart(t, moved, "main", "maps")
	wantSameJSON(t, c.run(`{}`), `{"archived":true}`)
}
