"""Wraps a WSGI app: who may not ask is answered here, before the app sees a path; every answer gets safe headers."""

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from gate import arrival, hosts
from gate.arrival import Arrivals
from gate.crowd import Crowd, Leaving
from gate.origins import Headers, Origins
from wire.errors import ApiError
from wire.ids import new_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

log = logging.getLogger("tune9527.gate")

# An answer is what it says it is, is nobody's frame, and runs nothing; a page of ours says otherwise itself.
_SAFE = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)


@dataclass(frozen=True)
class Rules:
    """The names of a server, the web pages that may call it, how long it waits for what is sent, and for how many."""

    hosts: frozenset[str]
    origins: Origins
    arrivals: Arrivals
    crowd: Crowd | None = None

    @classmethod
    def of(
        cls, host: str, allowed_hosts: str, allowed_origins: str, arrivals: Arrivals, crowd: Crowd | None = None
    ) -> Self:
        """Return the rules of who listens on `host`; the texts are the settings' words apart by spaces."""
        known = hosts.known_hosts(host, allowed_hosts)
        return cls(known, Origins(frozenset(allowed_origins.split())), arrivals, crowd)


class Gate:
    """Host, then origin; `show` makes a failure's body of it and the request's id, `note_refusal` hears of whom."""

    def __init__(
        self,
        app: "WSGIApplication",
        rules: Rules,
        show: Callable[[ApiError, str], dict[str, Any]],
        note_refusal: Callable[[ApiError, str], None] = lambda *_: None,
    ) -> None:
        self._app = app
        self._rules = rules
        self._show = show
        self._note_refusal = note_refusal

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        try:
            hosts.require_known(environ.get("HTTP_HOST"), self._rules.hosts)
            self._rules.origins.require_known(environ)
            leave = self._rules.crowd.enter(environ) if self._rules.crowd else None
        except ApiError as refusal:
            return self._refuse(refusal, environ, start_response)
        if leave is None:
            return self._let_in(environ, start_response)
        with ExitStack() as unanswered:
            unanswered.callback(leave)
            answer = self._let_in(environ, start_response)
            unanswered.pop_all()
        return Leaving(answer, leave)

    def _let_in(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        preflight = self._rules.origins.preflight(environ)
        if preflight is not None:
            log.info("preflight of %s", ascii(environ["HTTP_ORIGIN"]), extra={"fields": _told(environ, 204)})
            start_response("204 No Content", preflight)
            return []
        added = self._rules.origins.headers(environ)
        if arrival.has_body(environ):
            hang_up = partial(self._hang_up, environ.get(arrival.HANG_UP))
            environ["wsgi.input"] = arrival.Body(environ, self._rules.arrivals, hang_up)
        if environ["PATH_INFO"].startswith("//"):  # werkzeug would take it for the path with one slash
            environ["PATH_INFO"] = f"/.{environ['PATH_INFO']}"

        def start(status: str, headers: Headers, *rest: Any) -> Any:
            set_already = {name.lower() for name, _ in headers}
            safe = [one for one in _SAFE if one[0].lower() not in set_already]
            return start_response(status, [*headers, *added, *safe], *rest)

        return self._app(environ, start)

    def _hang_up(self, way_back: Callable[[int, Headers, bytes], None] | None) -> None:
        """Tell who sends too slowly so, while a thread still waits for it; the app, which hears of it too, logs it."""
        if way_back is None:  # another launcher
            return
        failure = arrival.too_slow()
        body = json.dumps(self._show(failure, new_id("req_"))).encode()
        way_back(failure.status, [("Content-Type", "application/json"), ("Connection", "close"), *_SAFE], body)

    def _refuse(self, refusal: ApiError, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        request_id = new_id("req_")
        self._note_refusal(refusal, environ.get("REMOTE_ADDR", ""))
        told = {"request_id": request_id, **_told(environ, refusal.status), "refused": refusal.code}
        words = request_id, refusal.code, ascii(refusal.message)
        log.warning("%s %s: %s", *words, extra={"fields": told})
        body = json.dumps(self._show(refusal, request_id)).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Request-Id", request_id),
            *refusal.headers.items(),
            *_SAFE,
        ]
        start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _told(environ: dict[str, Any], status: int) -> dict[str, Any]:
    """What a JSON line says of a call that no route saw; what it asked for is the caller's text and not in it."""
    return {"method": environ["REQUEST_METHOD"], "route": None, "status": status}
