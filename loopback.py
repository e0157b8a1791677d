"""Posts to servers of our own on this machine, in one packet and without what only a network needs: TLS and proxies.

A general client takes half as long again over it, and one packet wakes a server once instead of twice (docs/log.md).
"""

import http.client
import socket
import struct
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

_UNIX = "unix://"
_LONGEST_LINE = 65536
_MOST_FIELDS = 100
_MOST_DIGITS = 19


def connect(host: str, port: int, seconds: float) -> socket.socket:
    """Return a connection; `seconds` is how long it may take to come about. Raises OSError."""
    connection = socket.create_connection((host, port), seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def reach(address: str, seconds: float) -> socket.socket:
    """Return a connection to a server's address, `http://HOST:PORT` or `unix://PATH`; as `connect` does."""
    if not address.startswith(_UNIX):
        url = urlsplit(address)
        return connect(url.hostname or "", url.port or 0, seconds)
    connection = socket.socket(socket.AF_UNIX)
    try:
        # By Python's own clock it would not wait at all for a server that has many to accept.
        whole, part = divmod(seconds, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", int(whole), int(part * 1e6)))
        connection.connect(address.removeprefix(_UNIX))
    except BaseException:
        connection.close()
        raise
    connection.settimeout(seconds)
    return connection


class Connection(http.client.HTTPConnection):
    """The standard library's, to a server's address; no one wait takes longer than `seconds`."""

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__("localhost")
        self._reach = address, seconds

    def connect(self) -> None:
        """Reach the server; raises OSError."""
        self.sock = reach(*self._reach)


def post(
    connection: socket.socket, target: str, body: bytes, headers: Mapping[str, str], seconds: float
) -> http.client.HTTPResponse:
    """Send `body` and return the answer when its head is there; no one wait takes longer than `seconds`.

    Raises:
        OSError: the connection broke, or was silent (TimeoutError).
        http.client.HTTPException: what came is no HTTP.
    """
    named = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    connection.settimeout(seconds)
    connection.sendall("\r\n".join(lines).encode("latin-1") + body)
    answer = _Answer(connection, method="POST")
    try:
        answer.begin()
    except BaseException:
        answer.close()  # it holds the connection too
        raise
    return answer


class _Answer(http.client.HTTPResponse):
    """The standard library's answer but for its head, which that reads as a mail's and takes ten times as long over."""

    def begin(self) -> None:
        """Read the head and see from it where the body ends (RFC 9112, 6.3); raises HTTPException."""
        status: int = HTTPStatus.CONTINUE
        while status == HTTPStatus.CONTINUE:
            version, status, self.reason = _status_line(self._line())
            self.headers = self.msg = self._fields()
        self.status = self.code = status
        self.version = 10 if version == "HTTP/1.0" else 11
        said = self.headers.get("Connection", "").lower()
        self.will_close = "close" in said or (self.version == 10 and "keep-alive" not in said)
        self.chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else _length(status, self.headers.get("Content-Length", ""))
        self.will_close = self.will_close or (self.length is None and not self.chunked)

    def _fields(self) -> http.client.HTTPMessage:
        fields = http.client.HTTPMessage()
        while line := self._line():
            name, colon, value = line.partition(":")
            if not colon or name != name.strip() or len(fields) == _MOST_FIELDS:
                raise http.client.HTTPException(f"no field of a head, or one too many: {line:.100}")
            fields[name] = value.strip()
        return fields

    def _line(self) -> str:
        line = self.fp.readline(_LONGEST_LINE)
        if len(line) == _LONGEST_LINE:
            raise http.client.LineTooLong("head")
        if not line.endswith(b"\n"):
            raise http.client.RemoteDisconnected("the server hung up before the end of the head")
        return line.decode("latin-1").rstrip("\r\n")


def _status_line(line: str) -> tuple[str, int, str]:
    version, _, rest = line.partition(" ")
    code, _, reason = rest.strip().partition(" ")
    if not version.startswith("HTTP/1.") or not (code.isdecimal() and len(code) == 3):
        raise http.client.BadStatusLine(line)
    return version, int(code), reason.strip()


def _length(status: int, said: str) -> int | None:
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return 0
    return int(said) if said.isdecimal() and len(said) < _MOST_DIGITS else None
