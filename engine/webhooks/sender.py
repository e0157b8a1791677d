"""Posts to URLs that strangers chose: each name is resolved once, and only checked addresses are connected to.

No redirect is followed, no proxy or credential of the environment used, no answer's body kept.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from engine.webhooks import target as targets
from engine.webhooks.target import Target

# urllib3 writes paths and queries to the log, and receivers' URLs hold tokens there.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
SECONDS = 10.0
MAX_ANSWER = 64 * 1024
_TOO_LATE = "no answer in time"
Resolve = Callable[[str, int], list[str]]


class Unreachable(Exception):
    """A post that got no HTTP status; the message says why, without the URL."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host as the system resolves it; none if it does not."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Sender:
    """Sends what it is given, once, within `seconds` from the first connection to the last byte that is read."""

    def __init__(
        self,
        allowed: frozenset[str],
        resolver: Resolve = resolve,
        seconds: float = SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolver
        self._seconds = seconds
        self._given_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What the system trusts, unless told otherwise; requests adds its own list. Reading it takes 20 ms."""
        return self._given_tls or ssl.create_default_context()

    def check(self, url: str) -> None:
        """Refuse a URL that no webhook may go to; a name that does not resolve now may do so later.

        Raises:
            BadRequest: 400 invalid_value or webhook_target_not_allowed.
        """
        target = targets.parse(url, self._allowed)
        if not _all_permitted(target, self._resolve(target.host, target.port)):
            raise targets.not_allowed("a private address")

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send one POST and return the HTTP status of the answer.

        Raises:
            BadRequest: the URL is none that webhooks may go to (any more).
            Unreachable: no address, a private one among them, no connection, no trust, or no answer in time.
        """
        target = targets.parse(url, self._allowed)
        addresses = self._resolve(target.host, target.port)
        if not addresses:
            raise Unreachable("the host's name does not resolve")
        if not _all_permitted(target, addresses):
            raise Unreachable("the host's name leads to a private address")
        whole = {**headers, "Host": target.authority, "Connection": "close"}
        try:
            request = requests.Request("POST", url, headers=whole, data=body).prepare()
        except requests.RequestException:
            raise Unreachable("the URL cannot be sent to") from None
        with _Deadline(self._seconds) as deadline:
            return self._to_first_that_answers(request, target, addresses, deadline)

    def _to_first_that_answers(
        self, request: requests.PreparedRequest, target: Target, addresses: list[str], deadline: "_Deadline"
    ) -> int:
        reason = Unreachable(_TOO_LATE)
        for address in addresses:
            with _PinnedAdapter(target, address, self._tls, deadline) as adapter:
                try:
                    return _exchange(request, adapter, self._seconds, deadline)
                except Unreachable as failure:
                    reason = failure
        raise reason


class _PinnedAdapter(HTTPAdapter):
    """One connection to one address, by the name of the host in TLS and in `Host`; where to is not asked anew."""

    def __init__(self, target: Target, address: str, tls: ssl.SSLContext, deadline: "_Deadline") -> None:
        super().__init__()
        if target.scheme == "https":
            self._pool: HTTPConnectionPool = HTTPSConnectionPool(
                address, target.port, ssl_context=tls, server_hostname=target.host, assert_hostname=target.host
            )
            self._pool.ConnectionCls = _watched(HTTPSConnection, deadline)
        else:
            self._pool = HTTPConnectionPool(address, target.port)
            self._pool.ConnectionCls = _watched(HTTPConnection, deadline)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """Return the one pool there is, whatever the request's URL says."""
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()

    def __enter__(self) -> "_PinnedAdapter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Deadline:
    """Breaks connections off when their time is over: a time-out of a socket begins anew with each byte."""

    def __init__(self, seconds: float) -> None:
        self._sockets: list[socket.socket] = []
        self._over = threading.Event()
        self._timer = threading.Timer(seconds, self._break_off)
        self._timer.daemon = True

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self._over.is_set()

    def watch(self, connection: socket.socket) -> None:
        """Break this connection off in time, too; TLS takes the socket over, so a second handle is kept."""
        self._sockets.append(connection.dup())
        if self.is_over:
            self._break_off()

    def _break_off(self) -> None:
        self._over.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        for one in self._sockets:
            one.close()


def _watched(kind: type[HTTPConnection], deadline: _Deadline) -> Any:
    class Watched(kind):  # type: ignore[valid-type, misc]
        def _new_conn(self) -> socket.socket:
            made: socket.socket = super()._new_conn()
            deadline.watch(made)
            return made

    return Watched


def _all_permitted(target: Target, addresses: list[str]) -> bool:
    return target.trusted or all(targets.is_public(address) for address in addresses)


def _exchange(request: requests.PreparedRequest, adapter: HTTPAdapter, seconds: float, deadline: _Deadline) -> int:
    """Send the request, unless the time is over, and return the status of the answer; raises Unreachable."""
    if deadline.is_over:
        raise Unreachable(_TOO_LATE)
    try:
        answer = adapter.send(request, stream=True, timeout=seconds)
    except (requests.RequestException, OSError) as failure:
        raise Unreachable(_TOO_LATE if deadline.is_over else _in_words(failure)) from None
    if deadline.is_over:  # an answer cut short within its head looks like a whole one
        raise Unreachable(_TOO_LATE)
    _drain(answer)
    return answer.status_code


def _drain(answer: requests.Response) -> None:
    """Let the receiver finish its answer if it is short; what it says is of no interest, the status is known."""
    with suppress(HTTPError, OSError):
        answer.raw.read(MAX_ANSWER, decode_content=False)


def _in_words(failure: Exception) -> str:
    if isinstance(failure, requests.Timeout):
        return _TOO_LATE
    if isinstance(failure, requests.exceptions.SSLError):
        return "its TLS certificate is not trusted, or not for this host"
    return "the connection was refused or broke off"
