//go:build linux

package sandboxcontainer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"quirl/container"
	"quirl/container/sandboxcontainer"
)

// TestFifty has fifty living containers made at once, from shells and without.
func TestFifty(t *testing.T) {
	const n = 50
	f := factory(t, func(c *sandboxcontainer.Config) { c.Shells = 4 })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	results := make(chan error)
	all := make(chan container.Container, n)
	for i := range n {
		go func() {
			c, err := f.Create(ctx, probeSpec(fmt.Sprintf("load_%d", i), `
s = socket.socket(fileno=3)
while True:
    c, _ = s.accept()
    c.recv(1000); c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"); c.close()
`))
			if err == nil {
				all <- c
				err = get(ctx, c)
			}
			results <- err
		}()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	close(all)
	for c := range all {
		go func() {
			if err := get(ctx, c); err != nil {
				results <- err
				return
			}
			results <- c.Remove(ctx)
		}()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func get(ctx context.Context, c container.Container) error {
	conn, err := c.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && string(text) != "ok" {
		err = fmt.Errorf("%s answers %q", c.ID(), text)
	}
	return err
}
