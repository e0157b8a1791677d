"""What the worker asks for, read from `spec.json`; nothing is decided here."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.trainer.recipe import Requested


@dataclass(frozen=True)
class Spec:
    """One job: absolute paths, requested hyperparameters and limits."""

    job_id: str
    method: str
    base: Path
    init_adapter: Path | None
    training_file: Path
    validation_file: Path | None
    requested: Requested
    seed: int
    max_tokens: int
    threads: int
    rehearses: bool = False


def read_spec(job_dir: Path) -> Spec:
    """Read `job_dir/spec.json`; a missing key is a KeyError, for the worker writes this file."""
    document = json.loads((job_dir / "spec.json").read_text(encoding="utf-8"))
    return Spec(
        job_id=document["job_id"],
        method=document.get("method", "supervised"),  # a job may be older than the other methods
        base=Path(document["base"]),
        init_adapter=_optional_path(document["init_adapter"]),
        training_file=Path(document["training_file"]),
        validation_file=_optional_path(document["validation_file"]),
        requested=Requested(**{name: _unless_auto(v) for name, v in document["hyperparameters"].items()}),
        seed=document["seed"],
        max_tokens=document["max_tokens"],
        threads=document["threads"],
        rehearses=document.get("rehearses", False),
    )


def _optional_path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _unless_auto(value: Any) -> Any:
    return None if value == "auto" else value
