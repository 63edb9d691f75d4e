"""The Python runtime: an HTTP/1.1 server that loads one action (POST /init) and
calls it (POST /run), as OpenWhisk's runtime contract says, plus POST /warm,
which exercises both ways before the action is known.

It promises to cost little: no http.server, no socket module (only the C module
below it), no import before it is needed. What the requests mean is in
action.py, where their output goes in output.py.

The socket is inherited as file descriptor QUIRL_LISTEN_FD, or else TCP port 8080
on all interfaces. SIGTERM ends the process with status 0.

One thread, one activation at a time: while the action's function runs, other
connections wait in the queue of the socket. Start with
`python -I -S -B -X utf8`: no packages of the host (-S), nothing from the
environment or the working directory (-I), no bytecode files (-B), UTF-8 (-X).
"""

import os
import sys

import _signal
import _socket
import select

from quirl_runtime import action as actions
from quirl_runtime import jsontext
from quirl_runtime import output

PORT = 8080
MAX_HEAD = 64 * 1024
# 48 MB of code are 64 MB of base64; the rest is room for JSON and the environment.
MAX_BODY = 80 * 1024 * 1024
READ_SIZE = 64 * 1024
BIG_READ_SIZE = 1024 * 1024

REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    413: "Payload Too Large",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    505: "HTTP Version Not Supported",
}


class HTTPError(Exception):
    """A request that cannot be understood; the connection ends with it."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Request:
    """The request line, and the few header fields that matter here."""

    __slots__ = ("method", "path", "length", "chunked", "expect", "close", "sentinels")

    def __init__(self, head):
        lines = head.split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/"):
            raise HTTPError(400, "Malformed request line.")
        if parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise HTTPError(505, "Only HTTP/1.1 is spoken here.")
        self.method, self.path = parts[0], parts[1]
        self.length = None
        self.chunked = self.expect = False
        self.sentinels = "always"  # or "if-printed", or "never"
        self.close = parts[2] == "HTTP/1.0"
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name:
                raise HTTPError(400, "Malformed header field.")
            self._set(name.lower(), value.strip())
        if self.chunked or self.length is None:
            self.length = 0

    def _set(self, name, value):
        if name == "content-length":
            if not (value.isascii() and value.isdigit()) or self.length not in (None, int(value)):
                raise HTTPError(400, "Malformed Content-Length.")
            self.length = int(value)
        elif name == "transfer-encoding":
            if value.lower() != "chunked":
                raise HTTPError(501, "Unknown transfer coding.")
            self.chunked = True
        elif name == "connection":
            tokens = [token.strip() for token in value.lower().split(",")]
            self.close = "close" in tokens or (self.close and "keep-alive" not in tokens)
        elif name == "expect":
            if value.lower() != "100-continue":
                raise HTTPError(417, "Unknown expectation.")
            self.expect = True
        elif name == "x-quirl-sentinels":
            self.sentinels = value


class Connection:
    """Turns the bytes of one socket into requests and answers into bytes."""

    def __init__(self, sock):
        self.sock = sock
        self.received = bytearray()  # not yet understood
        self.request = None  # head received, body not complete
        self.body = bytearray()  # what came of a chunked body

    def fileno(self):
        return self.sock.fileno()

    def receive(self):
        """Reads once; False when the peer sends no more."""
        missing = self.request.length - len(self.received) if self.request else 0
        try:
            data = self.sock.recv(BIG_READ_SIZE if missing > BIG_READ_SIZE else READ_SIZE)
        except OSError:
            return False
        self.received += data
        return bool(data)

    def next(self):
        """Returns (request, body) when one is complete, else None."""
        if self.request is None and not self._read_head():
            return None
        if self.request.chunked:
            body = self._read_chunks()
        else:
            body = self._take(self.request.length)
        if body is None:
            return None
        request, self.request, self.body = self.request, None, bytearray()
        return request, body

    def _read_head(self):
        end = self.received.find(b"\r\n\r\n")
        if end > MAX_HEAD or (end < 0 and len(self.received) > MAX_HEAD):
            raise HTTPError(431, "Header too large.")
        if end < 0:
            return False
        self.request = request = Request(self.received[:end].decode("latin-1"))
        del self.received[:end + 4]
        if request.length > MAX_BODY:
            raise HTTPError(413, "Request too large.")
        if request.expect and not self.received and (request.chunked or request.length):
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _take(self, count):
        if len(self.received) < count:
            return None
        if len(self.received) == count:  # the usual case, without a copy
            body, self.received = self.received, bytearray()
            return body
        body = self.received[:count]
        del self.received[:count]
        return body

    def _read_chunks(self):
        while True:
            eol = self.received.find(b"\r\n", 0, MAX_HEAD)
            if eol < 0:
                return self._need_more()
            size = chunk_size(bytes(self.received[:eol]))
            if len(self.body) + size > MAX_BODY:
                raise HTTPError(413, "Request too large.")
            if size == 0:
                return self._read_trailer(eol)
            end = eol + 2 + size
            if len(self.received) < end + 2:
                return None
            if self.received[end:end + 2] != b"\r\n":
                raise HTTPError(400, "Malformed chunk.")
            self.body += self.received[eol + 2:end]
            del self.received[:end + 2]

    def _need_more(self):
        if len(self.received) > MAX_HEAD:
            raise HTTPError(400, "Malformed chunk.")

    def _read_trailer(self, eol):
        if self.received[eol + 2:eol + 4] == b"\r\n":
            del self.received[:eol + 4]
            return self.body
        end = self.received.find(b"\r\n\r\n", eol)
        if end < 0:
            return self._need_more()
        del self.received[:end + 4]
        return self.body

    def send(self, status, body, last, silent=False):
        """Writes head and body in one piece: one system call when it is small."""
        ending = "\r\nX-Quirl-Sentinels: none" if silent else ""
        ending += "\r\nConnection: close\r\n\r\n" if last else "\r\n\r\n"
        head = "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d%s" % (
            status, REASONS[status], len(body), ending)
        self.sock.sendall(head.encode("ascii") + body)


def chunk_size(line):
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        raise HTTPError(400, "Malformed chunk.")
    return int(digits, 16)


class Server:
    """Serves the requests of all connections, in turn, with one action."""

    def __init__(self, listener, action):
        self.listener = listener
        self.action = action
        self.connections = {}  # by file descriptor
        self.poll = select.poll()

    def run(self):
        listening = self.listener.fileno()
        self.poll.register(listening, select.POLLIN)
        while True:
            for fd, _ in self.poll.poll():
                if fd == listening:
                    fd = self._accept()
                if fd in self.connections:
                    self._serve(fd)

    def _accept(self):
        try:
            fd, _ = self.listener._accept()
        except OSError:  # gone again, or another process was quicker
            return -1
        sock = _socket.socket(fileno=fd)
        sock.setblocking(True)
        if sock.family == _socket.AF_INET:
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self.connections[fd] = Connection(sock)
        self.poll.register(fd, select.POLLIN)
        return fd  # the request is mostly there already

    def _serve(self, fd):
        connection = self.connections[fd]
        try:
            keep = connection.receive()
            while keep:
                found = connection.next()
                if found is None:
                    return
                keep = answer(self.action, connection, *found)
        except HTTPError as error:
            self._refuse(connection, error)
        except OSError:
            pass  # the peer is gone; nobody is left to tell
        self.poll.unregister(fd)
        del self.connections[fd]
        connection.sock.close()

    def _refuse(self, connection, error):
        try:
            connection.send(error.status, actions.error_json(str(error)), True)
        except OSError:
            pass


def answer(action, connection, request, body):
    """Serves one request and says whether the connection stays."""
    status, reply = respond(action, request, body)
    connection.send(status, reply, request.close, action.was_silent)
    if action.exit_code is not None:  # the action asked for the end of the process
        output.flush()
        os._exit(action.exit_code)
    return not request.close


def respond(action, request, body):
    """Returns (status, body) for one request."""
    action.was_silent = False
    path = request.path if request.method == "POST" else ""
    if path not in ("/init", "/run", "/warm"):
        return 404, actions.error_json("Not found.")
    try:
        message = jsontext.loads(str(body, "utf-8")) if body else {}
    except ValueError as error:
        return 400, actions.error_json("cannot decode the request: %s" % error)
    if not isinstance(message, dict):
        message = {}
    if path == "/run":
        return action.run(message, request.sentinels)
    if path == "/init":
        return action.init(message)
    if not action.is_pristine():
        return 403, actions.error_json("Cannot warm an initialized runtime.")
    warm()
    return 200, b'{"ok":true}'


WARM_ROUNDS = 4
WARM_CODE = """
import json
def main(args):
    print("warm", args)
    return {"greeting": "hello " + args.get("name", "you"), "n": [1, 2.5, "\\u2744"]}
"""


class DummySocket:
    """Takes the place of a socket: gives one request, swallows the answer."""

    def __init__(self, data):
        self.data = data

    def recv(self, size):
        data, self.data = self.data[:size], self.data[size:]
        return data

    def sendall(self, data):
        pass


def warm():
    """Runs a few dummy actions through the real code, without a trace.

    It loads what nearly every first activation needs, and lets the interpreter
    specialise what it runs; afterwards the objects are taken out of the
    garbage collector's sight.
    """
    import binascii, gc, traceback, zlib  # noqa: F401: what archives and failures need
    environment = dict(os.environ)
    directory, path = os.getcwd(), list(sys.path)
    output.mute(True)
    for _ in range(WARM_ROUNDS):
        action = actions.Action()
        post(action, "/init", {"value": {
            "name": "warm", "main": "main", "binary": False, "code": WARM_CODE,
            "env": {"__OW_NAMESPACE": "guest", "__OW_ACTION_NAME": "/guest/warm", "__OW_DEADLINE": "0"}}})
        for _ in range(2):
            post(action, "/run", {
                "value": {"name": "warm", "list": [1, 2, {"a": None, "b": True}], "text": "\u2744 \u2603 \u2744"},
                "namespace": "guest", "action_name": "/guest/warm", "action_version": "0.0.1",
                "activation_id": "0", "transaction_id": "0", "deadline": "0"})
        action.forget()
    output.mute(False)
    os.chdir(directory)
    sys.path[:] = path
    for key in list(os.environ):
        if key not in environment:
            del os.environ[key]
    os.environ.update(environment)
    gc.collect()
    gc.freeze()


def post(action, path, message):
    body = actions.encode(message)
    head = "POST %s HTTP/1.1\r\nHost: action\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    connection = Connection(DummySocket((head % (path, len(body))).encode("ascii") + body))
    connection.receive()
    answer(action, connection, *connection.next())


def listen():
    inherited = os.environ.pop("QUIRL_LISTEN_FD", "")
    if inherited:
        listener = _socket.socket(fileno=int(inherited))
        os.set_inheritable(listener.fileno(), False)
    else:
        listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", PORT))
        listener.listen(128)
    listener.setblocking(False)  # a connection may vanish between poll and accept
    return listener


def terminate(signal, frame):
    output.flush()
    os._exit(0)


def main():
    output.install()
    _signal.signal(_signal.SIGTERM, terminate)
    # Children of the action, as those of multiprocessing, end by the signal itself: a handler in Python
    # does not run while its process waits for a lock, so that whoever ended it would wait for ever.
    os.register_at_fork(after_in_child=lambda: _signal.signal(_signal.SIGTERM, _signal.SIG_DFL))
    actions.add_site_builtins()
    Server(listen(), actions.Action()).run()
