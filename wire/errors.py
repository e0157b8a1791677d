"""Failures born with their HTTP status and code, and the one body each server gives them; it maps nothing."""

from dataclasses import dataclass, field
from typing import Any

INVALID_REQUEST = "invalid_request_error"


@dataclass(eq=False)
class ApiError(Exception):
    """A failure that a caller sees: `status` is HTTP's, the rest is OpenAI's error object (wire reference 2.10).

    `details` are further keys of the service's own reply, such as the findings of each rejected file.
    """

    message: str
    code: str | None = None
    param: str | None = None
    type: str = INVALID_REQUEST
    status: int = 400
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    def fields(self) -> dict[str, Any]:
        """Return OpenAI's error object: `{message, type, param, code}`."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}


class BadRequest(ApiError):
    """400: the request is wrong, and the message says where and how to mend it."""


@dataclass(eq=False)
class NotFound(ApiError):
    """404: there is no such thing."""

    status: int = 404


@dataclass(eq=False)
class MethodNotAllowed(ApiError):
    """405: the path exists, the method does not."""

    status: int = 405


@dataclass(eq=False)
class RequestTimeout(ApiError):
    """408: the request did not come in time."""

    status: int = 408


@dataclass(eq=False)
class PayloadTooLarge(ApiError):
    """413: the body is over a stated limit."""

    status: int = 413


@dataclass(eq=False)
class UnsupportedMediaType(ApiError):
    """415: the body's content type is not the one this call takes."""

    status: int = 415


@dataclass(eq=False)
class ServerFault(ApiError):
    """500: ours, and the log has the reason."""

    type: str = "server_error"
    status: int = 500


@dataclass(eq=False)
class UpstreamFailed(ApiError):
    """502: the upstream cannot be reached or answered nonsense."""

    type: str = "upstream_error"
    status: int = 502


@dataclass(eq=False)
class Unavailable(ApiError):
    """503: not now; `Retry-After` says when."""

    type: str = "service_unavailable_error"
    status: int = 503


@dataclass(eq=False)
class UpstreamTimeout(ApiError):
    """504: the upstream did not answer in time."""

    type: str = "upstream_error"
    status: int = 504


@dataclass(eq=False)
class InsufficientStorage(ApiError):
    """507: there is no room on the server's disk."""

    code: str | None = "insufficient_storage"
    type: str = "server_error"
    status: int = 507


def openai_body(error: ApiError) -> dict[str, Any]:
    """Return OpenAI's envelope, which every failure under /v1 has: `{"error": {...}}`."""
    return {"error": error.fields()}
