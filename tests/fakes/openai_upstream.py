"""An OpenAI upstream on loopback: recorded shapes, faults on demand, and a log of every request it got."""

import json
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

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


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong; with `after_work` the upstream has done what it was asked before that.

    kind: `status` (an error object, or `raw` as it stands), `drop` (the connection), `hang` (`seconds`), `raw` (200
    with a body of our choice), `cut` (a stream that ends after `pieces` chunks, the connection closed).
    """

    kind: str
    status: int = 500
    error: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    seconds: float = 0.0
    pieces: int = 1
    after_work: bool = False


def refusal(status: int, message: str, code: str | None, type: str = "invalid_request_error", **headers: str) -> Fault:
    """A failure in OpenAI's error object; header names are given with underscores."""
    error = {"message": message, "type": type, "param": None, "code": code}
    return Fault("status", status, error, {name.replace("_", "-"): value for name, value in headers.items()})


class FakeOpenAI:
    """The server; `fail` queues faults for a call such as `POST /v1/files`."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.gap = 0.0
        self.streams_left_by_client = threading.Semaphore(0)
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, call: str, *faults: Fault) -> None:
        """Let the next requests of `call` go wrong, one after another."""
        self._faults[call].extend(faults)

    def count(self, call: str) -> int:
        """How many requests of `call` arrived."""
        return sum(f"{one.method} {one.path}" == call for one in self.seen)

    def last(self, call: str) -> Seen:
        """The latest request of `call`."""
        return next(one for one in reversed(self.seen) if f"{one.method} {one.path}" == call)

    def note(self, seen: Seen) -> Fault | None:
        """Log a request; return the fault that awaits it."""
        with self._lock:
            self.seen.append(seen)
            waiting = self._faults[f"{seen.method} {seen.path}"]
            return waiting.popleft() if waiting else None

    def new_file(self, name: str, size: int) -> dict[str, Any]:
        with self._lock:
            file_id = FILE_ID if not self.files else f"file-{len(self.files):024d}"
            facts = {"bytes": size, "created_at": 1704527071, "filename": name, "id": file_id, "purpose": "fine-tune"}
            extras = {"object": "file", "status": "processed", "status_details": None, "expires_at": None}
            self.files[file_id] = facts | extras
            return self.files[file_id]

    def new_job(self, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
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


class _Handler(BaseHTTPRequestHandler):
    fake: FakeOpenAI
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        url = urlsplit(self.path)
        seen = Seen(
            self.command,
            unquote(url.path),
            parse_qs(url.query, keep_blank_values=True),
            {name.lower(): value for name, value in self.headers.items()},
            self._read_body(),
        )
        fault = self.fake.note(seen)
        if fault is None or fault.after_work or fault.kind == "cut":
            reply = self._route(seen)
        if fault is not None and fault.kind != "cut":
            self._go_wrong(fault)
        elif reply[0] == 200 and seen.path == "/v1/chat/completions" and seen.json.get("stream"):
            self._stream(seen.json["model"], fault.pieces if fault else None)
        else:
            self._send(reply[0], json.dumps(reply[1]).encode(), {"x-request-id": "req_fake"})

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _go_wrong(self, fault: Fault) -> None:
        if fault.kind == "hang":
            time.sleep(fault.seconds)
        if fault.kind in ("hang", "drop"):
            self.close_connection = True
        elif fault.kind == "status":
            body = fault.raw or json.dumps({"error": fault.error}).encode()
            self._send(fault.status, body, fault.headers)
        else:
            self._send(200, fault.raw, fault.headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, model: str, pieces: int | None) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        chunks = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in PIECES), {}]
        try:
            for delta in chunks[:pieces]:
                self.wfile.write(_chunk(model, delta, last=not delta))
                self.wfile.flush()
                time.sleep(self.fake.gap)
            if pieces is None:
                self.wfile.write(b"data: [DONE]\n\n")
            else:
                self.wfile.write(b'data: {"id": "chatcm')
        except OSError:
            self.fake.streams_left_by_client.release()

    def _route(self, seen: Seen) -> Reply:
        for method, pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, seen.path)
            if method == seen.method and found:
                return answer(self.fake, seen, *found.groups())
        return _error(404, f"Invalid URL ({seen.method} {seen.path})", None)


def _chunk(model: str, delta: dict[str, str], last: bool) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": "stop" if last else None}
    chunk = {"id": CHAT_ID, "object": "chat.completion.chunk", "created": 1704528091, "model": model}
    return b"data: " + json.dumps(chunk | {"choices": [choice]}).encode() + b"\n\n"


def _error(status: int, message: str, code: str | None, param: str | None = None) -> Reply:
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def _create_file(fake: FakeOpenAI, seen: Seen) -> Reply:
    name = re.search(rb'name="file"; filename="([^"]*)"', seen.body)
    if name is None:
        return _error(400, "'file' is a required property", None)
    if not name.group(1).endswith(b".jsonl"):
        return _error(400, "Invalid file format for Fine-Tuning API. Must be .jsonl", None)
    boundary = b"\r\n--" + seen.headers["content-type"].partition("boundary=")[2].encode()
    content = seen.body[name.end() :].partition(b"\r\n\r\n")[2].rpartition(boundary)[0]
    content = content.partition(boundary)[0]
    return 200, fake.new_file(name.group(1).decode(), len(content))


def _delete_file(fake: FakeOpenAI, seen: Seen, file_id: str) -> Reply:
    if fake.files.pop(file_id, None) is None:
        return _error(404, f"No such File object: {file_id}", None, "id")
    return 200, {"id": file_id, "object": "file", "deleted": True}


def _create_job(fake: FakeOpenAI, seen: Seen) -> Reply:
    body = seen.json
    if body["training_file"] not in fake.files:
        return _error(400, f"invalid training_file: {body['training_file']}", None, "training_file")
    return 200, fake.new_job(body)


def _list_jobs(fake: FakeOpenAI, seen: Seen) -> Reply:
    wanted = {name[9:-1]: values[0] for name, values in seen.query.items() if name.startswith("metadata[")}
    rows = [job for job in fake.jobs.values() if wanted.items() <= (job["metadata"] or {}).items()]
    return 200, {"object": "list", "data": rows[::-1], "has_more": False}


def _one_job(change: dict[str, Any]) -> Callable[[FakeOpenAI, Seen, str], Reply]:
    def answer(fake: FakeOpenAI, seen: Seen, job_id: str) -> Reply:
        if job_id not in fake.jobs:
            return _error(404, f"Could not find fine tune: {job_id}", "fine_tune_not_found", "fine_tune_id")
        fake.jobs[job_id] |= change
        return 200, fake.jobs[job_id]

    return answer


def _events(fake: FakeOpenAI, seen: Seen, job_id: str) -> Reply:
    data = {"step": 88, "train_loss": 0.5, "total_steps": 96}
    event = {"object": "fine_tuning.job.event", "id": "ftevent-1", "created_at": 1704527200, "level": "info"}
    row = event | {"message": "Step 88/96: training loss=0.50", "data": data, "type": "metrics"}
    return 200, {"object": "list", "data": [row], "has_more": False}


def _chat(fake: FakeOpenAI, seen: Seen) -> Reply:
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32}
    completion = {"id": CHAT_ID, "object": "chat.completion", "created": 1704528091, "model": seen.json["model"]}
    return 200, completion | {"choices": [choice], "usage": usage}


_ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("POST", r"/v1/files", _create_file),
    ("DELETE", r"/v1/files/([^/]+)", _delete_file),
    ("POST", r"/v1/fine_tuning/jobs", _create_job),
    ("GET", r"/v1/fine_tuning/jobs", _list_jobs),
    ("GET", r"/v1/fine_tuning/jobs/([^/]+)", _one_job({})),
    ("POST", r"/v1/fine_tuning/jobs/([^/]+)/cancel", _one_job({"status": "cancelled"})),
    ("GET", r"/v1/fine_tuning/jobs/([^/]+)/events", _events),
    ("POST", r"/v1/chat/completions", _chat),
]
