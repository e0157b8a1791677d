"""Turns an upstream's refusals and silences into our failures; its status, code, message and Retry-After pass."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import msgspec

from observe.masking import mask
from wire.errors import ApiError, Unavailable, UpstreamFailed, UpstreamTimeout

if TYPE_CHECKING:
    import httpx2

# The header by which an engine of ours says that it is one.
MARK = "X-Tune9527-Engine"
_KINDS = frozenset(
    {
        *("upstream_unreachable", "upstream_timeout", "upstream_invalid", "upstream_unavailable"),
        *("engine_unavailable", "engine_failed"),
    }
)
_PASSED_HEADERS = ("Retry-After", "Retry-After-Ms")
_WAIT = re.compile(r"[\x20-\x7e]{1,64}")
# An upstream's words, in letters: of a message and of the rest.
_LONGEST, _LONGEST_NAME = 2000, 200


class NothingSent(ApiError):
    """A failure from before anything was sent, so the upstream has done nothing."""


@dataclass(eq=False)
class Unreachable(UpstreamFailed, NothingSent):
    """502: no connection came about."""

    code: str | None = "upstream_unreachable"


@dataclass(eq=False)
class EngineUnavailable(Unavailable, NothingSent):
    """503: the embedded engine does not answer yet."""

    code: str | None = "engine_unavailable"


@dataclass(eq=False)
class EngineFailed(EngineUnavailable):
    """503: the embedded engine does not start or its port is taken; waiting alone will not help."""

    code: str | None = "engine_failed"


@dataclass(eq=False)
class UpstreamUnavailable(Unavailable, NothingSent):
    """503: the upstream failed again and again, so for a while it is not asked."""

    code: str | None = "upstream_unavailable"

    @classmethod
    def for_seconds(cls, seconds: float) -> Self:
        """Say when the upstream is asked again."""
        message = "The upstream has failed several times in a row and is not asked at the moment; nothing was sent."
        return cls(message, headers={"Retry-After": str(math.ceil(seconds))})


class FromEngine(ApiError):
    """A refusal by an engine of ours, which is there, whatever the status: it loads a model, its disk is full."""


def is_ambiguous(failure: ApiError) -> bool:
    """Whether the upstream may have done what it was asked although it did not say so."""
    if isinstance(failure, NothingSent) or (isinstance(failure, FromEngine) and failure.code):
        return False  # what our engine says by name it says before it has done anything
    return failure.status >= 500 or failure.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT)


def is_outage(failure: ApiError) -> bool:
    """Whether the upstream is out of order: not there, silent, or failing without being an engine of ours."""
    if isinstance(failure, Unreachable):
        return True
    not_its_fault = isinstance(failure, NothingSent | FromEngine)
    return failure.status >= 500 and failure.code != "upstream_invalid" and not not_its_fault


def kind(failure: ApiError) -> str:
    """Return one of a few names for what went wrong: our own code for it, or `4xx` or `5xx` of an upstream's."""
    return failure.code if failure.code in _KINDS else f"{failure.status // 100}xx"


def refused(answer: "httpx2.Response", content: bytes, key: str) -> ApiError:
    """Translate an answer of 4xx or 5xx; `content` that is no error object is replaced by a plain sentence."""
    if not 400 <= answer.status_code < 600:
        return nonsense(f"it has status {answer.status_code}")
    failure = reported(_error_of(content), answer.status_code, key)
    if MARK in answer.headers:
        failure = FromEngine(**vars(failure))
    given = {name: answer.headers[name] for name in _PASSED_HEADERS if name in answer.headers}
    failure.headers = {name: wait for name, wait in given.items() if _WAIT.fullmatch(wait)}
    return failure


def reported(error: dict[str, Any], status: int, key: str) -> ApiError:
    """Translate an upstream's error object, which may lack anything."""
    told = error.get("message")
    unexplained = f"The upstream answered {status} without a reason."
    return ApiError(
        mask(told if isinstance(told, str) and told else unexplained, key)[:_LONGEST],
        code=_text(error.get("code"), key),
        param=_text(error.get("param"), key),
        type=_text(error.get("type"), key) or "upstream_error",
        status=status,
    )


def _error_of(content: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        return {}
    error = body.get("error", body) if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def unanswered(cause: BaseException | None, base_url: str) -> ApiError:
    """Translate a call without an answer: never connected or dropped is 502, silent for too long 504."""
    import httpx2

    from services.bounded import Unusable

    if isinstance(cause, Unusable):
        return nonsense(str(cause))
    never_sent = httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError
    if isinstance(cause, (*never_sent, httpx2.UnsupportedProtocol)):
        return Unreachable(f"The upstream {base_url} cannot be reached ({type(cause).__name__}: {cause}).")
    if isinstance(cause, httpx2.TimeoutException):
        return silent(base_url)
    return dropped(base_url)


def silent(base_url: str) -> UpstreamTimeout:
    """Say that the upstream did not answer in time."""
    message = f"The upstream {base_url} did not answer in time (UPSTREAM_TIMEOUT, ANSWER_TIMEOUT)."
    return UpstreamTimeout(message, code="upstream_timeout")


def dropped(base_url: str) -> UpstreamFailed:
    """Say that the upstream broke the connection off."""
    message = f"The upstream {base_url} broke the connection off before its answer was complete."
    return UpstreamFailed(message, code="upstream_unreachable")


def unserved(what: str) -> ApiError:
    """Say that this upstream has no such call; trying again will not help."""
    message = f"The upstream does not {what}; an engine of this project does (unset OPENAI_API_KEY, or name one)."
    return ApiError(message, code="not_served_upstream", status=501)


def is_unserved(failure: ApiError) -> bool:
    """Whether an upstream has no such call, if nothing was named in it that may be missing."""
    return failure.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


@contextmanager
def expecting(what: str) -> Iterator[None]:
    """Take an upstream's 404 without a code, about something that is known to be there, for a call that it has not."""
    try:
        yield
    except ApiError as failure:
        raise unserved(what) if is_unserved(failure) and not failure.code else failure from None


def nonsense(what: str) -> UpstreamFailed:
    """Say that the upstream's answer is not what the OpenAI API gives there."""
    return UpstreamFailed(f"The upstream's answer cannot be used: {what}.", code="upstream_invalid")


def _text(value: Any, key: str) -> str | None:
    return None if value is None else mask(str(value), key)[:_LONGEST_NAME]
