"""An account at OpenAI as the recorded shapes have it: its files and jobs, and the answer to each call on them."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FILE_ID = "file-R3qR5V2k2uUUrW5MrMn3HvTJ"
JOB_ID = "ftjob-tMpKPC61vbAAL06dZLbnoash"
ORGANIZATION = "org-Ugtr3J5hX9RKdSwuPWgjwjFC"
FINE_TUNED = "ft:gpt-3.5-turbo-1106:personal:suffix-2ywim9:8dw83FNm"
CHAT_ID = "chatcmpl-8dwBPZj4AqW8R0qIZBo8GbVbTeOG9"
ANSWER = "我是来自云端的AI助手，可以为你解决问题"
PIECES = ("我是", "来自云端的", "AI助手")


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Account:
    """Files and jobs, by id; safe for any number of threads."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()

    def new_file(self, name: str, size: int) -> dict[str, Any]:
        with self.lock:
            file_id = FILE_ID if not self.files else f"file-{len(self.files):024d}"
            facts = {"bytes": size, "created_at": 1704527071, "filename": name, "id": file_id, "purpose": "fine-tune"}
            extras = {"object": "file", "status": "processed", "status_details": None, "expires_at": None}
            self.files[file_id] = facts | extras
            return self.files[file_id]

    def new_job(self, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            job_id = JOB_ID if not self.jobs else f"ftjob-{len(self.jobs):024d}"
            self.jobs[job_id] = {
                "object": "fine_tuning.job",
                "id": job_id,
                "model": body["model"],
                "created_at": 1704527100,
                "finished_at": None,
                "fine_tuned_model": None,
                "organization_id": ORGANIZATION,
                "result_files": [],
                "status": "validating_files",
                "validation_file": body.get("validation_file"),
                "training_file": body["training_file"],
                "hyperparameters": {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"},
                "trained_tokens": None,
                "error": {},
                "user_provided_suffix": body.get("suffix"),
                "seed": 683058546,
                "integrations": [],
                "metadata": body.get("metadata"),
            }
            return self.jobs[job_id]

    def finish(self, job_id: str = JOB_ID) -> None:
        """Let a job succeed as the document's did."""
        self.jobs[job_id] |= {"status": "succeeded", "fine_tuned_model": FINE_TUNED, "trained_tokens": 22732}


Reply = tuple[int, dict[str, Any]]


def answer(account: Account, seen: Seen) -> Reply:
    """The status and the object that a call gets."""
    for method, pattern, told in _ROUTES:
        found = re.fullmatch(pattern, seen.path)
        if method == seen.method and found:
            return told(account, seen, *found.groups())
    return _error(404, f"Invalid URL ({seen.method} {seen.path})", None)


def chunk(model: str, delta: dict[str, str], last: bool) -> bytes:
    """One event of a streamed answer."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": "stop" if last else None}
    event = {"id": CHAT_ID, "object": "chat.completion.chunk", "created": 1704528091, "model": model}
    return b"data: " + json.dumps(event | {"choices": [choice]}).encode() + b"\n\n"


def _error(status: int, message: str, code: str | None, param: str | None = None) -> Reply:
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def _create_file(account: Account, seen: Seen) -> Reply:
    name = re.search(rb'name="file"; filename="([^"]*)"', seen.body)
    if name is None:
        return _error(400, "'file' is a required property", None)
    if not name.group(1).endswith(b".jsonl"):
        return _error(400, "Invalid file format for Fine-Tuning API. Must be .jsonl", None)
    boundary = b"\r\n--" + seen.headers["content-type"].partition("boundary=")[2].encode()
    content = seen.body[name.end() :].partition(b"\r\n\r\n")[2].rpartition(boundary)[0]
    content = content.partition(boundary)[0]
    return 200, account.new_file(name.group(1).decode(), len(content))


def _one_file(account: Account, seen: Seen, file_id: str) -> Reply:
    if file_id not in account.files:
        return _error(404, f"No such File object: {file_id}", None, "id")
    return 200, account.files[file_id]


def _delete_file(account: Account, seen: Seen, file_id: str) -> Reply:
    if account.files.pop(file_id, None) is None:
        return _error(404, f"No such File object: {file_id}", None, "id")
    return 200, {"id": file_id, "object": "file", "deleted": True}


def _create_job(account: Account, seen: Seen) -> Reply:
    body = seen.json
    if body["training_file"] not in account.files:
        return _error(400, f"invalid training_file: {body['training_file']}", None, "training_file")
    return 200, account.new_job(body)


def _list_jobs(account: Account, seen: Seen) -> Reply:
    wanted = {name[9:-1]: values[0] for name, values in seen.query.items() if name.startswith("metadata[")}
    rows = [job for job in account.jobs.values() if wanted.items() <= (job["metadata"] or {}).items()]
    return 200, {"object": "list", "data": rows[::-1], "has_more": False}


def _one_job(change: dict[str, Any]) -> Callable[[Account, Seen, str], Reply]:
    def answer(account: Account, seen: Seen, job_id: str) -> Reply:
        if job_id not in account.jobs:
            return _error(404, f"Could not find fine tune: {job_id}", "fine_tune_not_found", "fine_tune_id")
        account.jobs[job_id] |= change
        return 200, account.jobs[job_id]

    return answer


def _events(account: Account, seen: Seen, job_id: str) -> Reply:
    data = {"step": 88, "train_loss": 0.5, "total_steps": 96}
    event = {"object": "fine_tuning.job.event", "id": "ftevent-1", "created_at": 1704527200, "level": "info"}
    row = event | {"message": "Step 88/96: training loss=0.50", "data": data, "type": "metrics"}
    return 200, {"object": "list", "data": [row], "has_more": False}


def _chat(account: Account, seen: Seen) -> Reply:
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32}
    completion = {"id": CHAT_ID, "object": "chat.completion", "created": 1704528091, "model": seen.json["model"]}
    return 200, completion | {"choices": [choice], "usage": usage}


_ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("POST", r"/v1/files", _create_file),
    ("GET", r"/v1/files/([^/]+)", _one_file),
    ("DELETE", r"/v1/files/([^/]+)", _delete_file),
    ("POST", r"/v1/fine_tuning/jobs", _create_job),
    ("GET", r"/v1/fine_tuning/jobs", _list_jobs),
    ("GET", r"/v1/fine_tuning/jobs/([^/]+)", _one_job({})),
    ("POST", r"/v1/fine_tuning/jobs/([^/]+)/cancel", _one_job({"status": "cancelled"})),
    ("GET", r"/v1/fine_tuning/jobs/([^/]+)/events", _events),
    ("POST", r"/v1/chat/completions", _chat),
]
