"""A team's preferences through the documented calls to a model, on the embedded engine."""

import json
from typing import Any

from tests.contract.preferences import PAIRS
from tests.fakes.ports import until
from tests.live_service import LiveService

LINES = "".join(json.dumps(pair) + "\n" for pair in PAIRS)


def test_preferences_go_through_the_documented_calls(shared_service: LiveService) -> None:
    service = shared_service
    files = {"files": ("pairs.jsonl", LINES.encode(), "application/octet-stream")}
    [uploaded] = service.call("POST", "/upload_files", files=files)
    assert uploaded["status"] == "uploaded"
    settings = {"n_epochs": 2, "batch_size": 4, "beta": 0.2}
    method = {"type": "dpo", "dpo": {"hyperparameters": settings}}
    asked = {"training_file": uploaded["response"]["id"], "method": method}
    job_id = service.call("POST", "/fine_tuning", json=asked)["id"]

    def ended() -> Any:
        job = service.call("POST", "/retrieve", json={"fine_tuning_job_id": job_id})
        return job if job["status"] in ("succeeded", "failed") else None

    job = until(ended)
    assert (job["status"], job["fine_tuned_model"][:3]) == ("succeeded", "ft:")
    whole = service.call("GET", f"/jobs/{job_id}")
    assert whole["method"]["type"] == "dpo"
    assert whole["method"]["dpo"]["hyperparameters"].items() >= settings.items()
    losses = [event["data"]["train_loss"] for event in service.events(job_id) if event["type"] == "metrics"]
    assert len(losses) == 2
    assert losses[1] < losses[0]
