"""Puts the OpenAPI document together: a path for each of the app's rules, its words those of the view's docstring."""

import re
from inspect import cleandoc
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from routes.access import PUBLIC, SCOPES
from routes.description.extended import EXTENDED
from routes.description.operation import JSON, Content, Operation
from routes.description.operations import OPERATIONS
from routes.description.shapes import Schema, components, ref

VERSION = "3.1.0"
_SAID = OPERATIONS | EXTENDED
# These come with every GET, or are the gate's.
UNSAID = frozenset({"HEAD", "OPTIONS"})
_FAMILY = "invalid_request_error"
_FAILURES: dict[int | str, tuple[str, str, str]] = {
    400: (_FAMILY, "invalid_value", "The request is wrong; the message says where and how to mend it."),
    401: (_FAMILY, "missing_api_key", "A key is asked for, and none or a wrong one was shown."),
    403: (_FAMILY, "insufficient_scope", "The key, the Host or the page that asks may not do this."),
    404: (_FAMILY, "fine_tune_not_found", "There is no such thing, or it is another's."),
    409: (
        "invalid_request_error",
        "idempotency_in_progress",
        "The first call with this Idempotency-Key is under way, or the upstream says so.",
    ),
    413: (_FAMILY, "body_too_large", "The body or a file is over the limit."),
    415: (_FAMILY, "unsupported_content_type", "The body is of another content type, charset or encoding."),
    422: (
        _FAMILY,
        "idempotency_key_reused",
        "The Idempotency-Key was used with another body, or the upstream says so.",
    ),
    429: (_FAMILY, "rate_limited", "Too many calls, or a day's budget or the room for files is used up."),
    500: ("server_error", "internal_error", "A mistake of ours; the log has more under the request's id."),
    501: (_FAMILY, "not_served_upstream", "The upstream has no such call; an engine of this project has."),
    502: ("upstream_error", "upstream_unreachable", "The upstream cannot be reached, or answered nonsense."),
    503: ("service_unavailable_error", "engine_unavailable", "Not now."),
    504: (
        "upstream_error",
        "upstream_timeout",
        "The upstream did not answer in time; needs_attention: it may have started a job all the same.",
    ),
    507: ("server_error", "insufficient_storage", "The disk is full."),
    "4XX": ("upstream_error", "refused", "Another refusal of the upstream's, as it says it."),
    "5XX": ("upstream_error", "failed", "Another failure of the upstream's, as it says it."),
}
_REQUEST_ID: Schema = {
    "description": "The caller's own if it was one, else made up; the log has it too.",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}
_RETRY: Schema = {"description": "Seconds to wait, where that is known.", "schema": {"type": "string"}}
_ABOUT = """Every reply in JSON but this description is `{"info", "response"}`, and `info` is `ok` or `error`.
Fields of a form may stand in the query too. docs/wire.md lists the codes of failures."""


def describe(app: Flask) -> Schema:
    """Return the OpenAPI document of an app."""
    paths: dict[str, Schema] = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("dashboard."):  # pages, for people
            continue
        for method in sorted((rule.methods or set()) - UNSAID):
            said = _operation(rule, app.view_functions[rule.endpoint].__doc__ or "", _SAID[rule.endpoint])
            paths.setdefault(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})[method.lower()] = said
    return {
        "openapi": VERSION,
        "info": {
            "title": "tune9527",
            "version": "1",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components(),
            "responses": {_name(status): _failure(status) for status in _FAILURES},
            "headers": {"RequestId": _REQUEST_ID, "RetryAfter": _RETRY},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, where one was made (make key)."}
            },
        },
    }


def _operation(rule: Rule, words: str, told: Operation) -> Schema:
    summary, _, rest = cleandoc(words).partition("\n\n")
    said: Schema = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": " ".join(summary.split()),
        "security": [] if rule.endpoint in PUBLIC else [{"key": [SCOPES.get(rule.endpoint, "admin")]}, {}],
        "responses": _responses(told),
    }
    path = [_in_path(name) for name in sorted(rule.arguments)]
    if rest:
        said["description"] = rest
    if path or told.parameters:
        said["parameters"] = [*path, *told.parameters]
    if told.sent:
        said["requestBody"] = {"required": True, "content": told.sent}
    return said


def _in_path(name: str) -> Schema:
    schema = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _responses(told: Operation) -> dict[str, Schema]:
    first = _good("Done.", told.good) | ({"links": dict(told.links)} if told.links else {})
    first["headers"] |= told.headers
    others = {str(status): _good("Done in part.", content) for status, content in told.also.items()}
    fails = {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in told.fails}
    return {"200": first} | dict(sorted((others | fails).items()))


def _good(words: str, content: Content) -> Schema:
    return {
        "description": words,
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
        "content": content,
    }


def _failure(status: int | str) -> Schema:
    family, code, words = _FAILURES[status]
    error: dict[str, Any] = {"type": family, "code": code, "message": words, "param": None, "request_id": "req_1"}
    content = {JSON: {"schema": ref("Failure"), "example": {"info": "error", "response": error}}}
    said = _good(words, content)
    if status in (429, 503):
        said["headers"]["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return said


def _name(status: int | str) -> str:
    """What a failure is called among the components."""
    return f"Status{status}"
