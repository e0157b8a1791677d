"""What becomes visible when a job succeeds: the rows of its models. Whether it may is the worker's matter."""

from pathlib import Path

from engine import durable
from engine.store import Record
from wire.ids import model_name, new_id


def model_rows(job: Record, folder: Path, result: Record, organization: str, now: int) -> list[Record]:
    """Return the rows of the kept epochs' models, the final model last; `folder` is DATA_DIR/jobs/<job id>."""
    last = result["total_steps"]
    kept = [(one["step"], one["path"], one["metrics"]) for one in result["checkpoints"]]
    metrics: Record = next((metrics for step, _, metrics in kept if step == last), {})
    kept = [*(one for one in kept if one[0] != last), (last, "adapter", metrics)]
    rows = []
    for step, path, figures in kept:
        ends = None if step == last else step
        rows.append(
            {
                "id": model_name(job["base"], organization, job["suffix"], ends),
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
