"""What each call takes and answers, by its endpoint; every example is one that the tests execute."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from observe.metrics import CONTENT_TYPE as METRICS
from routes.description.shapes import OBJECT, TEXT, Schema, exact, many, ref
from routes.retrieve import KEYS as STATUS_KEYS
from services.budget import CONFIRM
from services.creates import CONFIRM_NEW
from services.datasets import CONTENT_TYPE as LINES
from wire.sse import CONTENT_TYPE as EVENTS

JSON = "application/json"
FORM = "multipart/form-data"
_FILE, _JOB = "file-R3qR5V2k2uUUrW5MrMn3HvTJ", "ftjob-tMpKPC61vbAAL06dZLbnoash"
_ORGANIZATION = "org-Ugtr3J5hX9RKdSwuPWgjwjFC"
_TUNED = "ft:gpt-3.5-turbo-1106:personal:suffix-2ywim9:8dw83FNm"
_CHAT = "chatcmpl-8dwBPZj4AqW8R0qIZBo8GbVbTeOG9"
_TURNS = [{"role": "user", "content": "Where are you from?"}, {"role": "assistant", "content": "From the clouds."}]
LINE = json.dumps({"messages": _TURNS}) + "\n"
_ID_OF_JOB = "$response.body#/response/id"

# What may be refused before anybody upstream is asked, and what only where somebody is.
_ANY, _KEYED, _READ, _FORM = (400, 403, 500), (401, 429), (413, 415), (413, 415, 507)
_UPSTREAM: tuple[int | str, ...] = (404, 409, 422, 502, 503, 504, "4XX", "5XX")

Content = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """One call: what comes back at 200 and at other good statuses, what is sent, and how it may fail."""

    good: Content
    sent: Content = field(default_factory=dict)
    parameters: tuple[Schema, ...] = ()
    fails: tuple[int | str, ...] = _ANY + _KEYED
    also: Mapping[int, Content] = field(default_factory=dict)
    headers: Mapping[str, Schema] = field(default_factory=dict)
    links: Mapping[str, Schema] = field(default_factory=dict)


def _enveloped(response: Schema, example: Any) -> Content:
    schema = exact(info={"const": "ok"}, response=response)
    return {JSON: {"schema": schema, "example": {"info": "ok", "response": example}}}


def _body(kind: str, schema: str, example: Any) -> Content:
    return {kind: {"schema": ref(schema), "example": example}}


def _form(schema: str, **fields: Any) -> Content:
    return _body(FORM, schema, {"files": [LINE], **fields})


def _parameter(place: str, name: str, schema: Schema, told: str) -> Schema:
    return {"name": name, "in": place, "schema": schema, "description": told}


def _link(operation: str, told: str, **request: Any) -> Schema:
    return {"operationId": operation, "description": told, **request}


_STORED = {
    "bytes": len(LINE),
    "created_at": 1704527071,
    "filename": "files",
    "id": _FILE,
    "object": "file",
    "purpose": "fine-tune",
}
_SENT = {"content_type": "application/octet-stream", "filename": "files", "size": len(LINE)}
_REJECTED = {
    **_SENT,
    "status": "rejected",
    "response": {"code": "invalid_training_file", "message": "Line 1: not JSON"},
}
_UPLOADED = [{**_SENT, "status": "uploaded", "response": _STORED}]
_STARTED = {
    "id": _JOB,
    "model": "gpt-3.5-turbo-1106",
    "organization_id": _ORGANIZATION,
    "status": "validating_files",
    "training_file": _FILE,
    "suffix": "suffix:2ywim9",
}
_FULL_JOB = {
    "object": "fine_tuning.job",
    "id": _JOB,
    "model": "gpt-3.5-turbo-1106",
    "created_at": 1704527100,
    "fine_tuned_model": None,
    "status": "running",
    "training_file": _FILE,
    "trained_tokens": None,
}
_STANDING = {name: _FULL_JOB[name] for name in STATUS_KEYS}
_EVENT = {
    "object": "fine_tuning.job.event",
    "id": "ftevent-1",
    "created_at": 1704527200,
    "level": "info",
    "message": "Step 88/96: training loss=0.50",
    "type": "metrics",
    "data": {"step": 88, "train_loss": 0.5},
}
_FINDING = {
    "line": None,
    "pointer": "",
    "code": "few_examples",
    "severity": "warning",
    "fix": None,
    "message": "the file has 1 example(s). From 50 on results get better as a rule.",
}
_REPORT = {
    "kind": "chat",
    "examples": 1,
    "closely": 1,
    "bytes": len(LINE),
    "errors": 0,
    "warnings": 1,
    "complete": True,
    "findings": [_FINDING],
}
_MADE = {"filename": "files.jsonl", "size": len(LINE), "content": LINE}
_MENDED = {
    "encoding": "utf-8",
    "lines": 1,
    "records": 1,
    "written": 1,
    "dropped": {},
    "counts": {},
    "changes": [],
    "masked": {},
    "left": _REPORT,
}
_DATASET = {
    "report": {
        "rows": {"in": 1, "used": 1, "left": {}},
        "examples": {"training": 1, "validation": 0},
        "check": {"profile": "engine", "training": {"errors": {}, "warnings": {}}, "validation": None},
    },
    "text": "1 example(s) for training",
    "training": _MADE,
    "validation": None,
    "provenance": [{"file": "files.jsonl", "line": 1, "chat": "", "from": [{"file": "files", "rows": [[1, 1]]}]}],
}
_SPREAD = dict.fromkeys(("total", "least", "mean", "p5", "p50", "p95", "most"), 14) | {"count": 1}
_OUTLOOK = {
    "statistics": {
        "examples": 1,
        "unread": 0,
        **dict.fromkeys(("tokens", "answer_tokens", "turns", "characters"), _SPREAD),
    },
    "counted": "cl100k_base, the encoding of gpt-3.5-turbo-1106",
    "epochs": {"epochs": 25, "formula": "1 x 3 < 100: min(25, 100 // 1) = 25"},
    "cost": {"usd": None, "tokens": 350, "formula": "350 tokens x unknown"},
    "duration": {
        "minutes": None,
        "assumes": "unknown: nobody has measured how many tokens a second this machine trains",
    },
}
_AS_FILE = {LINES: {"schema": TEXT, "example": LINE}}
_PAGING = (
    _parameter("query", "after", TEXT, "the id that the page begins after"),
    _parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": 999_999_999}, "how many at most"),
)
_ASKS = _ANY + _KEYED + _UPSTREAM
_TO_JOB = {
    "retrieve": _link("retrieve", "How it stands", requestBody={"fine_tuning_job_id": _ID_OF_JOB}),
    **{
        name: _link(name, told, parameters={"job_id": _ID_OF_JOB})
        for name, told in (("retrieve_job", "All of it"), ("list_events", "Its events"), ("cancel_job", "End it"))
    },
}
_TO_START = _link("fine_tuning", "Train on it", requestBody={"training_file": "$response.body#/response/0/response/id"})
_ANSWER = {"content": "我是来自云端的AI助手，可以为你解决问题", "id": _CHAT, "model": _TUNED}
_EVENTS = 'data: {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\ndata: [DONE]\n\n'
_KEY = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}

OPERATIONS = {
    "status.status": Operation(_enveloped(exact(), {}), fails=_ANY),
    "openapi.openapi": Operation(
        {JSON: {"schema": OBJECT, "example": {"openapi": "3.1.0", "info": {}, "paths": {}}}}, fails=_ANY
    ),
    "metrics.metrics": Operation(
        {METRICS: {"schema": TEXT, "example": 'tune9527_requests_total{method="GET",route="/status",status="2xx"} 1\n'}}
    ),
    "upload_files.upload_files": Operation(
        _enveloped(many(ref("UploadedFile")), _UPLOADED),
        _form("UploadForm"),
        fails=_ASKS + _FORM,
        also={207: _enveloped(many(ref("UploadedFile")), [*_UPLOADED, _REJECTED])},
        links={"fine_tuning": _TO_START},
    ),
    "fine_tuning.fine_tuning": Operation(
        _enveloped(ref("StartedJob"), _STARTED),
        _body(JSON, "JobCreate", {"training_file": _FILE}),
        (
            _parameter("header", "Idempotency-Key", _KEY, "a repeated call with the same key starts no second job"),
            _parameter("header", CONFIRM, TEXT, "true: an admin starts a job over the day's budget"),
            _parameter("header", CONFIRM_NEW, TEXT, "true: the earlier call with this key, left open, started no job"),
        ),
        _ASKS + _READ,
        headers={"Idempotent-Replayed": {"description": "true: an earlier call started the job", "schema": TEXT}},
        links=_TO_JOB,
    ),
    "retrieve.retrieve": Operation(
        _enveloped(ref("JobStatus"), _STANDING),
        _body(JSON, "JobRetrieve", {"fine_tuning_job_id": _JOB}),
        fails=_ASKS + _READ,
    ),
    "chat.chat": Operation(
        {
            JSON: {
                "schema": {"anyOf": [exact(info={"const": "ok"}, response=ref("Answer")), ref("Failure")]},
                "example": {"info": "ok", "response": _ANSWER},
            },
            EVENTS: {"schema": {"description": "with `stream: true`: the upstream's events"}, "example": _EVENTS},
        },
        _body(JSON, "DocumentedChat", {"text": "你来自哪里", "model": _TUNED}),
        fails=_ASKS + _READ,
    ),
    "jobs.list_jobs": Operation(
        _enveloped(ref("Page"), {"object": "list", "data": [_FULL_JOB], "has_more": False}),
        parameters=_PAGING,
        fails=_ASKS,
    ),
    "jobs.retrieve_job": Operation(_enveloped(ref("Job"), _FULL_JOB), fails=_ASKS),
    "jobs.list_events": Operation(
        _enveloped(ref("Page"), {"object": "list", "data": [_EVENT], "has_more": False}),
        parameters=_PAGING,
        fails=_ASKS,
    ),
    "jobs.cancel_job": Operation(_enveloped(ref("Job"), {**_FULL_JOB, "status": "cancelled"}), fails=_ASKS),
    "datasets.check": Operation(
        _enveloped(
            many(ref("CheckedFile")),
            [{**_SENT, "status": "passed", "response": {"profile": "engine", "max_tokens": None, **_REPORT}}],
        ),
        _form("CheckForm", profile="engine"),
        fails=_ASKS + _FORM,
    ),
    "datasets.fix": Operation(
        _enveloped(many(ref("MendedFile")), [{**_MADE, "status": "passed", "response": _MENDED}]) | _AS_FILE,
        _form("FixForm", mask="true"),
        fails=_ASKS + _FORM,
    ),
    "datasets.convert": Operation(
        _enveloped(ref("Dataset"), _DATASET) | _AS_FILE, _form("ConvertForm", mask="true"), fails=_ASKS + _FORM
    ),
    "datasets.statistics": Operation(
        _enveloped(many(ref("FileOutlook")), [{"filename": "files", "size": len(LINE), "response": _OUTLOOK}]),
        _form("StatisticsForm", epochs=3),
        fails=_ANY + _KEYED + _FORM,
    ),
}
