"""What becomes visible when a job succeeds: its models, and its last events. Whether it may is the worker's matter."""

from collections.abc import Callable
from pathlib import Path

from engine import durable, lifecycle
from engine.jobs import event
from engine.store import Record
from wire.ids import new_id


def model_rows(job: Record, folder: Path, result: Record, name: Callable[[int | None], str], now: int) -> list[Record]:
    """Return the rows of the kept epochs' models, the final model last; `folder` is DATA_DIR/jobs/<job id>.

    `name` makes a new name for the model of a step, or the final one for None.
    """
    last = result["total_steps"]
    kept = [(one["step"], one["path"], one["metrics"]) for one in result["checkpoints"]]
    metrics: Record = next((metrics for step, _, metrics in kept if step == last), {})
    kept = [*(one for one in kept if one[0] != last), (last, "adapter", metrics)]
    rows = []
    for step, path, figures in kept:
        ends = None if step == last else step
        rows.append(
            {
                "id": name(ends),
                "job_id": job["id"],
                "base": job["base"],
                "created_at": now,
                "adapter": f"jobs/{job['id']}/{path}/adapter.gguf",
                "sha256": durable.sha256(folder / path / "adapter.gguf"),
                "checkpoint_id": new_id("ftckpt_"),
                "step_number": step,
                "metrics": figures,
            }
        )
    return rows


def last_events(models: list[Record], proven: str, result: Record, now: int) -> list[Record]:
    """Return the rows of a succeeded job's last events: its outcome, what the proof found, and its models."""
    job_id, final = models[-1]["job_id"], models[-1]["id"]
    kept = [lifecycle.checkpoint_created(one["step_number"], one["id"]) for one in models[:-1]]
    told = [event(job_id, now, **result["outcome"])] if "outcome" in result else []
    words = [proven, *kept, lifecycle.model_created(final), lifecycle.COMPLETED]
    return told + [event(job_id, now, text, data={}) for text in words]
