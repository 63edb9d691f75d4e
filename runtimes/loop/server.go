package loop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"quirl/internal/archive"
)

const (
	maxHead = 64 << 10
	// 48 MB of code are 64 MB of base64; the rest is room for JSON and the environment.
	maxBody = 80 << 20
)

// Serve answers the requests on all connections of l. It returns nil when l is closed,
// and ErrKilled when the process has to end because a program was.
func (a *Action) Serve(l net.Listener) error {
	killed := make(chan struct{})
	failed := make(chan error, 1)
	go func() { failed <- a.accept(l, killed) }()
	select {
	case <-killed:
		return ErrKilled
	case err := <-failed:
		a.end()
		return err
	}
}

func (a *Action) accept(l net.Listener, killed chan<- struct{}) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept connections: %w", err)
		}
		go a.serve(conn, killed)
	}
}

// errRequest is a request that cannot be understood; the connection ends with it.
type errRequest struct {
	status int
	text   string
}

func (e errRequest) Error() string { return e.text }

func (a *Action) serve(conn net.Conn, killed chan<- struct{}) {
	defer func() { _ = conn.Close() }()
	head := &io.LimitedReader{R: conn}
	in := bufio.NewReaderSize(head, 16<<10)
	for {
		head.N = maxHead
		request, err := http.ReadRequest(in)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = write(conn, errorReply(http.StatusBadRequest, err.Error()), true)
			}
			return
		}
		head.N = maxBody + maxHead
		r, err := a.answer(conn, request)
		var refused errRequest
		if errors.As(err, &refused) {
			_ = write(conn, errorReply(refused.status, refused.text), true)
		}
		if err != nil {
			return
		}
		if r.killed {
			close(killed) // there was one program, and it has ended
			return
		}
		if send(conn, r, request.Close) != nil || request.Close {
			return
		}
	}
}

// answer answers one request. An error ends the connection.
func (a *Action) answer(conn net.Conn, request *http.Request) (reply, error) {
	if request.ProtoMajor != 1 {
		return reply{}, errRequest{http.StatusHTTPVersionNotSupported, "Only HTTP/1.1 is spoken here."}
	}
	if request.ContentLength > maxBody {
		return reply{}, errRequest{http.StatusRequestEntityTooLarge, "Request too large."}
	}
	if strings.EqualFold(request.Header.Get("Expect"), "100-continue") {
		if _, err := io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return reply{}, err
		}
	}
	body, err := readBody(request)
	if err != nil {
		return reply{}, errRequest{http.StatusBadRequest, err.Error()}
	}
	switch request.Method + " " + request.URL.Path {
	case "POST /init":
		return a.init(body), nil
	case "POST /run":
		return a.run(body, request.Header.Get("X-Quirl-Sentinels")), nil
	case "POST /warm":
		return a.warm(), nil
	case "POST /compiled":
		return a.compiled(), nil
	}
	return errorReply(http.StatusNotFound, "Not found."), nil
}

func readBody(request *http.Request) ([]byte, error) {
	if request.ContentLength < 0 {
		return io.ReadAll(request.Body)
	}
	body := make([]byte, request.ContentLength)
	_, err := io.ReadFull(request.Body, body)
	return body, err
}

func send(conn net.Conn, r reply, last bool) error {
	if r.zip != "" {
		return writeZip(conn, r.zip)
	}
	return write(conn, r, last)
}

// write writes a reply in one piece: one system call when it is small.
func write(conn net.Conn, r reply, last bool) error {
	b := make([]byte, 0, 256+len(r.body))
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(r.status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(r.status)...)
	b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(r.body)), 10)
	if r.silent {
		b = append(b, "\r\nX-Quirl-Sentinels: none"...)
	}
	if r.compiled {
		b = append(b, "\r\nX-Quirl-Compiled: yes"...)
	}
	if last {
		b = append(b, "\r\nConnection: close"...)
	}
	b = append(append(b, "\r\n\r\n"...), r.body...)
	_, err := conn.Write(b)
	return err
}

// writeZip writes a folder as a zip file, which need not be in memory for that.
func writeZip(conn net.Conn, folder string) error {
	var length counter
	if err := archive.Pack(&length, folder); err != nil {
		return write(conn, errorReply(http.StatusNotFound, err.Error()), false)
	}
	out := bufio.NewWriterSize(conn, 64<<10)
	if _, err := fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: %d\r\n\r\n", length); err != nil {
		return err
	}
	if err := archive.Pack(out, folder); err != nil {
		return err // the reader sees that the end is missing
	}
	return out.Flush()
}

// A counter counts bytes.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
