"""An HTTP client whose calls end: by the deadline whatever drips, and at a size; redirects lead nowhere."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, cast

import httpcore2
import httpx2

from services.deadlines import Connection, Proof, left, within

# A page of a hundred jobs has a thousandth of it.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
# What an upstream says of a refusal: no error object is as long, and none is worth waiting for.
MAX_REASON_BYTES = 256 * 1024
REASON_SECONDS = 5.0
# What a request's extensions say of an answer that is read piece by piece, and minded by who reads it.
PIECEMEAL = "piecemeal"
# As much as a system takes at once; it may take longer over more.
_WRITE_BYTES = 65536


class Unusable(httpx2.TransportError):
    """An answer that nobody should read on."""


def client(read: float, connect: float, prove: Proof | None, *, proxies: bool) -> httpx2.Client:
    """Return a client that waits so many seconds for each piece, and no longer in all than `deadlines` says.

    `prove` judges each new connection.
    """
    from openai import DefaultHttpxClient

    made = DefaultHttpxClient(
        timeout=httpx2.Timeout(read, connect=connect),
        trust_env=proxies,
        follow_redirects=False,
        event_hooks={"response": [_judge]},
        headers={"Accept-Encoding": "identity"},
    )
    # No public way leads there, and a transport of our own would have to find the environment's proxies itself.
    for transport in (made._transport, *made._mounts.values()):
        if transport is not None:
            pool = cast(Any, transport)._pool
            pool._network_backend = _Network(pool._network_backend, prove and _Proven(prove, read))
    return made


def refuse_encoded(answer: httpx2.Response) -> None:
    """Refuse an answer that would have to be unpacked: nobody asked for that, and a megabyte may hold a gigabyte."""
    if encoding := _encoding(answer):
        raise Unusable(f"it is {encoding:.20}-encoded, which was not asked for")


def reason(answer: httpx2.Response) -> bytes:
    """Return what comes in time of the words to a status, which stands without them, and close the answer.

    It raises nothing: a refusal that drips, ends early or has no end is one, and not an answer that failed to come.
    """
    stream = cast(httpx2.SyncByteStream, answer.stream)
    try:
        if HTTPStatus.BAD_REQUEST <= answer.status_code < 600 and not _encoding(answer):
            with within(REASON_SECONDS):
                return b"".join(_said(stream))
        return b""
    finally:
        stream.close()


def _said(pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    with suppress(httpx2.TransportError):
        for piece in pieces:
            yield piece
            size += len(piece)
            if size > MAX_REASON_BYTES:
                return


def _judge(answer: httpx2.Response) -> None:
    if PIECEMEAL in answer.request.extensions:
        return
    if answer.is_success:
        refuse_encoded(answer)
        answer.stream = _Capped(cast(httpx2.SyncByteStream, answer.stream))
        return
    answer.stream = httpx2.ByteStream(reason(answer))
    answer.headers.pop("Content-Encoding", None)  # by which nothing has to be unpacked any more


def _encoding(answer: httpx2.Response) -> str:
    encoding = answer.headers.get("Content-Encoding", "")
    return "" if encoding.lower() == "identity" else encoding


class _Capped(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._stream:
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise Unusable(f"it has more than {MAX_ANSWER_BYTES} bytes")
            yield piece

    def close(self) -> None:
        self._stream.close()


class _Network(httpcore2.NetworkBackend):
    """The network, where each wait lasts as long as the call has left."""

    def __init__(self, inner: httpcore2.NetworkBackend, judge: "_Proven | None") -> None:
        self._inner = inner
        self._judge = judge

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = _left(timeout, httpcore2.ConnectTimeout)
        stream = _Stream(self._inner.connect_tcp(host, port, seconds, local_address, socket_options))
        if self._judge:
            self._judge.require(stream)
        return stream


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._inner.write(buffer[start : start + _WRITE_BYTES], _left(timeout, httpcore2.WriteTimeout))

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        seconds = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds))


@dataclass(frozen=True)
class _Proven:
    prove: Proof
    patience: float

    def require(self, stream: _Stream) -> None:
        try:
            # Another handle of the same connection: the stream goes on with its own.
            with Connection(stream.get_extra_info("socket").dup(), self.patience) as connection:
                self.prove(connection)
        except OSError as error:
            stream.close()
            raise httpcore2.ConnectError(str(error)) from error


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    try:
        return left(timeout)
    except TimeoutError as error:
        raise late(str(error)) from error
