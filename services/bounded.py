"""An HTTP client whose calls end: by the deadline whatever drips, and at a size; redirects lead nowhere."""

from collections.abc import Iterable, Iterator
from ssl import SSLContext
from typing import Any, cast

import httpcore2
import httpx2

from services.deadlines import left

# A page of a hundred jobs has a thousandth of it.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
# What a request's extensions say of an answer that is read piece by piece, and minded by who reads it.
PIECEMEAL = "piecemeal"
# As much as a system takes at once; it may take longer over more.
_WRITE_BYTES = 65536


class Unusable(httpx2.TransportError):
    """An answer that nobody should read on."""


def client(read: float, connect: float, *, use_proxies: bool) -> httpx2.Client:
    """Return a client that waits so many seconds for each piece, and no longer in all than `deadlines` says."""
    from openai import DefaultHttpxClient

    made = DefaultHttpxClient(
        timeout=httpx2.Timeout(read, connect=connect),
        trust_env=use_proxies,
        follow_redirects=False,
        event_hooks={"response": [_judge]},
        headers={"Accept-Encoding": "identity"},
    )
    # No public way leads there, and a transport of our own would have to find the environment's proxies itself.
    for transport in (made._transport, *made._mounts.values()):
        if transport is not None:
            pool = cast(Any, transport)._pool
            pool._network_backend = _Network(pool._network_backend)
    return made


def refuse_encoded(answer: httpx2.Response) -> None:
    """Refuse an answer that would have to be unpacked: nobody asked for that, and a megabyte may hold a gigabyte."""
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding.lower() not in ("identity", ""):
        raise Unusable(f"it is {encoding:.20}-encoded, which was not asked for")


def whole(pieces: Iterable[bytes]) -> bytes:
    """Return the body, of which there may be MAX_ANSWER_BYTES; raises Unusable."""
    return b"".join(_capped(pieces))


def _judge(answer: httpx2.Response) -> None:
    refuse_encoded(answer)
    if PIECEMEAL not in answer.request.extensions:
        answer.stream = _Capped(cast(httpx2.SyncByteStream, answer.stream))


def _capped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise Unusable(f"it has more than {MAX_ANSWER_BYTES} bytes")
        yield piece


class _Capped(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return _capped(self._stream)

    def close(self) -> None:
        self._stream.close()


class _Network(httpcore2.NetworkBackend):
    """The network, where each wait lasts as long as the call has left."""

    def __init__(self, inner: httpcore2.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, seconds, local_address, socket_options))


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


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    try:
        return left(timeout)
    except TimeoutError as error:
        raise late(str(error)) from error
