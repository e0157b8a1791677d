"""The envelope of port 9527: every reply is `{"info": ..., "response": ...}` and nothing else."""

from typing import Any

from wire.errors import ApiError


def ok(response: Any) -> dict[str, Any]:
    """Wrap a success."""
    return {"info": "ok", "response": response}


def failed(error: ApiError, request_id: str) -> dict[str, Any]:
    """Wrap a failure: `response` is `{type, code, message, param, request_id}`, and the failure's details if any."""
    return {"info": "error", "response": {**error.fields(), "request_id": request_id, **error.details}}
