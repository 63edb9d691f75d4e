package proxy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"quirl/container"
	"quirl/container/processcontainer"
	"quirl/proxy"
	"quirl/runtimes"
)

// BenchmarkRun is one warm activation of a Node.js function over its Unix socket,
// with 1 KB of arguments and as much result, by this package and by net/http.
func BenchmarkRun(b *testing.B) {
	c := nodeContainer(b)
	value := json.RawMessage(`{"text":"` + strings.Repeat("x", 1000) + `"}`)
	b.Run("proxy", func(b *testing.B) {
		client := proxy.New(c.Dial, proxy.Options{KeepAlive: 1, RequireLength: true})
		defer client.Close()
		ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			out, err := client.Run(ctx, proxy.RunRequest{
				Value: value, Namespace: "guest", ActionName: "/guest/echo", ActionVersion: "0.0.1", ActivationID: "0",
				TransactionID: "0", Limit: proxy.Limit{Response: 1 << 20},
			})
			if err != nil || out.Status != 200 {
				b.Fatal(out, err)
			}
		}
	})
	b.Run("net/http", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Dial(ctx) },
		}}
		defer client.CloseIdleConnections()
		b.ReportAllocs()
		for b.Loop() {
			runWithHTTP(b, client, value)
		}
	})
}

func runWithHTTP(b *testing.B, client *http.Client, value json.RawMessage) {
	body, err := json.Marshal(map[string]any{
		"value": value, "namespace": "guest", "action_name": "/guest/echo", "action_version": "0.0.1", "activation_id": "0",
		"transaction_id": "0", "deadline": "0",
	})
	if err != nil {
		b.Fatal(err)
	}
	response, err := client.Post("http://action/run", "application/json", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 200 {
		b.Fatal(response.StatusCode, err)
	}
}

// nodeContainer is a Node.js process with a function that returns its arguments.
func nodeContainer(b *testing.B) container.Container {
	b.Helper()
	offer, err := runtimes.Builtin().Detect(b.Context(), runtimes.Host{Path: os.Getenv("PATH") + ":/usr/bin"})
	if err != nil {
		b.Fatal(err)
	}
	files, err := runtimes.Extract(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	spec, err := offer.Spec("nodejs:default", files)
	if err != nil {
		b.Skip(err)
	}
	factory, err := processcontainer.New(processcontainer.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { factory.Close() })
	c, err := factory.Create(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	stdout, stderr := c.Output()
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	client := proxy.New(c.Dial, proxy.Options{})
	out, err := client.Init(b.Context(), proxy.InitRequest{Name: "echo", Main: "main", Code: "const main = (args) => args;"})
	if err != nil || out.Status != 200 {
		b.Fatal(out, err)
	}
	return c
}

// BenchmarkExchange is what a call costs on our side alone.
func BenchmarkExchange(b *testing.B) {
	reply := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000))
	c := proxy.New(func(context.Context) (net.Conn, error) { return &endless{text: reply}, nil }, proxy.Options{KeepAlive: 1})
	value := json.RawMessage(`{"text":"` + strings.Repeat("x", 1000) + `"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Run(context.Background(), proxy.RunRequest{Value: value, Limit: proxy.Limit{Response: 1 << 20}}); err != nil {
			b.Fatal(err)
		}
	}
}

// endless gives the same reply to each request.
type endless struct {
	script
	text []byte
	left []byte
}

func (e *endless) Write(b []byte) (int, error) {
	e.left = e.text
	return len(b), nil
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.left)
	e.left = e.left[n:]
	return n, nil
}
