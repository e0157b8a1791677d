"""One bad input and what it must get; it is sent as bytes on a socket, so that no client mends it on the way."""

import contextlib
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPResponse
from typing import Any, Self

# What stands for ids that are known only once the servers run.
FILE, JOB, UPLOAD, ENDPOINT = "FILE-ID", "JOB-ID", "UPLOAD-ID", "ENDPOINT-ID"
MULTIPART = "multipart/form-data; boundary=b"
Header = str | tuple[str, ...] | None


@dataclass(frozen=True)
class Bad:
    """`row` is the table's; `body` is JSON unless it is bytes; a header that is None is left out, several come twice.

    `status` and `code` are what it must get; `by_http`: the HTTP server itself refuses it, before our code, and says no
    more than the status.
    """

    row: str
    call: str
    body: Any
    status: int
    code: str | None
    what: str = ""
    headers: Mapping[str, Header] = field(default_factory=dict)
    by_http: bool = False

    @property
    def name(self) -> str:
        """What a test of it is called."""
        return f"{self.row} {self.call[:50]} {self.what or ascii(self.body)[:60]}"

    def at(self, call: str) -> Self:
        """The same input for another call."""
        return replace(self, call=call)

    def request(self, ids: Mapping[str, str], authorization: str | None) -> bytes:
        """The whole request, with the real `ids` in it."""
        content = named(self._content(), ids)
        headers: dict[str, Header] = {"Host": "localhost", "Authorization": authorization, "Connection": "close"}
        if self.body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        lines = [f"{self.call} HTTP/1.1"]
        for name, value in (headers | dict(self.headers)).items():
            values = value if isinstance(value, tuple) else (value,)
            lines += [f"{name}: {one}" for one in values if one is not None]
        return named("\r\n".join([*lines, "", ""]).encode(), ids) + content

    def _content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(port: int, request: bytes, seconds: float = 20.0) -> Answer:
    """Send a request as it is, on a connection of its own, and return the answer to it."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as raw:
        with contextlib.suppress(ConnectionError):  # what is refused is not always read to its end
            raw.sendall(request)
        reply = HTTPResponse(raw, method=request.partition(b" ")[0].decode("ascii", "replace"))
        reply.begin()
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(reply.status, headers, reply.read())


def named(content: bytes, ids: Mapping[str, str]) -> bytes:
    """Put real ids in the place of what stands for them."""
    for stand_in, real in ids.items():
        content = content.replace(stand_in.encode(), real.encode())
    return content


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    """A multipart body of (name, filename or None, content) with the boundary `b`."""
    pieces = []
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        pieces += [head.encode(), content, b"\r\n"]
    return b"".join([*pieces, b"--b--\r\n"])


def everywhere(inputs: Iterable[Bad], calls: Iterable[str]) -> tuple[Bad, ...]:
    """Each input at each call."""
    return tuple(bad.at(call) for call in calls for bad in inputs)


def these(*values: Any) -> tuple[Any, ...]:
    """Values that have nothing in common."""
    return values
