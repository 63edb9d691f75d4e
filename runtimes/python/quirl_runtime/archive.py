"""Code that comes as an archive: zip (stored or deflated) and tar.gz.

Module zipfile takes longer to load than most archives take to unpack, hence this
reader. Names are never followed out of the action's folder: absolute ones, `..`
and links are refused, with the whole archive.
"""

import binascii
import os
import zlib

BROKEN = "There was an error uncompressing the action archive."
MAX_UNPACKED = 2 * 1024 * 1024 * 1024

END_SIGNATURE = b"PK\x05\x06"
CENTRAL_SIGNATURE = b"PK\x01\x02"
LOCAL_SIGNATURE = b"PK\x03\x04"
END_SIZE = 22
CENTRAL_SIZE = 46
LOCAL_SIZE = 30
LINK_TYPE = 0o120000
TYPE_MASK = 0o170000


class ArchiveError(Exception):
    """Says why an archive cannot be used."""

    def __init__(self, reason):
        super().__init__("%s %s" % (BROKEN, reason))


def unpack(code, directory):
    """Writes the files of a base64 encoded archive into directory."""
    try:
        data = binascii.a2b_base64(code)
    except ValueError as error:  # also text that is not ASCII
        raise ArchiveError("cannot decode the request: %s" % error) from None
    if data[:2] == b"PK":
        unpack_zip(data, directory)
    elif data[:2] == b"\x1f\x8b":
        unpack_tar(data, directory)
    else:
        # One file alone, e.g. a script that was sent as binary.
        with open(os.path.join(directory, "exec"), "wb") as file:
            file.write(data)


def write_entry(directory, name, mode, data):
    if not name or name.startswith("/") or "\0" in name or ".." in name.split("/"):
        raise ArchiveError("The entry %r would leave the folder." % name)
    target = os.path.join(directory, name)
    if name.endswith("/"):
        os.makedirs(target, exist_ok=True)
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(data)
    # Readable and writable whatever the archive says; of its rights only the executable bits matter.
    os.chmod(target, 0o644 | (mode & 0o111))


# Zip: the central directory at the end is what counts (PKWARE APPNOTE 4.3).

def unpack_zip(data, directory):
    end = data.rfind(END_SIGNATURE, max(0, len(data) - END_SIZE - 65535))
    if end < 0 or end + END_SIZE > len(data):
        raise ArchiveError("It is cut off.")
    entries = []
    at = number(data, end + 16, 4)
    for _ in range(number(data, end + 10, 2)):
        if data[at:at + 4] != CENTRAL_SIGNATURE or at + CENTRAL_SIZE > len(data):
            raise ArchiveError("Its directory is damaged.")
        entries.append(Entry(data, at))
        at += CENTRAL_SIZE + number(data, at + 28, 2) + number(data, at + 30, 2) + number(data, at + 32, 2)
    for entry in entries:
        write_entry(directory, entry.name, entry.mode, entry.read(data))


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "little")


class Entry:
    """A record of the central directory."""

    def __init__(self, data, at):
        self.method = number(data, at + 10, 2)
        self.crc = number(data, at + 16, 4)
        self.packed = number(data, at + 20, 4)
        self.size = number(data, at + 24, 4)
        self.offset = number(data, at + 42, 4)
        # Only Unix writers (4.4.2: 3, and 19 for macOS) store a mode here.
        self.mode = number(data, at + 40, 2) if data[at + 5] in (3, 19) else 0
        length = number(data, at + 28, 2)
        self.name = data[at + CENTRAL_SIZE:at + CENTRAL_SIZE + length].decode("utf-8", "surrogateescape")
        if self.mode & TYPE_MASK == LINK_TYPE:
            raise ArchiveError("The entry %r is a link." % self.name)
        if number(data, at + 8, 2) & 1:
            raise ArchiveError("The entry %r is encrypted." % self.name)

    def read(self, data):
        at = self.offset
        if data[at:at + 4] != LOCAL_SIGNATURE:
            raise ArchiveError("The entry %r is damaged." % self.name)
        start = at + LOCAL_SIZE + number(data, at + 26, 2) + number(data, at + 28, 2)
        content = data[start:start + self.packed]
        if self.method == 8:
            content = inflate(content, -15, self.size)
        elif self.method != 0:
            raise ArchiveError("The entry %r is compressed in an unknown way." % self.name)
        if len(content) != self.size or zlib.crc32(content) != self.crc:
            raise ArchiveError("The entry %r is damaged." % self.name)
        return content


def inflate(data, window, most):
    """Decompresses at most `most` bytes and one more, by which a lie shows."""
    try:
        return zlib.decompressobj(window).decompress(data, most + 1)
    except zlib.error as error:
        raise ArchiveError(str(error)) from None


def unpack_tar(data, directory):
    import io
    import tarfile
    content = inflate(data, 31, MAX_UNPACKED)
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                unpack_member(tar, member, directory)
    except tarfile.TarError as error:
        raise ArchiveError(str(error)) from None


def unpack_member(tar, member, directory):
    if member.name == ".":
        return
    if member.isdir():
        write_entry(directory, member.name + "/", member.mode, b"")
    elif member.isreg():
        write_entry(directory, member.name, member.mode, tar.extractfile(member).read())
    else:
        raise ArchiveError("The entry %r is a link or no file." % member.name)
