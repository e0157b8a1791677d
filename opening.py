"""Answers what needs little while the rest of an app is still being imported, which is most of its start."""

import logging
import os
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

log = logging.getLogger("tune9527")


class Opening:
    """A WSGI app: `first` answers calls of `paths` until `make` has made the whole app, for which all others wait.

    If that fails the process ends: it could do nothing.
    """

    def __init__(self, first: "WSGIApplication", paths: Collection[str], make: Callable[[], "WSGIApplication"]) -> None:
        self._first, self._paths = first, paths
        maker = ThreadPoolExecutor(1, "opening")
        self._whole = maker.submit(make)
        self._whole.add_done_callback(_end_without)
        maker.shutdown(wait=False)

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if environ["PATH_INFO"] in self._paths and not self._whole.done():
            return self._first(environ, start_response)
        return self._whole.result()(environ, start_response)


def _end_without(made: "Future[WSGIApplication]") -> None:
    if failure := made.exception():
        log.critical("the app cannot be made", exc_info=failure)
        os._exit(1)
