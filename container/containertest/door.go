package containertest

import (
	"bufio"
	"errors"
	"io"
	"testing"

	"quirl/container"
)

// visitor connects to the door as soon as there is one, says hello, and prints
// what it is told.
const visitor = `
import socket, sys, time
while True:
    try:
        door = socket.create_connection(("127.0.0.1", 4567))
        break
    except OSError:
        time.sleep(0.01)
door.sendall(b"hello\n")
sys.stdout.write(door.makefile().read())
`

func testDoor(t *testing.T, b *bench) {
	c := b.create(t, b.python(visitor))
	inside, can := c.(container.Doorway)
	if !can {
		t.Skip("the containers of this factory have no doors")
	}
	door, err := inside.Listen(4567)
	if err != nil {
		t.Skipf("the containers of this factory have no doors here: %v", err)
	}
	if again, err := inside.Listen(4567); err == nil {
		again.Close()
		t.Error("the port was given away twice")
	}
	conn, err := door.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" || err != nil {
		t.Errorf("from inside came %q, %v", line, err)
	}
	if _, err := io.WriteString(conn, "welcome"); err != nil {
		t.Error(err)
	}
	conn.Close()
	if r, err := Finish(b.ctx, c); err != nil || r.Stdout != "welcome" {
		t.Errorf("inside it was told %q, %v; %s", r.Stdout, err, r.Stderr)
	}
	if err := door.Close(); err != nil {
		t.Error(err)
	}
	b.remove(t, c)
	if _, err := inside.Listen(4567); !errors.Is(err, container.ErrGone) {
		t.Errorf("a door into a container that was removed: %v, want ErrGone", err)
	}
}
