"""Rows with as little in them as the tables allow."""

from typing import Any


def a_file(number: int) -> dict[str, Any]:
    facts = {"id": f"file-{number}", "filename": "a.jsonl", "purpose": "fine-tune"}
    return {**facts, "bytes": 1, "sha256": "0", "created_at": 1_700_000_000}


def a_job(job_id: str = "ftjob-1", **values: Any) -> dict[str, Any]:
    facts = {"id": job_id, "created_at": 1, "status": "queued", "model": "m", "base": "m", "training_file": "file-1"}
    return {**facts, "seed": 1, "hyperparameters": {}, **values}
