"""HTTP as bytes over a socket of our own, for what no client library would send."""

import contextlib
import select
import socket
import time

CRLF = b"\r\n"


def converse(port: int, request: bytes, seconds: float = 5.0, quiet: float = 0.5) -> bytes:
    """Send `request`, reading all along; return what came until the other side closed, or fell silent."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.setblocking(False)
        left, got, deadline = memoryview(request), b"", time.monotonic() + seconds
        while time.monotonic() < deadline:
            writing = [connection] if left and not got else []
            readable, writable, _ = select.select([connection], writing, [], quiet if got else seconds)
            if not readable and not writable:
                return got
            try:
                if readable:
                    piece = connection.recv(65536)
                    if not piece:
                        return got
                    got += piece
                elif writable:
                    left = left[connection.send(left) :]
            except (BrokenPipeError, ConnectionResetError):
                with contextlib.suppress(OSError):
                    return got + connection.recv(65536)
                return got
        return got


def statuses(raw: bytes) -> list[int]:
    """Return the status of each answer in `raw`."""
    found = []
    while raw.startswith(b"HTTP/1."):
        head, _, rest = raw.partition(2 * CRLF)
        fields = dict(line.lower().split(b":", 1) for line in head.split(CRLF)[1:])
        found.append(int(head.split()[1]))
        raw = rest[int(fields.get(b"content-length", b"0")) :]
    assert not raw, f"no HTTP: {raw[:80]!r}"
    return found


def request(line: str, *fields: str, body: bytes = b"") -> bytes:
    """Return a request as these lines make it; nothing is added but Host."""
    return CRLF.join(one.encode("latin-1") for one in (f"{line} HTTP/1.1", "Host: localhost", *fields, "", "")) + body


def chunked(body: bytes, size: int = 65536) -> bytes:
    """Return `body` in chunks."""
    pieces = [body[place : place + size] for place in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
