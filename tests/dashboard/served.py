"""The pages over a real socket, as a browser needs them, with an upstream whose jobs a test moves by hand."""

import threading
from typing import Any

from werkzeug.serving import make_server

from app import create_app
from config import ServiceConfig
from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI


class Served:
    """A running service; `upstream` is its OpenAI."""

    def __init__(self, config: ServiceConfig, upstream: FakeOpenAI) -> None:
        self.upstream = upstream
        self._server = make_server("127.0.0.1", 0, create_app(config), threaded=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()

    def start_job(self, suffix: str = "lighthouse", **more: Any) -> dict[str, Any]:
        """Start a job that waits."""
        if not self.upstream.files:
            self.upstream.new_file("lighthouse.jsonl", 1709)
        asked = {"model": "gpt-4o-mini-2024-07-18", "training_file": FILE_ID, "suffix": suffix}
        return self.upstream.new_job(asked) | more

    def train(self, steps: int, job_id: str = JOB_ID, total: int = 40) -> None:
        """Let a job come to this step, with a loss that falls as losses do."""
        self.upstream.jobs[job_id] |= {"status": "running"}
        self.upstream.events[job_id] = [_event(step, total) for step in range(1, steps + 1)]


def _event(step: int, total: int) -> dict[str, Any]:
    data: dict[str, Any] = {"step": step, "total_steps": total, "train_loss": 0.4 + 2.6 / step**0.7 + step % 3 * 0.05}
    data["train_mean_token_accuracy"] = 1 - data["train_loss"] / 4
    if step % 5 == 0:
        data |= {"valid_loss": data["train_loss"] + 0.2, "valid_mean_token_accuracy": 0.9 - data["train_loss"] / 4}
    words = f"Step {step}/{total}: training loss={data['train_loss']:.2f}"
    head = {"object": "fine_tuning.job.event", "id": f"ftevent-{step}", "level": "info", "type": "metrics"}
    return head | {"created_at": 1795990000 + step, "message": words, "data": data}
