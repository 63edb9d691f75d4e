package script_test

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/rogpeppe/go-internal/testscript"

	"quirl/internal/realtest"
	"quirl/test/quirltest"
)

// patience is how long an event may take to come.
const patience = 60 * time.Second

// commands are ours, beside those of testscript.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"serve":      serve,
	"bucket":     bucket,
	"issuer":     issuer,
	"token":      token,
	"real":       realServer,
	"halt":       stop, // "stop" is testscript's own: it ends the script, and would pass
	"serverlog":  serverLog,
	"exits":      exits,
	"prints":     prints,
	"complains":  complains,
	"waitfor":    waitFor,
	"http":       httpCommand,
	"nothing":    nothing,
	"occupy":     occupy,
	"capture":    capture,
	"bigfile":    bigFile,
	"refuses":    refuses,
	"background": background,
	"inflight":   inFlight,
	"overtls":    overTLS,
	"website":    website,
}

// servers lets few servers run at once.
var servers = make(chan struct{}, 2)

// A server is the running one of a script.
type server struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
	mu   sync.Mutex
	log  bytes.Buffer
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *server) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

var (
	runningMu sync.Mutex
	running   = map[*testscript.TestScript]*server{}
)

func current(ts *testscript.TestScript) *server {
	runningMu.Lock()
	defer runningMu.Unlock()
	return running[ts]
}

func setCurrent(ts *testscript.TestScript, s *server) {
	runningMu.Lock()
	defer runningMu.Unlock()
	running[ts] = s
}

// data is the folder of the script's server.
func data(ts *testscript.TestScript) string {
	return ts.MkAbs(filepath.Join(ts.Getenv("WORK"), "data"))
}

// serve [FLAG...]: starts the script's server and waits until it answers.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || current(ts) != nil {
		ts.Fatalf("usage: serve [FLAG...], once at a time")
	}
	servers <- struct{}{}
	flags := append([]string{"serve", "--listen", ts.Getenv("ADDR"), "--data", data(ts), ts.Getenv("CONTAINERS")}, args...)
	s := &server{cmd: exec.Command(filepath.Join(quirltest.Root(), "bin", "quirl"), flags...), done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	if err := s.cmd.Start(); err != nil {
		<-servers
		ts.Fatalf("%v", err)
	}
	setCurrent(ts, s)
	go func() {
		s.err = s.cmd.Wait()
		<-servers
		close(s.done)
	}()
	ts.Defer(func() {
		if current(ts) == s {
			halt(ts, s, syscall.SIGTERM)
			ts.Logf("[log of the server]\n%s", s.text())
		}
	})
	retry(ts, "the server does not answer", func() error {
		select {
		case <-s.done:
			ts.Fatalf("the server ended: %v\n%s", s.err, s.text())
		default:
		}
		res, err := http.Get(ts.Getenv("URL") + "/ping")
		if err == nil {
			res.Body.Close()
		}
		return err
	})
}

func halt(ts *testscript.TestScript, s *server, sig os.Signal) {
	s.cmd.Process.Signal(sig) // it may have ended already
	<-s.done
	setCurrent(ts, nil)
}

// [!] halt [KILL]: ends the server and waits for that; it must exit with 0 unless negated or killed.
func stop(ts *testscript.TestScript, neg bool, args []string) {
	s := current(ts)
	if s == nil {
		ts.Fatalf("no server runs")
	}
	kill := len(args) == 1 && args[0] == "KILL"
	sig := syscall.SIGTERM
	if kill {
		sig = syscall.SIGKILL
	}
	halt(ts, s, sig)
	if !kill && (s.err != nil) != neg {
		ts.Fatalf("the server ended with %v\n%s", s.err, s.text())
	}
}

// serverlog REGEXP: waits until the server has printed it.
func serverLog(ts *testscript.TestScript, neg bool, args []string) {
	re := regexp.MustCompile(args[0])
	s := current(ts)
	if neg {
		if re.MatchString(s.text()) {
			ts.Fatalf("the server's log has %s\n%s", args[0], s.text())
		}
		return
	}
	retry(ts, "the server did not print it", func() error {
		if re.MatchString(s.text()) {
			return nil
		}
		return errors.New(s.text())
	})
}

func retry(ts *testscript.TestScript, what string, try func() error) {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s: %v", what, err)
		}
	}
}

// What changes from run to run is shown by a name.
var (
	codes    = regexp.MustCompile(`\(code [A-Za-z0-9]{32}\)|"code":"[A-Za-z0-9]{32}"`)
	ids      = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	stamps   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z *`)
	days     = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( [+-]\d{4} UTC)?`)
	lengths  = regexp.MustCompile(`(\s(?:cold|warm)) +[0-9.µms]+s +`)
	numbers  = regexp.MustCompile(`"(start|end|duration|updated|size|admission|queue|container|init|run)":( ?)\d+`)
	times    = regexp.MustCompile(`("key": "(?:waitTime|initTime)",\s+"value": )\d+`)
	origins  = regexp.MustCompile(`"start": "(cold|stem)"`)
	versions = regexp.MustCompile(`\b(nodejs|python):\d[0-9.]*`)
)

func normal(ts *testscript.TestScript, text string) string {
	text = codes.ReplaceAllStringFunc(text, func(m string) string {
		if strings.HasPrefix(m, "(") {
			return "(code TID)"
		}
		return `"code":"TID"`
	})
	text = ids.ReplaceAllString(text, "ID")
	text = stamps.ReplaceAllString(text, "TIME ")
	text = days.ReplaceAllString(text, "DATE TIME")
	text = lengths.ReplaceAllString(text, "$1 LONG ")
	text = numbers.ReplaceAllString(text, `"$1":${2}N`)
	text = times.ReplaceAllString(text, "${1}N")
	text = origins.ReplaceAllString(text, `"start": "S"`)
	text = versions.ReplaceAllString(text, "$1:V")
	text = strings.ReplaceAll(text, ts.Getenv("URL"), "URL")
	text = strings.ReplaceAll(text, ts.Getenv("ADDR"), "ADDR")
	text = strings.ReplaceAll(text, ts.Getenv("KEY"), "KEY")
	return strings.ReplaceAll(text, ts.Getenv("WORK"), "WORK")
}

// exits CODE PROGRAM [ARGUMENT...]: runs it; its exit code must be CODE. $ID becomes
// the first activation id that it prints, and what changes from run to run is
// shown by a name (ID, TIME, URL, N …).
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT...]")
	}
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if got != want {
		ts.Fatalf("exit code: got %d, want %d\n%s%s", got, want, stdout, stderr)
	}
	if id := ids.FindString(codes.ReplaceAllString(stdout+stderr, "")); id != "" {
		ts.Setenv("ID", id)
	}
	io.WriteString(ts.Stdout(), normal(ts, stdout))
	io.WriteString(ts.Stderr(), normal(ts, stderr))
}

// prints [LINE...]: the last command printed exactly these lines, and nothing else.
func prints(ts *testscript.TestScript, _ bool, args []string) { exactly(ts, "stdout", "stderr", args) }

// complains [LINE...]: the same on standard error.
func complains(ts *testscript.TestScript, _ bool, args []string) {
	exactly(ts, "stderr", "stdout", args)
}

func exactly(ts *testscript.TestScript, here, not string, lines []string) {
	got, other := ts.ReadFile(here), ts.ReadFile(not)
	if want := strings.Join(append(lines, ""), "\n"); got != want || other != "" {
		ts.Fatalf("%s: got\n%s\nwant\n%s\n%s: got %q, want nothing", here, got, want, not, other)
	}
}

// [!] waitfor PROGRAM [ARGUMENT...]: runs it until it succeeds.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	retry(ts, strings.Join(args, " "), func() error {
		err := ts.Exec(args[0], args[1:]...)
		if neg && err == nil {
			return errors.New("it succeeds")
		}
		if neg {
			return nil
		}
		return err
	})
}

// http STATUS METHOD PATH [FILE | -]: sends the file, as the guest unless $ANONYMOUS is set; $HEADER is one
// more header. The status must be STATUS; prints the body.
func httpCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD PATH [FILE]")
	}
	var body io.Reader
	if len(args) > 3 {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	req, err := http.NewRequest(args[1], ts.Getenv("URL")+args[2], body)
	ts.Check(err)
	if ts.Getenv("ANONYMOUS") == "" {
		user, password, _ := strings.Cut(ts.Getenv("KEY"), ":")
		req.SetBasicAuth(user, password)
	}
	req.Header.Set("Content-Type", "application/json")
	if key, value, ok := strings.Cut(ts.Getenv("HEADER"), ": "); ok {
		req.Header.Set(key, value)
	}
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	if got := strconv.Itoa(res.StatusCode); got != args[0] {
		ts.Fatalf("status: got %s, want %s\n%s", got, args[0], text)
	}
	if id := ids.FindString(codes.ReplaceAllString(string(text), "")); id != "" {
		ts.Setenv("ID", id)
	}
	fmt.Fprintln(ts.Stdout(), normal(ts, string(text)))
}

// nothing is left: waits until no process, control group or container folder of the script's server is there.
func nothing(ts *testscript.TestScript, _ bool, _ []string) {
	retry(ts, "something is left", func() error {
		if left := leftovers(data(ts)); len(left) > 0 {
			return fmt.Errorf("%s", strings.Join(left, "\n"))
		}
		return nil
	})
}

// occupy VARIABLE: listens on all addresses until the script ends; the variable becomes the one of loopback.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", ":0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], "127.0.0.1:"+port)
}

// capture VARIABLE REGEXP: sets a variable to the first group found on the last standard output.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("standard output does not have %s\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], m[1])
}

// bigfile NAME BYTES: writes a JSON object with one member of that many characters.
func bigFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(`{"big":"`+strings.Repeat("x", n)+`"}`), 0o644))
}

// refuses REGEXP PROGRAM [ARGUMENT...]: the program must fail at once, not by a signal, with one
// line on standard error that begins with "error:" and has the expression; warnings before it are passed over.
func refuses(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() < 1 {
		ts.Fatalf("got %v, want an exit code that is not 0", err)
	}
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stderr")), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "time=") })
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "error: ") || !regexp.MustCompile(args[0]).MatchString(lines[0]) {
		ts.Fatalf("got\n%s\nwant one line that begins with error: and matches %s", ts.ReadFile("stderr"), args[0])
	}
}

// background FILE PROGRAM [ARGUMENT...]: starts a program whose output goes to a file; testscript's
// own & keeps the output until wait.
func background(ts *testscript.TestScript, _ bool, args []string) {
	path := slices.IndexFunc(strings.Split(ts.Getenv("PATH"), ":"), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, args[1]))
		return err == nil
	})
	if path < 0 {
		ts.Fatalf("%s is not in PATH", args[1])
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	cmd := exec.Command(filepath.Join(strings.Split(ts.Getenv("PATH"), ":")[path], args[1]), args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = f, f
	ts.Check(cmd.Start())
	done := make(chan struct{})
	go func() {
		cmd.Wait()
		f.Close()
		close(done)
	}()
	ts.Defer(func() {
		cmd.Process.Signal(os.Interrupt) // it may have ended already
		select {
		case <-done:
		case <-time.After(patience):
			cmd.Process.Kill()
			<-done
		}
	})
}

// inflight FILE: stops the server while the program that writes FILE waits for its answer; then FILE has it.
func inFlight(ts *testscript.TestScript, _ bool, args []string) {
	stop(ts, false, nil)
	retry(ts, "the answer does not come", func() error {
		if text := ts.ReadFile(args[0]); !regexp.MustCompile(args[1]).MatchString(text) {
			return fmt.Errorf("%s has %q", args[0], text)
		}
		return nil
	})
}

// website serves a folder over HTTP until the script ends, and sets SITE to its address.
// As a code host does, it gives any folder as OWNER/NAME/archive/VERSION.zip, too.
func website(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: website folder")
	}
	root := ts.MkAbs(args[0])
	files := http.FileServer(http.Dir(root))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		repository, version, archive := strings.Cut(strings.TrimSuffix(r.URL.Path, ".zip"), "/archive/")
		if !archive {
			files.ServeHTTP(w, r)
			return
		}
		if err := archived(w, filepath.Join(root, filepath.FromSlash(repository)), version); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	}))
	ts.Defer(site.Close)
	ts.Setenv("SITE", site.URL)
}

// archived writes a repository as an archive whose one folder is named NAME-VERSION.
func archived(w io.Writer, repository, version string) error {
	if _, err := os.Stat(repository); err != nil {
		return err
	}
	z := zip.NewWriter(w)
	err := fs.WalkDir(os.DirFS(repository), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			return err
		}
		to, err := z.Create(path.Join(filepath.Base(repository)+"-"+version, name))
		if err != nil {
			return err
		}
		_, err = to.Write(content)
		return err
	})
	return errors.Join(err, z.Close())
}

// overTLS puts TLS before the server, by a certificate that nobody knows, and sets TLSURL to
// where that is. With the word clients, these need a certificate, too: client.pem and client.key.
func overTLS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 || len(args) == 1 && args[0] != "clients" {
		ts.Fatalf("usage: overtls [clients]")
	}
	target, err := url.Parse(ts.Getenv("URL"))
	ts.Check(err)
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(target))
	front.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not like the certificate
	if len(args) == 1 {
		front.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		ts.Check(writeCertificate(ts.MkAbs("client.pem"), ts.MkAbs("client.key")))
	}
	front.StartTLS()
	ts.Defer(front.Close)
	ts.Setenv("TLSURL", front.URL)
}

func writeCertificate(certificate, key string) error {
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pair.Public(), pair)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(pair)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600),
	)
}

// realServer ends the script's real server, by force or not, or starts it again.
func realServer(ts *testscript.TestScript, neg bool, args []string) {
	server, ok := ts.Value(realKey{}).(*realtest.Server)
	if neg || !ok || len(args) != 1 {
		ts.Fatalf("usage: real kill|stop|start, in scripts that have such a server")
	}
	switch args[0] {
	case "kill":
		ts.Check(server.Kill())
	case "stop":
		ts.Check(server.Stop())
	case "start":
		ts.Check(server.Start())
	default:
		ts.Fatalf("usage: real kill|stop|start")
	}
}

// issuers are the OpenID Connect issuers of scripts, by their folders.
var issuers sync.Map

// issuerOf is an issuer and what it signs with.
type issuerOf struct {
	url string
	key *rsa.PrivateKey
}

// issuer starts an OpenID Connect issuer and sets ISSUER to its URL.
func issuer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: issuer")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	handler := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.RS256}}}
	server := httptest.NewServer(handler)
	handler.SetIssuer(server.URL)
	ts.Defer(server.Close)
	issuers.Store(ts.Getenv("WORK"), issuerOf{server.URL, key})
	ts.Setenv("ISSUER", server.URL)
}

// token writes a token of the issuer for the audience quirl to a file: who it is for, how long it
// is valid, and the groups.
func token(ts *testscript.TestScript, neg bool, args []string) {
	of, ok := issuers.Load(ts.Getenv("WORK"))
	if neg || len(args) < 3 || !ok {
		ts.Fatalf("usage: token FILE SUBJECT DURATION [GROUP...], after issuer")
	}
	valid, err := time.ParseDuration(args[2])
	ts.Check(err)
	is := of.(issuerOf)
	claims, err := json.Marshal(map[string]any{"iss": is.url, "aud": "quirl", "sub": args[1], "exp": time.Now().Add(valid).Unix(), "groups": args[3:]})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(oidctest.SignIDToken(is.key, "k", oidc.RS256, string(claims))), 0o600))
}

// realKey is where a script keeps its real server.
type realKey struct{}

// bucket starts an S3 server, or with stop ends it, and sets S3 to the URL of a bucket in it.
func bucket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 || len(args) == 1 && args[0] != "stop" {
		ts.Fatalf("usage: bucket [stop]")
	}
	if len(args) == 1 {
		of, ok := buckets.Load(ts.Getenv("WORK"))
		if !ok {
			ts.Fatalf("there is no bucket")
		}
		of.(*httptest.Server).Close()
		return
	}
	s := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	ts.Defer(s.Close)
	buckets.Store(ts.Getenv("WORK"), s)
	ts.Setenv("S3", "s3://key:secret@"+strings.TrimPrefix(s.URL, "http://")+"/code/of/tests?secure=false&create=true")
}

// buckets are the S3 servers of scripts, by their folders.
var buckets sync.Map
