"""Which job made a model: its object names the model, but no checkpoint, whose name has an id of its own."""

from collections.abc import Callable, Iterable
from typing import Any

# What sets a checkpoint's name apart from its model's.
CHECKPOINT = ":ckpt-step-"

Job = dict[str, Any]


def maker_of(model: str, jobs: Iterable[Job], checkpoints_of: Callable[[str], list[dict[str, Any]]]) -> Job | None:
    """Return the one of `jobs` that made a fine-tuned model or a checkpoint, or None.

    A checkpoint's name shares base, organization and suffix with its job's model, so few jobs are asked for theirs.
    """
    for job in jobs:
        whole = str(job.get("fine_tuned_model") or "")
        if whole == model:
            return job
        kin = CHECKPOINT in model and whole.split(":")[:4] == model.split(":")[:4]
        if kin and any(one.get("fine_tuned_model_checkpoint") == model for one in checkpoints_of(str(job["id"]))):
            return job
    return None
