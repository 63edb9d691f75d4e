package dockercontainer_test

import (
	"context"
	"io"
	"testing"
	"time"

	"quirl/container"
	"quirl/container/dockercontainer"
	"quirl/container/dockercontainer/dockertest"
	"quirl/internal/logtest"
)

// patience bounds each wait for something that must happen.
const patience = 60 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open makes a factory that is closed after the test.
func open(t *testing.T, engine *dockertest.Engine, instance string, adapt ...func(*dockercontainer.Config)) *dockercontainer.Factory {
	t.Helper()
	config := dockercontainer.Config{Host: engine.Host, Instance: instance, Log: logtest.New(t)}
	for _, a := range adapt {
		a(&config)
	}
	f, err := dockercontainer.New(config)
	must(t, err)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

func create(t *testing.T, f *dockercontainer.Factory, spec container.Spec) container.Container {
	t.Helper()
	c, err := f.Create(t.Context(), spec)
	must(t, err)
	return c
}

// greeter is a server that says hello to everybody.
const greeter = `
import socket
s = socket.create_server(("0.0.0.0", 8080))
kept = []
while True:
    c, _ = s.accept()
    c.sendall(b"hello")
    kept.append(c)
`

func greeterSpec(name string) container.Spec { return pythonSpec(name, greeter) }

func pythonSpec(name, script string) container.Spec {
	return image(container.Spec{
		Name: name, Kind: "test:1", Memory: 128 << 20, Env: []string{"PATH=/usr/bin:/bin"},
		Command: []string{"/usr/bin/python3", "-I", "-u", "-c", script},
	})
}

// greets calls a container that runs the greeter.
func greets(t *testing.T, c container.Container) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := c.Dial(ctx)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	text := make([]byte, 5)
	if _, err := io.ReadFull(conn, text); err != nil || string(text) != "hello" {
		t.Fatalf("%s: got %q, %v, want a greeting", c.ID(), text, err)
	}
}

// ends waits for the end of a container.
func ends(t *testing.T, c container.Container) {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatalf("%s does not end", c.ID())
	}
}

// listed are the names of the engine's containers that begin so.
func listed(t *testing.T, engine *dockertest.Engine, prefix string) string {
	t.Helper()
	names, err := engine.Docker("ps", "--all", "--format", "{{.Names}}", "--filter", "name=^"+prefix)
	must(t, err)
	return names
}
