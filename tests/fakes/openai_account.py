"""An account at OpenAI as the recorded shapes have it: its files and jobs, and the answer to each call on them."""

import base64
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
CHECKPOINT = "ft:gpt-3.5-turbo-1106:personal:suffix-2ywim9:9o1eNlSa:ckpt-step-44"
RESULT_ID = "file-result"
# As OpenAI sends it since 2024, once it is in base64.
RESULT = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.25,,\n2,1.5,0.5,1.75,0.5\n"
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
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.contents: dict[str, bytes] = {}
        self.deleted: set[str] = set()
        self.others: list[str] = []  # models beside gpt-4o
        self.lock = threading.Lock()
        self.trains = True  # else it is a server that only answers: no files, no jobs

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

    def finish(self, job_id: str = JOB_ID, model: str = FINE_TUNED) -> None:
        """Let a job succeed as the document's did."""
        self.jobs[job_id] |= {"status": "succeeded", "fine_tuned_model": model, "trained_tokens": 22732}
        self.jobs[job_id]["result_files"] = [RESULT_ID]
        made = self.new_file("step_metrics.csv", len(RESULT))
        self.files[RESULT_ID] = self.files.pop(made["id"]) | {"id": RESULT_ID, "purpose": "fine-tune-results"}

    def tell(self, job_id: str, message: str, data: dict[str, Any] | None = None) -> str:
        """Let something happen in a job; return its event's id."""
        with self.lock:
            told = self.events.setdefault(job_id, [])
            event = {"object": "fine_tuning.job.event", "id": f"ftevent-{len(told) + 1}", "created_at": 1704527200}
            kind = {"level": "info", "message": message, "type": "metrics" if data else "message", "data": data or {}}
            told.append(event | kind)
            return str(event["id"])


Reply = tuple[int, dict[str, Any] | bytes]


def answer(account: Account, seen: Seen) -> Reply:
    """The status and the object that a call gets."""
    unserved = () if account.trains else ("/v1/files", "/v1/fine_tuning")
    for method, pattern, told in [] if seen.path.startswith(unserved) else _ROUTES:
        found = re.fullmatch(pattern, seen.path)
        if method == seen.method and found:
            try:
                return told(account, seen, *found.groups())
            except KeyError as unknown:
                return _error(404, f"There is no {unknown}", None)
            except ValueError as fault:  # a page behind what is not there, a limit that is no number
                return _error(400, f"{fault}", "invalid_value")
    return _error(404, f"Invalid URL ({seen.method} {seen.path})", None)


def chunk(model: str, delta: dict[str, str], last: bool, reason: str = "stop") -> bytes:
    """One event of a streamed answer; the last says for which reason it ends."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason if last else None}
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
    made = account.new_file(name.group(1).decode(), len(content))
    account.contents[made["id"]] = content
    return 200, made


def _one_file(account: Account, seen: Seen, file_id: str) -> Reply:
    if file_id not in account.files:
        return _error(404, f"No such File object: {file_id}", None, "id")
    return 200, account.files[file_id]


def _delete_file(account: Account, seen: Seen, file_id: str) -> Reply:
    if account.files.pop(file_id, None) is None:
        return _error(404, f"No such File object: {file_id}", None, "id")
    return 200, {"id": file_id, "object": "file", "deleted": True}


def _list_files(account: Account, seen: Seen) -> Reply:
    wanted = seen.query.get("purpose")
    rows = [file for file in account.files.values() if wanted in (None, [file["purpose"]])]
    return 200, _page(seen, rows[::-1])


def _content(account: Account, seen: Seen, file_id: str) -> Reply:
    if file_id not in account.files:
        return _error(404, f"No such File object: {file_id}", None, "id")
    return 200, account.contents.get(file_id) or _unsent(account, file_id)


def _unsent(account: Account, file_id: str) -> bytes:
    return base64.b64encode(RESULT) if file_id == RESULT_ID else b"x" * account.files[file_id]["bytes"]


def _page(seen: Seen, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One page of rows, as `limit` wants it, and `after` if it names one of them."""
    ids, [after] = [row["id"] for row in rows], seen.query.get("after", [""])
    start = ids.index(after) + 1 if after in ids else 0
    limit = int(seen.query.get("limit", ["20"])[0])
    return {"object": "list", "data": rows[start : start + limit], "has_more": len(rows) > start + limit}


def _create_job(account: Account, seen: Seen) -> Reply:
    body = seen.json
    if body["training_file"] not in account.files:
        return _error(400, f"invalid training_file: {body['training_file']}", None, "training_file")
    return 200, account.new_job(body)


def _list_jobs(account: Account, seen: Seen) -> Reply:
    wanted = {name[9:-1]: values[0] for name, values in seen.query.items() if name.startswith("metadata[")}
    rows = [job for job in account.jobs.values() if wanted.items() <= (job["metadata"] or {}).items()]
    return 200, _page(seen, rows[::-1])


def _one_job(change: dict[str, Any]) -> Callable[[Account, Seen, str], Reply]:
    def answer(account: Account, seen: Seen, job_id: str) -> Reply:
        if job_id not in account.jobs:
            return _error(404, f"Could not find fine tune: {job_id}", "fine_tune_not_found", "fine_tune_id")
        account.jobs[job_id] |= change
        return 200, account.jobs[job_id]

    return answer


def _events(account: Account, seen: Seen, job_id: str) -> Reply:
    """What was told of the job; of one that nothing was told of, a step."""
    if job_id not in account.events:
        account.tell(job_id, "Step 88/96: training loss=0.50", {"step": 88, "train_loss": 0.5, "total_steps": 96})
        return 200, _page(seen, [account.events.pop(job_id)[0]])
    return 200, _page(seen, account.events[job_id][::-1])


def _checkpoints(account: Account, seen: Seen, job_id: str) -> Reply:
    if account.jobs[job_id]["status"] != "succeeded":
        return 200, {"object": "list", "data": [], "has_more": False}
    names = {"fine_tuned_model_checkpoint": CHECKPOINT, "fine_tuning_job_id": job_id}
    row = {"object": "fine_tuning.job.checkpoint", "id": "ftckpt_1", "created_at": 1704527300, "step_number": 44}
    return 200, {"object": "list", "data": [row | names | {"metrics": {"train_loss": 0.5}}], "has_more": False}


def _models(account: Account, seen: Seen) -> Reply:
    tuned = [job["fine_tuned_model"] for job in account.jobs.values() if job["fine_tuned_model"]]
    more = [CHECKPOINT] if FINE_TUNED in tuned else []
    names = ["gpt-4o", *account.others, *(name for name in tuned + more if name not in account.deleted)]
    rows = [{"id": name, "object": "model", "created": 1704527400, "owned_by": "openai"} for name in names]
    return 200, {"object": "list", "data": rows}


def _delete_model(account: Account, seen: Seen, name: str) -> Reply:
    made = {job["fine_tuned_model"] for job in account.jobs.values()} | {CHECKPOINT}
    if name not in made or name in account.deleted:
        return _error(404, f"The model '{name}' does not exist", "model_not_found", "model")
    account.deleted.add(name)
    return 200, {"id": name, "object": "model", "deleted": True}


def _chat(account: Account, seen: Seen) -> Reply:
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32}
    completion = {"id": CHAT_ID, "object": "chat.completion", "created": 1704528091, "model": seen.json["model"]}
    return 200, completion | {"choices": [choice], "usage": usage}


_ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("POST", r"/v1/files", _create_file),
    ("GET", r"/v1/files", _list_files),
    ("GET", r"/v1/files/([^/]+)", _one_file),
    ("GET", r"/v1/files/([^/]+)/content", _content),
    ("DELETE", r"/v1/files/([^/]+)", _delete_file),
    ("POST", r"/v1/fine_tuning/jobs", _create_job),
    ("GET", r"/v1/fine_tuning/jobs", _list_jobs),
    ("GET", r"/v1/fine_tuning/jobs/([^/]+)", _one_job({})),
    ("POST", r"/v1/fine_tuning/jobs/([^/]+)/cancel", _one_job({"status": "cancelled"})),
    ("POST", r"/v1/fine_tuning/jobs/([^/]+)/pause", _one_job({"status": "paused"})),
    ("POST", r"/v1/fine_tuning/jobs/([^/]+)/resume", _one_job({"status": "queued"})),
    ("GET", r"/v1/fine_tuning/jobs/([^/]+)/events", _events),
    ("GET", r"/v1/fine_tuning/jobs/([^/]+)/checkpoints", _checkpoints),
    ("GET", r"/v1/models", _models),
    ("DELETE", r"/v1/models/(.+)", _delete_model),
    ("POST", r"/v1/chat/completions", _chat),
]
