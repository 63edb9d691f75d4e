package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// errMalformed says that what came is no HTTP/1.x response.
var errMalformed = errors.New("malformed response")

// maxHead bounds the bytes of a response's head; maxInterim the 1xx responses before it.
const (
	maxHead    = 64 << 10
	maxInterim = 16
)

// A head is what matters of the status line and header fields.
type head struct {
	status  int
	length  int64 // of the body; -1 when not told
	chunked bool
	close   bool // the connection cannot be used again
	old     bool // HTTP/1.0
	silent  bool // no sentinels were written
	// there is something to fetch from /compiled
	compiled bool
}

// readReply reads a response. reusable says that the connection stands at the
// beginning of the next one.
func readReply(r *bufio.Reader, limit Limit, requireLength bool) (out Outcome, reusable bool, err error) {
	var h head
	for range maxInterim {
		if h, err = readHead(r); err != nil {
			return Outcome{}, false, err
		}
		if h.status >= 200 {
			break
		}
	}
	switch {
	case h.status < 200:
		return Outcome{}, false, fmt.Errorf("%w: too many interim responses", errMalformed)
	case h.status == 204 || h.status == 304:
		return Outcome{Status: h.status}, !h.close, nil
	case h.length < 0 && requireLength:
		return Outcome{}, false, fmt.Errorf("%w: no Content-Length", errMalformed)
	}
	out, whole, err := readBody(r, h, limit)
	out.Status, out.Silent, out.Compiled = h.status, h.silent, h.compiled
	return out, err == nil && whole && !h.close && (h.chunked || h.length >= 0), err
}

// readHead reads one status line and the fields after it.
func readHead(r *bufio.Reader) (head, error) {
	h := head{length: -1}
	line, err := readLine(r)
	if err != nil {
		return h, err
	}
	if err := h.statusLine(line); err != nil {
		return h, err
	}
	for size := len(line); ; {
		line, err := readLine(r)
		if err != nil {
			return h, noEOF(err)
		}
		if len(line) == 0 {
			break
		}
		if size += len(line); size > maxHead {
			return h, fmt.Errorf("%w: head too long", errMalformed)
		}
		name, value, ok := bytes.Cut(line, colon)
		if !ok {
			return h, fmt.Errorf("%w: header field %q", errMalformed, line)
		}
		if err := h.field(name, bytes.TrimSpace(value)); err != nil {
			return h, err
		}
	}
	if h.chunked && h.old {
		return h, fmt.Errorf("%w: chunks in HTTP/1.0", errMalformed) // RFC 9112, 6.1
	}
	if h.chunked {
		h.length = -1 // RFC 9112, 6.3: the transfer coding overrides the length
	}
	return h, nil
}

// Names of the fields that matter.
var (
	colon            = []byte(":")
	contentLength    = []byte("content-length")
	transferEncoding = []byte("transfer-encoding")
	connection       = []byte("connection")
	chunked          = []byte("chunked")
	closing          = []byte("close")
	sentinels        = []byte("x-quirl-sentinels")
	compiled         = []byte("x-quirl-compiled")
	none             = []byte("none")
)

// statusLine reads `HTTP/1.1 200 OK`; the reason may be missing.
func (h *head) statusLine(line []byte) error {
	const length = len("HTTP/1.1 200")
	if len(line) < length || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' || len(line) > length && line[length] != ' ' {
		return fmt.Errorf("%w: status line %.40q", errMalformed, line)
	}
	status, ok := parseDecimal(line[9:length])
	if !ok || status < 100 {
		return fmt.Errorf("%w: status line %.40q", errMalformed, line)
	}
	h.status = int(status)
	h.old = line[7] == '0'
	h.close = h.old
	return nil
}

func (h *head) field(name, value []byte) error {
	switch {
	case bytes.EqualFold(name, contentLength):
		n, ok := parseDecimal(value)
		if !ok || h.length >= 0 && h.length != n {
			return fmt.Errorf("%w: Content-Length %.40q", errMalformed, value)
		}
		h.length = n
	case bytes.EqualFold(name, transferEncoding):
		if !bytes.EqualFold(value, chunked) {
			return fmt.Errorf("%w: transfer coding %.40q", errMalformed, value)
		}
		h.chunked = true
	case bytes.EqualFold(name, connection) && bytes.EqualFold(value, closing):
		h.close = true
	case bytes.EqualFold(name, sentinels):
		h.silent = bytes.EqualFold(value, none)
	case bytes.EqualFold(name, compiled):
		h.compiled = true
	}
	return nil
}

// parseDecimal reads digits alone, as many as fit an int64.
func parseDecimal(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// readLine returns a line without its end, valid until the next read.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: line too long", errMalformed)
	}
	if err != nil {
		if len(line) > 0 {
			err = noEOF(err)
		}
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// noEOF is for places where the end is not to be expected.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readBody reads what limit allows of the body. whole says that it was read to its end.
func readBody(r *bufio.Reader, h head, limit Limit) (out Outcome, whole bool, err error) {
	switch {
	case h.chunked:
		return readUnknown(&chunkReader{r: r}, limit)
	case h.length < 0:
		return readUnknown(r, limit)
	case limit.Response > 0 && h.length > limit.Response:
		body, err := readExactly(r, min(limit.Truncation, h.length))
		return Outcome{Body: body, Length: h.length, Truncated: true}, false, err
	default:
		body, err := readExactly(r, h.length)
		return Outcome{Body: body, Length: h.length}, true, err
	}
}

// trustedLength is up to where memory is taken on the word of a header field.
const trustedLength = 1 << 20

func readExactly(r io.Reader, length int64) ([]byte, error) {
	if length <= trustedLength {
		body := make([]byte, length)
		_, err := io.ReadFull(r, body)
		return body, noEOF(err)
	}
	body := bytes.NewBuffer(make([]byte, 0, trustedLength))
	n, err := io.CopyN(body, r, length)
	if err == nil && n < length {
		err = io.ErrUnexpectedEOF
	}
	return body.Bytes(), noEOF(err)
}

// readUnknown reads a body that ends when it ends. What is over the limit is
// counted and thrown away, for its length has to be told.
func readUnknown(r io.Reader, limit Limit) (out Outcome, whole bool, err error) {
	if limit.Response <= 0 {
		body, err := io.ReadAll(r)
		return Outcome{Body: body, Length: int64(len(body))}, true, err
	}
	body, err := io.ReadAll(io.LimitReader(r, limit.Response+1))
	length := int64(len(body))
	if err != nil || length <= limit.Response {
		return Outcome{Body: body, Length: length}, true, err
	}
	more, err := io.Copy(io.Discard, r)
	kept := min(limit.Truncation, length)
	return Outcome{Body: body[:kept:kept], Length: length + more, Truncated: true}, true, err
}

// A chunkReader reads a body in chunks, and its trailer.
type chunkReader struct {
	r     *bufio.Reader
	left  int64 // of the current chunk
	begun bool  // a chunk was read, so that its line end is due
	end   bool
}

func (c *chunkReader) Read(b []byte) (int, error) {
	if c.left == 0 && !c.end {
		if err := c.next(); err != nil {
			return 0, noEOF(err)
		}
	}
	if c.end {
		return 0, io.EOF
	}
	if int64(len(b)) > c.left {
		b = b[:c.left]
	}
	n, err := c.r.Read(b)
	c.left -= int64(n)
	return n, noEOF(err)
}

// next reads what stands between two chunks.
func (c *chunkReader) next() error {
	if c.begun {
		line, err := readLine(c.r)
		if err != nil {
			return err
		}
		if len(line) > 0 {
			return fmt.Errorf("%w: chunk too long", errMalformed)
		}
	}
	c.begun = true
	line, err := readLine(c.r)
	if err != nil {
		return err
	}
	digits, _, _ := bytes.Cut(line, []byte(";"))
	size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 62)
	if err != nil {
		return fmt.Errorf("%w: chunk size %.40q", errMalformed, line)
	}
	if c.left = int64(size); c.left > 0 {
		return nil
	}
	c.end = true
	return c.trailer()
}

func (c *chunkReader) trailer() error {
	for size := 0; size <= maxHead; {
		line, err := readLine(c.r)
		if err != nil || len(line) == 0 {
			return err
		}
		size += len(line)
	}
	return fmt.Errorf("%w: trailer too long", errMalformed)
}
