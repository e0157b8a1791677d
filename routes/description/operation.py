"""What can be said of one call, and what most calls share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from routes.description.shapes import TEXT, Schema, exact, ref

JSON = "application/json"
FORM = "multipart/form-data"
FILE_ID, JOB_ID = "file-R3qR5V2k2uUUrW5MrMn3HvTJ", "ftjob-tMpKPC61vbAAL06dZLbnoash"
TUNED = "ft:gpt-3.5-turbo-1106:personal:suffix-2ywim9:8dw83FNm"
_TURNS = [{"role": "user", "content": "Where are you from?"}, {"role": "assistant", "content": "From the clouds."}]
LINE = json.dumps({"messages": _TURNS}) + "\n"
FULL_JOB = {
    "object": "fine_tuning.job",
    "id": JOB_ID,
    "model": "gpt-3.5-turbo-1106",
    "created_at": 1704527100,
    "fine_tuned_model": None,
    "status": "running",
    "training_file": FILE_ID,
    "trained_tokens": None,
}

# What may be refused before anybody upstream is asked, and what only where somebody is.
ANY, KEYED, READ, IN_FORM = (400, 403, 500), (401, 429), (413, 415), (413, 415, 507)
UPSTREAM: tuple[int | str, ...] = (404, 409, 422, 502, 503, 504, "4XX", "5XX")

Content = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """One call: what comes back at 200 and at other good statuses, what is sent, and how it may fail."""

    good: Content
    sent: Content = field(default_factory=dict)
    parameters: tuple[Schema, ...] = ()
    fails: tuple[int | str, ...] = ANY + KEYED
    also: Mapping[int, Content] = field(default_factory=dict)
    headers: Mapping[str, Schema] = field(default_factory=dict)
    links: Mapping[str, Schema] = field(default_factory=dict)


def enveloped(response: Schema, example: Any) -> Content:
    """Say what stands in `response`, with an example."""
    schema = exact(info={"const": "ok"}, response=response)
    return {JSON: {"schema": schema, "example": {"info": "ok", "response": example}}}


def body(kind: str, schema: str, example: Any) -> Content:
    """Say what is sent or comes as one content type."""
    return {kind: {"schema": ref(schema), "example": example}}


def form(schema: str, **fields: Any) -> Content:
    """Say what form is sent, with the example's fields beside its file."""
    return body(FORM, schema, {"files": [LINE], **fields})


def parameter(place: str, name: str, schema: Schema, told: str) -> Schema:
    """Say what may stand in a query or a header."""
    return {"name": name, "in": place, "schema": schema, "description": told}


def link(operation: str, told: str, **request: Any) -> Schema:
    """Say what to call next, with what of this reply."""
    return {"operationId": operation, "description": told, **request}


PAGING = (
    parameter("query", "after", TEXT, "the id that the page begins after"),
    parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": 999_999_999}, "how many at most"),
)
ASKS = ANY + KEYED + UPSTREAM
