"""Turns an upstream's refusals and silences into our failures; its status, code, message and Retry-After pass."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from observe.masking import mask
from wire.errors import ApiError, Unavailable, UpstreamFailed, UpstreamTimeout

if TYPE_CHECKING:
    import httpx2

_KINDS = frozenset(
    {"upstream_unreachable", "upstream_timeout", "upstream_invalid", "engine_unavailable", "engine_failed"}
)
_PASSED_HEADERS = ("Retry-After", "Retry-After-Ms")


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


def is_ambiguous(failure: ApiError) -> bool:
    """Whether the upstream may have done what it was asked although it did not say so."""
    return (failure.status >= 500 or failure.status == 408) and not isinstance(failure, NothingSent)


def kind(failure: ApiError) -> str:
    """Return one of a few names for what went wrong: our own code for it, or `4xx` or `5xx` of an upstream's."""
    return failure.code if failure.code in _KINDS else f"{failure.status // 100}xx"


def refused(answer: "httpx2.Response", key: str) -> ApiError:
    """Translate an answer of 4xx or 5xx; a body that is no error object is replaced by a plain sentence."""
    failure = reported(_error_of(answer), answer.status_code, key)
    failure.headers = {name: answer.headers[name] for name in _PASSED_HEADERS if name in answer.headers}
    return failure


def reported(error: dict[str, Any], status: int, key: str) -> ApiError:
    """Translate an upstream's error object, which may lack anything."""
    told = error.get("message")
    unexplained = f"The upstream answered {status} without a reason."
    return ApiError(
        mask(told if isinstance(told, str) and told else unexplained, key),
        code=_text(error.get("code")),
        param=_text(error.get("param")),
        type=_text(error.get("type")) or "upstream_error",
        status=status,
    )


def _error_of(answer: "httpx2.Response") -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    error = body.get("error", body) if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def unanswered(cause: BaseException | None, base_url: str) -> ApiError:
    """Translate a call without an answer: never connected or dropped is 502, silent for too long 504."""
    import httpx2

    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError | httpx2.UnsupportedProtocol):
        return Unreachable(f"The upstream {base_url} cannot be reached ({type(cause).__name__}: {cause}).")
    if isinstance(cause, httpx2.TimeoutException):
        return silent(base_url)
    return dropped(base_url)


def silent(base_url: str) -> UpstreamTimeout:
    """Say that the upstream did not answer in time."""
    message = f"The upstream {base_url} did not answer in time (UPSTREAM_TIMEOUT)."
    return UpstreamTimeout(message, code="upstream_timeout")


def dropped(base_url: str) -> UpstreamFailed:
    """Say that the upstream broke the connection off."""
    message = f"The upstream {base_url} broke the connection off before its answer was complete."
    return UpstreamFailed(message, code="upstream_unreachable")


def nonsense(what: str) -> UpstreamFailed:
    """Say that the upstream's answer is not what the OpenAI API gives there."""
    return UpstreamFailed(f"The upstream's answer cannot be used: {what}.", code="upstream_invalid")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
