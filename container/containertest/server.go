package containertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"quirl/container"
)

// server is a runtime that answers each request with the CPU time that it has
// used, in milliseconds, and burns more of it all the while. It says "booting",
// does so for the time given, and says "ready".
const server = `
import os, socket, sys, threading, time
print("booting", flush=True)
time.sleep(%f)
if "QUIRL_LISTEN_FD" in os.environ:
    s = socket.socket(fileno=int(os.environ["QUIRL_LISTEN_FD"]))
else:
    s = socket.create_server(("0.0.0.0", 8080), backlog=128)
def burn():
    while True: pass
if %d: threading.Thread(target=burn, daemon=True).start()
def answer(c):
    with c, c.makefile("rb") as f:
        while True:
            line = f.readline()
            if not line: return
            while line.strip(): line = f.readline()
            body = str(int(time.process_time() * 1000)).encode()
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %%d\r\n\r\n%%s" %% (len(body), body))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    threading.Thread(target=answer, args=(c,), daemon=True).start()
`

// serve starts a server that boots for so many seconds and, if burning, uses
// all the CPU it gets.
func (b *bench) serve(t *testing.T, boot float64, burning bool) container.Container {
	t.Helper()
	return b.create(t, b.serverSpec(boot, burning))
}

func (b *bench) serverSpec(boot float64, burning bool) container.Spec {
	burn := 0
	if burning {
		burn = 1
	}
	return b.python(fmt.Sprintf(server, boot, burn))
}

// ask sends one request over conn and returns the server's CPU time.
func ask(ctx context.Context, conn net.Conn) (milliseconds int, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return 0, err
		}
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: runtime\r\n\r\n"); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err := fmt.Fscan(response.Body, &milliseconds); err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	return milliseconds, nil
}

// dialAndAsk is one call on a connection of its own.
func dialAndAsk(ctx context.Context, c container.Container) (milliseconds int, err error) {
	conn, err := c.Dial(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return ask(ctx, conn)
}
