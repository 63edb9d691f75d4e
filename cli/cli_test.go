package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quirl/cli"
)

// TestAnswers plays answers that a real server gives seldom or late.
func TestAnswers(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		command        string
		status         int
		body           string
		code           int
		stdout, stderr string
	}{
		"a call that takes too long":  {"action invoke slow -b", 202, `{"activationId":"` + id + `"}`, 202, "", "ok: invoked /_/slow, but the request has not yet finished, with id " + id + "\n"},
		"the same for its result":     {"action invoke slow -r", 202, `{"activationId":"` + id + `"}`, 202, "", "ok: invoked /_/slow, but the request has not yet finished, with id " + id + "\n"},
		"an answer that is none":      {"action list", 200, `<html>`, 3, "", "error: Unable to obtain the list of actions for namespace 'default': the server's answer cannot be understood: invalid character '<' looking for beginning of value\n"},
		"a failure without words":     {"action list", 503, ``, 247, "", "error: Unable to obtain the list of actions for namespace 'default': Command failed due to an HTTP failure\n"},
		"a failure that is a page":    {"action delete a", 502, `<html>`, 246, "", "error: Unable to delete action 'a': The connection failed, or timed out. (HTTP status code 502)\n"},
		"a limit":                     {"action invoke a", 429, `{"error":"Too many requests","code":"t"}`, 173, "", "error: Unable to invoke action 'a': Too many requests (code t)\n"},
		"too large":                   {"action invoke a", 413, `{"error":"large","code":"t"}`, 157, "", "error: Unable to invoke action 'a': large (code t)\n"},
		"no refresh":                  {"package refresh", 501, ``, 245, "", "error: The package refresh feature is not implemented in the target deployment\n"},
		"a refresh":                   {"package refresh", 200, `{"added":["a"],"updated":[],"deleted":[]}`, 0, "'_' refreshed successfully\ncreated bindings:\na\nupdated bindings:\ndeleted bindings:\n", ""},
		"namespaces of no one":        {"namespace list", 200, `[]`, 0, "namespaces\n", ""},
		"a kind that is no string":    {"action list", 200, `[{"namespace":"n","name":"a","annotations":[{"key":"exec","value":{}}]}]`, 0, "actions\n/n/a                                                                   private unknown\n", ""},
		"a record of another version": {"activation result " + id, 200, `{"result":{"a":1},"new":true}`, 0, "{\n    \"a\": 1\n}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer srv.Close()
			code, stdout, stderr := wsk(t, append([]string{"--apihost", srv.URL, "--auth", "u:k"}, strings.Fields(c.command)...)...)
			if code != c.code || stdout != c.stdout || stderr != c.stderr {
				t.Errorf("%s: got %d\n%s%swant %d\n%s%s", c.command, code, stdout, stderr, c.code, c.stdout, c.stderr)
			}
		})
	}
}

func TestVerboseHidesPasswords(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"password": "hush", "other": "seen"}`)
	}))
	defer srv.Close()
	_, stdout, _ := wsk(t, "--apihost", srv.URL, "--auth", "u:k", "-v", "action", "invoke", "a", "-r", "-p", "password", `se\"cret`)
	end := strings.LastIndex(stdout, "\n{\n") // what follows is the result itself
	traced := stdout[:max(end, 0)]
	if strings.Contains(traced, "cret") || strings.Contains(traced, "hush") || !strings.Contains(traced, `"password": "******"`) || !strings.Contains(traced, "seen") {
		t.Errorf("got\n%s\nwant the passwords hidden", traced)
	}
}

// TestEveryFlagWrongOnce gives every flag of every command no value, and a value of a wrong
// type: a sentence and the exit code of bad usage come of it, and nothing is done.
func TestEveryFlagWrongOnce(t *testing.T) {
	for _, name := range []string{"wsk", "quirl"} {
		tried := 0
		walk(command(name, &bytes.Buffer{}, &bytes.Buffer{}).Command, func(path []string, f *pflag.Flag) {
			for _, wrong := range wrongUses(f) {
				tried++
				var out, errs bytes.Buffer
				code := command(name, &out, &errs, append(slices.Clone(path), wrong)...).Run(t.Context())
				text := errs.String()
				if code != 1 || out.Len() > 0 || !strings.HasPrefix(text, "error: ") || strings.Count(text, "\n") > 2 || strings.Contains(text, "goroutine") {
					t.Errorf("%s %s %s: got %d\n%s%s", name, strings.Join(path, " "), wrong, code, &out, text)
				}
			}
		})
		if tried < 100 {
			t.Errorf("%s: %d wrong uses were tried, there are more flags than that", name, tried)
		}
	}
}

// walk calls do with each flag of each command below cmd, those of all commands once.
func walk(cmd *cobra.Command, do func(path []string, f *pflag.Flag)) {
	path := strings.Fields(cmd.CommandPath())[1:]
	cmd.Flags().VisitAll(func(f *pflag.Flag) { do(path, f) })
	cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { do(append(path, leafOf(cmd)...), f) })
	for _, below := range cmd.Commands() {
		walk(below, do)
	}
}

// leafOf is the way to a command that does something.
func leafOf(cmd *cobra.Command) []string {
	for cmd.HasSubCommands() {
		cmd = cmd.Commands()[0]
		return append([]string{cmd.Name()}, leafOf(cmd)...)
	}
	return nil
}

// wrongUses are a flag without its value, and with a value that it cannot have.
func wrongUses(f *pflag.Flag) []string {
	switch f.Value.Type() {
	case "bool":
		return []string{"--" + f.Name + "=perhaps"}
	case "int", "int64", "duration":
		return []string{"--" + f.Name, "--" + f.Name + "=some"}
	}
	return []string{"--" + f.Name}
}

// wsk runs a command line without any surroundings.
func wsk(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = command("wsk", &out, &errs, args...).Run(t.Context())
	return code, out.String(), errs.String()
}

func command(name string, stdout, stderr io.Writer, args ...string) *cli.Root {
	return cli.New(cli.Env{
		Args: append([]string{name}, args...), Stdout: stdout, Stderr: stderr, Build: "test",
		Getenv:    func(string) string { return "" },
		LookupEnv: func(key string) (string, bool) { return "", key == "WSK_CONFIG_FILE" },
	})
}
