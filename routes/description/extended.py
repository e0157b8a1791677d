"""The same of the calls beyond the documented ones: files, jobs, models, comparisons, and what describes the port."""

from typing import Any

from routes.attachment import BYTES
from routes.description.operation import (
    ANY,
    ASKS,
    FILE_ID,
    FULL_JOB,
    JOB_ID,
    JSON,
    LINE,
    PAGING,
    READ,
    TUNED,
    Content,
    Operation,
    body,
    enveloped,
    parameter,
)
from routes.description.shapes import FILE, OBJECT, SWITCH, TEXT, Schema, exact, ref
from wire.sse import CONTENT_TYPE as EVENTS

CSV = "text/csv"
_CHOSEN: Schema = {"enum": ["gguf", "peft", "ollama"]}
_UNSERVED = (*ASKS, 501)
_STORED = {
    "bytes": len(LINE),
    "created_at": 1704527071,
    "filename": "train.jsonl",
    "id": FILE_ID,
    "object": "file",
    "purpose": "fine-tune",
    "owner": None,
}
_CHECKPOINT = {
    "object": "fine_tuning.job.checkpoint",
    "id": "ftckpt_1",
    "created_at": 1704527300,
    "fine_tuned_model_checkpoint": f"{TUNED}:ckpt-step-88",
    "fine_tuning_job_id": JOB_ID,
    "step_number": 88,
    "metrics": {"train_loss": 0.5},
}
_EVENT = {
    "object": "fine_tuning.job.event",
    "id": "ftevent-1",
    "created_at": 1704527200,
    "level": "info",
    "message": "Step 88/96: training loss=0.50",
    "type": "metrics",
    "data": {"step": 88, "train_loss": 0.5},
}
_POINT = {"step": 88, "train_loss": 0.5, "train_accuracy": None, "valid_loss": None, "valid_mean_token_accuracy": None}
_MODEL = {
    "id": TUNED,
    "kind": "tuned",
    "base": "gpt-3.5-turbo-1106",
    "job_id": JOB_ID,
    "step_number": None,
    "created": 1704527400,
    "owned_by": "personal",
    "owner": None,
    "shutdown_date": None,
}
_ANSWER = {
    "index": 0,
    "model": TUNED,
    "answered_by": TUNED,
    "content": "我是来自云端的AI助手",
    "finish_reason": "stop",
    "seconds": 1.2,
    "first_token_seconds": 0.4,
    "prompt_tokens": None,
    "completion_tokens": None,
    "error": None,
}
_FOLLOWED = 'retry: 2000\n\nid: ftevent-1\ndata: {"id": "ftevent-1"}\n\nevent: end\ndata: {"status": "succeeded"}\n\n'
_COMPARED = (
    'event: delta\ndata: {"index": 0, "model": "a", "content": "Hi"}\n\n'
    'event: answer\ndata: {"index": 0, "model": "a", "content": "Hi"}\n\ndata: [DONE]\n\n'
)


def _job(**change: Any) -> Content:
    return enveloped(ref("Job"), {**FULL_JOB, **change})


def _page(*rows: Any) -> Content:
    return enveloped(ref("Page"), {"object": "list", "data": [*rows], "has_more": False})


def _deleted(name: str, kind: str) -> Content:
    return enveloped(ref("Deleted"), {"id": name, "object": kind, "deleted": True})


EXTENDED = {
    "postman.postman": Operation(
        {JSON: {"schema": OBJECT, "example": {"info": {"name": "tune9527"}, "item": [], "variable": []}}}, fails=ANY
    ),
    "files.list_files": Operation(
        _page(_STORED), parameters=(*PAGING, parameter("query", "purpose", TEXT, "such as fine-tune")), fails=ASKS
    ),
    "files.retrieve_file": Operation(enveloped(ref("StoredFile"), _STORED), fails=ASKS),
    "files.file_content": Operation({BYTES: {"schema": FILE, "example": LINE}}, fails=ASKS),
    "files.delete_file": Operation(_deleted(FILE_ID, "file"), fails=ASKS),
    "jobs.list_jobs": Operation(_page(FULL_JOB), parameters=PAGING, fails=ASKS),
    "jobs.retrieve_job": Operation(_job(), fails=ASKS),
    "jobs.list_events": Operation(
        _page(_EVENT)
        | {EVENTS: {"schema": {"description": "with `stream=true`: past events, then new ones"}, "example": _FOLLOWED}},
        parameters=(
            *PAGING,
            parameter("query", "stream", SWITCH, "true: as server-sent events, to its end"),
            parameter("header", "Last-Event-ID", TEXT, "of a stream: the last event that is known already"),
        ),
        fails=ASKS,
    ),
    "jobs.list_metrics": Operation(
        enveloped(ref("Curve"), {"job_id": JOB_ID, "status": "running", "source": "events", "points": [_POINT]})
        | {CSV: {"schema": TEXT, "example": ",".join(_POINT) + "\n88,0.5,,,\n"}},
        parameters=(parameter("query", "format", {"enum": ["json", "csv"]}, "csv: a table to keep"),),
        fails=ASKS,
    ),
    "jobs.list_checkpoints": Operation(_page(_CHECKPOINT), parameters=PAGING, fails=_UNSERVED),
    "jobs.cancel_job": Operation(_job(status="cancelled"), fails=ASKS),
    "jobs.pause_job": Operation(_job(status="paused"), fails=_UNSERVED),
    "jobs.resume_job": Operation(_job(status="queued"), fails=_UNSERVED),
    "models.list_models": Operation(enveloped(ref("Models"), {"object": "list", "data": [_MODEL]}), fails=ASKS),
    "models.retrieve_model": Operation(enveloped(ref("Model"), _MODEL), fails=ASKS),
    "models.delete_model": Operation(_deleted(TUNED, "model"), fails=ASKS),
    "models.export_model": Operation(
        {BYTES: {"schema": FILE, "example": "GGUF"}},
        parameters=(
            {**parameter("query", "format", _CHOSEN, "gguf: the adapter; the others: tars"), "required": True},
        ),
        fails=_UNSERVED,
    ),
    "compare.compare": Operation(
        {
            JSON: {
                "schema": {"anyOf": [exact(info={"const": "ok"}, response=ref("Answers")), ref("Failure")]},
                "example": {"info": "ok", "response": {"answers": [_ANSWER, {**_ANSWER, "index": 1}]}},
            },
            EVENTS: {"schema": {"description": "with `stream: true`: each piece with its model"}, "example": _COMPARED},
        },
        body(JSON, "Comparison", {"models": [TUNED, "gpt-3.5-turbo-1106"], "text": "你来自哪里"}),
        fails=ASKS + READ,
    ),
}
