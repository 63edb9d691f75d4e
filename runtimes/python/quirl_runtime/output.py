"""Standard output and standard error of the action.

Lines are written when they end, so that they keep their order with what child
processes write, and nothing is lost, however slow the reader of the pipe is.
"""

import io
import os
import sys

SENTINEL = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"

_muted = False
_streams = {}  # by file descriptor


class _Pipe(io.FileIO):
    """A raw file that writes everything, and knows whether a line is open."""

    def __init__(self, fd, name):
        super().__init__(fd, "w", closefd=False)
        self.name = name
        self.fd = fd
        self.mid_line = False
        self.printed = False  # since the last mark

    def write(self, data):
        if _muted:
            return len(data)
        data = memoryview(data).cast("B")
        if not data:
            return 0
        self.printed = True
        written = super().write(data)
        while written is None:  # another process made the pipe non-blocking
            self._wait()
            written = super().write(data)
        self.mid_line = data[written - 1] != 10
        return written

    def _wait(self):
        import select
        select.select([], [self.fileno()], [])


def install():
    """Replaces sys.stdout and sys.stderr."""
    # backslashreplace: a lone surrogate in a message must not fail the action
    sys.stdout = sys.__stdout__ = _open(1, "<stdout>")
    sys.stderr = sys.__stderr__ = _open(2, "<stderr>")


def _open(fd, name):
    raw = _Pipe(fd, name)
    stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace",
                              newline="\n", line_buffering=True)
    stream.mode = "w"
    _streams[fd] = stream, raw
    return stream


def mute(on):
    """mute(True) drops everything written through the two streams and mark."""
    global _muted
    flush()
    _muted = on


def flush():
    """Writes what is buffered, also in streams that the action put in place of ours."""
    for stream in (sys.stdout, sys.stderr, *(stream for stream, _ in _streams.values())):
        try:
            stream.flush()
        except Exception:  # closed or replaced by something odd: the action's own business
            pass


def end(sentinels):
    """Ends the output of an activation; returns whether it did without sentinels.

    An action that has closed a stream of ours always gets them, as what it prints
    now may be anywhere.
    """
    flush()
    raws = [raw for _, raw in _streams.values()]
    silent = not any(raw.closed or raw.printed and sentinels != "never" for raw in raws)
    if sentinels == "always" or not silent:
        mark()
        return False
    for raw in raws:
        raw.printed = raw.mid_line = False
    return True


def mark():
    """Ends the output of an activation on both streams, on a line of its own."""
    flush()
    for fd, (_, raw) in _streams.items():
        _write(raw, b"\n" + SENTINEL if raw.mid_line else SENTINEL)
        raw.printed = False


def log(text):
    """Writes a line to standard error, past anything the action did to sys.stderr."""
    flush()
    _write(_streams[2][1], text.rstrip("\n").encode("utf-8", "backslashreplace") + b"\n")


def _write(raw, data):
    try:
        while data:
            data = data[raw.write(data):]
    except (OSError, ValueError):
        if raw.closed:  # sys.stdout.close() closed our object, not the descriptor
            os.write(raw.fd, data)
