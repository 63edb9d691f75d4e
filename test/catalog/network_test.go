package catalog_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quirl/client"
	"quirl/test/quirltest"
)

// The tests of this file use containers without isolation: only those can reach
// servers on loopback, such as the API itself and the ones made here.
const onHost = "--containers=process://"

func TestFetch(t *testing.T) {
	c := start(t, onHost)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, "grüß dich")
	}))
	t.Cleanup(srv.Close)
	for _, call := range []call{
		{"samples/curl", `{"payload":"` + srv.URL + `"}`, `{"msg":"grüß dich"}`, nil},
		{"samples/curl", `{"payload":"http://127.0.0.1:1"}`, `{"error":"http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1"}`, nil},
		{"samples/httpGet", `{"url":"` + srv.URL + `"}`, `{"status":200,"body":"grüß dich"}`, nil},
		{"samples/httpGet", `{"url":"` + srv.URL + `/none"}`, `{"status":404,"body":"grüß dich"}`, nil},
		{"samples/httpGet", `{"url":"http://127.0.0.1:1"}`, `{"error":"~http://127.0.0.1:1: .*refused.*"}`, nil},
	} {
		check(t, c, call)
	}
}

// TestCallsOfTheAPI has functions call the API with their caller's key.
func TestCallsOfTheAPI(t *testing.T) {
	c := start(t, onHost)
	check(t, c, call{"samples/invoke", `{}`, `{"date":"~....-..-..T.*Z"}`, nil})
	check(t, c, call{"samples/countdown", `{"n":2}`, `{"n":2,"next":"~[0-9a-f]{32}"}`, []string{"2"}})
	waitFor(t, "three activations of countdown", func() bool {
		var list []client.Activation
		do(t, c, client.Request{Path: "namespaces/_/activations", Query: url.Values{"name": {"samples/countdown"}}, Into: &list})
		return len(list) == 3
	})
	check(t, c, call{"samples/trigger", `{"triggerName":"no such"}`, `{"error":"~The API answered 404: .*"}`, nil})
}

func TestSlack(t *testing.T) {
	c := start(t, onHost)
	var form url.Values
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form = r.PostForm
		switch {
		case r.URL.Path == "/gone":
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "no_service")
		case form.Get("token") == "wrong":
			io.WriteString(w, `{"ok":false,"error":"invalid_auth"}`)
		case form.Get("token") != "":
			io.WriteString(w, `{"ok":true}`)
		default:
			io.WriteString(w, "ok")
		}
	}))
	t.Cleanup(srv.Close)
	post := func(path, more, want string) {
		t.Helper()
		check(t, c, call{"slack/post", `{"url":"` + srv.URL + path + `","channel":"#c",` + more + `}`, want, nil})
	}

	post("/hook", `"text":"a&b","icon_emoji":":cat:"`, `{}`)
	want := `{"channel":"#c","username":"Simple Message Bot","icon_emoji":":cat:","text":"a&b"}`
	if form.Get("payload") != want || len(form) != 1 {
		t.Errorf("the webhook got %v, want one field payload with %s", form, want)
	}
	post("/gone", `"text":"x"`, `{"error":"Slack answered 404: no_service"}`)
	post("/api", `"text":"x","token":"secret","username":"me","as_user":true,"attachments":[{"a":1}]`, `{}`)
	flat := url.Values{"channel": {"#c"}, "username": {"me"}, "as_user": {"true"}, "text": {"x"}, "attachments": {`[{"a":1}]`}, "token": {"secret"}}
	if diff := cmp.Diff(flat, form); diff != "" {
		t.Errorf("the Web API got other fields (-want +got):\n%s", diff)
	}
	post("/api", `"text":"x","token":"wrong"`, `{"error":"Slack answered 200: invalid_auth"}`)
}

// A hub is as much of GitHub's API as webhooks need.
type hub struct {
	t     *testing.T
	hooks []map[string]any
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const hooks = "/repos/octo/hello/hooks"
	user, token, _ := r.BasicAuth()
	switch {
	case user != "octo" || token != "secret" || r.Header.Get("User-Agent") == "":
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"message":"Bad credentials"}`)
	case r.Method == http.MethodPost && r.URL.Path == hooks:
		var hook map[string]any
		if err := json.NewDecoder(r.Body).Decode(&hook); err != nil {
			h.t.Error(err)
		}
		hook["id"] = 7
		h.hooks = append(h.hooks, hook)
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(hook)
	case r.Method == http.MethodGet && r.URL.Path == hooks:
		text, err := json.Marshal(h.hooks)
		if err != nil {
			h.t.Error(err)
		}
		w.Write(regexp.MustCompile(`:[^:@"]*@`).ReplaceAll(text, []byte(":***@"))) // as GitHub lists them
	case r.Method == http.MethodDelete && r.URL.Path == hooks+"/7":
		h.hooks = h.hooks[:1]
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"message":"Not Found"}`)
	}
}

func TestGitHub(t *testing.T) {
	c := start(t, onHost)
	h := &hub{t: t, hooks: []map[string]any{{"id": 1, "config": map[string]any{"url": "https://example.com/other"}}}}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	base := `"baseUrl":"` + srv.URL + `","events":"push, issues",`

	check(t, c, call{"github/webhook", hook(base + `"lifecycleEvent":"CREATE"`), `{"response":{"id":7,"events":["push","issues"]}}`, nil})
	want := map[string]any{
		"id": 7, "name": "web", "active": true, "events": []any{"push", "issues"},
		"config": map[string]any{"url": strings.Replace(c.Host, "//", "//"+quirltest.GuestKey+"@", 1) + "/api/v1/namespaces/guest/triggers/t1", "content_type": "json"},
	}
	if diff := cmp.Diff(want, h.hooks[1]); diff != "" {
		t.Errorf("GitHub got another hook (-want +got):\n%s", diff)
	}
	check(t, c, call{"github/webhook", hook(base + `"lifecycleEvent":"DELETE"`), `{"response":{"id":7}}`, nil})
	check(t, c, call{"github/webhook", hook(base + `"lifecycleEvent":"DELETE"`), `{"error":"No webhook of hello fires /_/t1."}`, nil})
	check(t, c, call{"github/webhook", hook(base + `"repository":"else/where","lifecycleEvent":"CREATE"`), `{"error":"GitHub answered 404: {\"message\":\"Not Found\"}"}`, nil})
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// A socket is the server's side of one WebSocket: it keeps the first message.
type socket struct{ message chan string }

func (s *socket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" || r.URL.Path != "/chat" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	conn, stream, err := w.(http.Hijacker).Hijack()
	if err != nil {
		s.message <- err.Error()
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", acceptKey(r.Header.Get("Sec-WebSocket-Key")))
	opcode, message := readFrame(stream.Reader)
	if opcode != 1 {
		message = fmt.Sprintf("a frame with opcode %d", opcode)
	}
	if opcode, _ := readFrame(stream.Reader); opcode != 8 {
		message = fmt.Sprintf("no goodbye but a frame with opcode %d", opcode)
	}
	conn.Write([]byte{0x88, 0})
	s.message <- message
}

// readFrame reads a masked frame.
func readFrame(r *bufio.Reader) (opcode byte, data string) {
	head := make([]byte, 2)
	io.ReadFull(r, head) // what is cut short shows in the opcode
	size := int(head[1] & 0x7f)
	if extra := map[int]int{126: 2, 127: 8}[size]; extra > 0 {
		size = 0
		for range extra {
			b, _ := r.ReadByte()
			size = size<<8 | int(b)
		}
	}
	mask, body := make([]byte, 4), make([]byte, size)
	io.ReadFull(r, mask)
	io.ReadFull(r, body)
	for i := range body {
		body[i] ^= mask[i%4]
	}
	if head[1]&0x80 == 0 {
		return 0, "" // clients must mask
	}
	return head[0] & 0x0f, string(body)
}

func TestWebSocket(t *testing.T) {
	c := start(t, onHost)
	s := &socket{make(chan string, 1)}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	uri := strings.Replace(srv.URL, "http", "ws", 1)
	for _, payload := range []string{`"hi"`, `"` + strings.Repeat("ü", 500) + `"`, `"` + strings.Repeat("x", 70_000) + `"`, `{"a":1}`} {
		check(t, c, call{"websocket/send", `{"uri":"` + uri + `/chat","payload":` + payload + `}`, `{"payload":` + payload + `}`, nil})
		select {
		case got := <-s.message:
			if want := strings.Trim(payload, `"`); got != want {
				t.Errorf("the server got %.40q of %d bytes, want %.40q of %d", got, len(got), want, len(want))
			}
		case <-time.After(10 * time.Second):
			t.Errorf("the server got nothing for %.40s", payload)
		}
	}
	check(t, c, call{"websocket/send", `{"uri":"` + uri + `/tea","payload":"x"}`, `{"error":"` + uri + `/tea refused the connection with status 418."}`, nil})
	check(t, c, call{"websocket/send", `{"uri":"ws://127.0.0.1:1/","payload":"x"}`, `{"error":"connect ECONNREFUSED 127.0.0.1:1"}`, nil})
}

// waitFor asks until it is so.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("there are no %s after 20 seconds", what)
		}
	}
}
