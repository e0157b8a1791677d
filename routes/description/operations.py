"""What each call takes and answers, by its endpoint; every example is one that the tests execute."""

from observe.metrics import CONTENT_TYPE as METRICS
from routes.description.operation import (
    ANY,
    ASKS,
    FILE_ID,
    FULL_JOB,
    IN_FORM,
    JOB_ID,
    JSON,
    KEYED,
    LINE,
    READ,
    TUNED,
    Operation,
    body,
    enveloped,
    form,
    link,
    parameter,
)
from routes.description.shapes import OBJECT, TEXT, exact, many, ref
from routes.retrieve import KEYS as STATUS_KEYS
from services.budget import CONFIRM
from services.creates import CONFIRM_NEW
from services.datasets import CONTENT_TYPE as LINES
from wire.sse import CONTENT_TYPE as EVENTS

_ORGANIZATION = "org-Ugtr3J5hX9RKdSwuPWgjwjFC"
_CHAT = "chatcmpl-8dwBPZj4AqW8R0qIZBo8GbVbTeOG9"
_ID_OF_JOB = "$response.body#/response/id"

_STORED = {
    "bytes": len(LINE),
    "created_at": 1704527071,
    "filename": "files",
    "id": FILE_ID,
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
    "id": JOB_ID,
    "model": "gpt-3.5-turbo-1106",
    "organization_id": _ORGANIZATION,
    "status": "validating_files",
    "training_file": FILE_ID,
    "suffix": "suffix:2ywim9",
}
_STANDING = {name: FULL_JOB[name] for name in STATUS_KEYS}
_FINDING = {
    "line": None,
    "pointer": "",
    "code": "few_examples",
    "severity": "warning",
    "fix": None,
    "message": "the file has 1 example. From 50 on results get better as a rule.",
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
    "text": "1 example for training",
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
    "cost": {"usd": None, "tokens": 350, "formula": "350 tokens x unknown", "as_of": None},
    "duration": {
        "minutes": None,
        "assumes": "unknown: nobody has measured how many tokens a second this machine trains",
    },
}
_AS_FILE = {LINES: {"schema": TEXT, "example": LINE}}
_TO_JOB = {
    "retrieve": link("retrieve", "How it stands", requestBody={"fine_tuning_job_id": _ID_OF_JOB}),
    **{
        name: link(name, told, parameters={"job_id": _ID_OF_JOB})
        for name, told in (("retrieve_job", "All of it"), ("list_events", "Its events"), ("cancel_job", "End it"))
    },
}
_TO_START = link("fine_tuning", "Train on it", requestBody={"training_file": "$response.body#/response/0/response/id"})
_ANSWER = {"content": "我是来自云端的AI助手，可以为你解决问题", "id": _CHAT, "model": TUNED}
_EVENTS = 'data: {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\ndata: [DONE]\n\n'
_KEY = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}

OPERATIONS = {
    "status.status": Operation(enveloped(exact(), {}), fails=ANY),
    "openapi.openapi": Operation(
        {JSON: {"schema": OBJECT, "example": {"openapi": "3.1.0", "info": {}, "paths": {}}}}, fails=ANY
    ),
    "metrics.metrics": Operation(
        {METRICS: {"schema": TEXT, "example": 'tune9527_requests_total{method="GET",route="/status",status="2xx"} 1\n'}}
    ),
    "upload_files.upload_files": Operation(
        enveloped(many(ref("UploadedFile")), _UPLOADED),
        form("UploadForm"),
        fails=ASKS + IN_FORM,
        also={207: enveloped(many(ref("UploadedFile")), [*_UPLOADED, _REJECTED])},
        links={"fine_tuning": _TO_START},
    ),
    "fine_tuning.fine_tuning": Operation(
        enveloped(ref("StartedJob"), _STARTED),
        body(JSON, "JobCreate", {"training_file": FILE_ID}),
        (
            parameter("header", "Idempotency-Key", _KEY, "a repeated call with the same key starts no second job"),
            parameter("header", CONFIRM, TEXT, "true: an admin starts a job over the day's budget"),
            parameter("header", CONFIRM_NEW, TEXT, "true: the earlier call with this key, left open, started no job"),
        ),
        ASKS + READ,
        headers={"Idempotent-Replayed": {"description": "true: an earlier call started the job", "schema": TEXT}},
        links=_TO_JOB,
    ),
    "retrieve.retrieve": Operation(
        enveloped(ref("JobStatus"), _STANDING),
        body(JSON, "JobRetrieve", {"fine_tuning_job_id": JOB_ID}),
        fails=ASKS + READ,
    ),
    "chat.chat": Operation(
        {
            JSON: {
                "schema": {"anyOf": [exact(info={"const": "ok"}, response=ref("Answer")), ref("Failure")]},
                "example": {"info": "ok", "response": _ANSWER},
            },
            EVENTS: {"schema": {"description": "with `stream: true`: the upstream's events"}, "example": _EVENTS},
        },
        body(JSON, "DocumentedChat", {"text": "你来自哪里", "model": TUNED}),
        fails=ASKS + READ,
    ),
    "datasets.check": Operation(
        enveloped(
            many(ref("CheckedFile")),
            [{**_SENT, "status": "passed", "response": {"profile": "engine", "max_tokens": None, **_REPORT}}],
        ),
        form("CheckForm", profile="engine"),
        fails=ASKS + IN_FORM,
    ),
    "datasets.fix": Operation(
        enveloped(many(ref("MendedFile")), [{**_MADE, "status": "passed", "response": _MENDED}]) | _AS_FILE,
        form("FixForm", mask="true"),
        fails=ASKS + IN_FORM,
    ),
    "datasets.convert": Operation(
        enveloped(ref("Dataset"), _DATASET) | _AS_FILE, form("ConvertForm", mask="true"), fails=ASKS + IN_FORM
    ),
    "datasets.statistics": Operation(
        enveloped(many(ref("FileOutlook")), [{"filename": "files", "size": len(LINE), "response": _OUTLOOK}]),
        form("StatisticsForm", epochs=3),
        fails=ANY + KEYED + IN_FORM,
    ),
}
