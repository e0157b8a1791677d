"""Posts to an upstream on this machine over connections that are kept; answers and failures are the HTTP library's."""

import http.client
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import httpx2

import loopback
from services.deadlines import Connection, Proof

# Many servers give an idle connection up after five seconds; one that did so sooner is noticed.
IDLE_SECONDS = 4.0
_READ_BYTES = 65536


class Nearby:
    """The way to an upstream at a plain http address of this machine; `connect` and `read` are seconds.

    `prove` judges each new connection.

    Any thread may ask; a connection serves one request at a time and is kept for the next.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], connect: float, read: float, prove: Proof | None = None
    ) -> None:
        url = urlsplit(base_url)
        self._host, self._port = url.hostname or "", url.port or http.client.HTTP_PORT
        self._path = quote(url.path.rstrip("/"), safe="/%")
        self._headers = {**headers, "Host": url.netloc.rpartition("@")[2]}
        self._connect_seconds = connect
        self._read_seconds = read
        self._prove = prove
        self._idle: deque[tuple[float, socket.socket]] = deque()

    def post(self, path: str, body: bytes) -> httpx2.Response:
        """Send `body` and return the answer, of which only the head is read; raises httpx2's errors."""
        connection = self._take()
        try:
            with _translated():
                answer = loopback.post(connection, self._path + path, body, self._headers, self._read_seconds)
        except BaseException:
            connection.close()
            raise
        stream, extensions = _Body(self, connection, answer), {"network_stream": _Wire(connection)}
        headers = list(answer.headers.items())
        return httpx2.Response(answer.status, headers=headers, stream=stream, extensions=extensions)

    def keep(self, connection: socket.socket) -> None:
        """Take back a connection whose answer has been read to its end; those that nobody needed since are closed."""
        now = time.monotonic()
        self._idle.append((now, connection))
        with suppress(IndexError):
            while now - self._idle[0][0] >= IDLE_SECONDS:
                self._idle.popleft()[1].close()

    def _take(self) -> socket.socket:
        """The connection that was used last, if it still stands, else a new one."""
        with suppress(IndexError):
            while True:
                since, connection = self._idle.pop()
                if time.monotonic() - since < IDLE_SECONDS and _stands(connection):
                    return connection
                connection.close()
        try:
            return self._connect()
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error

    def _connect(self) -> socket.socket:
        connected = loopback.connect(self._host, self._port, self._connect_seconds)
        connection = Connection(connected, self._read_seconds)
        if self._prove:
            try:
                self._prove(connection)
            except BaseException:
                connection.close()
                raise
        return connection


class _Body(httpx2.SyncByteStream):
    """An answer's body as it comes; one that is not read to its end costs its connection."""

    def __init__(self, home: Nearby, connection: socket.socket, answer: http.client.HTTPResponse) -> None:
        self._home = home
        self._connection: socket.socket | None = connection
        self._answer = answer
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            while piece := self._answer.read1(_READ_BYTES):
                yield piece
            if self._answer.length:
                raise http.client.IncompleteRead(b"", self._answer.length)
        self._whole = True

    def close(self) -> None:
        """Keep the connection or hang up; once is enough."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._whole and not self._answer.will_close:
            self._home.keep(connection)
            return
        self._answer.close()
        connection.close()


@dataclass(frozen=True)
class _Wire:
    """What httpx2 tells of the connection under an answer."""

    connection: socket.socket

    def get_extra_info(self, info: str) -> socket.socket | None:
        """Return the socket, if that is asked for."""
        return self.connection if info == "socket" else None


def _stands(connection: socket.socket) -> bool:
    """Whether there is nothing to read, not even that the other side has hung up."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise httpx2.ReadError(str(error)) from error
