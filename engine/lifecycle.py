"""The states of a fine-tuning job, its legal moves, and the words of its events (wire reference 2.3, 2.5 and 5.1)."""

from collections.abc import Mapping

VALIDATING = "validating_files"
QUEUED = "queued"
RUNNING = "running"
PAUSED = "paused"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"

STATES = (VALIDATING, QUEUED, RUNNING, PAUSED, SUCCEEDED, FAILED, CANCELLED)
TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})
_BEFORE: Mapping[str, frozenset[str]] = {
    QUEUED: frozenset({VALIDATING, PAUSED}),
    RUNNING: frozenset({QUEUED}),
    PAUSED: frozenset({QUEUED, RUNNING}),
    SUCCEEDED: frozenset({RUNNING}),
    FAILED: frozenset({VALIDATING, QUEUED, RUNNING}),
    CANCELLED: frozenset({VALIDATING, QUEUED, RUNNING, PAUSED}),
}


def may_become(status: str) -> frozenset[str]:
    """Return the states from which a job may move to `status`."""
    return _BEFORE[status]


def webhook_event(status: str) -> str:
    """Return the type of the webhook event that tells of a terminal state (wire reference 5.1)."""
    return f"fine_tuning.job.{status}"


def created(job_id: str) -> str:
    """Words of the first event."""
    return f"Created fine-tuning job: {job_id}"


def validating(training_file: str, validation_file: str | None) -> str:
    """Words of the event that opens the check of the files."""
    also = f" and validation file: {validation_file}" if validation_file else ""
    return f"Validating training file: {training_file}{also}"


VALIDATED = "Files validated, moving job to queued state"
STARTED = "Fine-tuning job started"
COMPLETED = "The job has successfully completed"
CANCELLED_BY_CALLER = "Job has been cancelled"
PAUSED_BY_CALLER = "Job has been paused"
RESUMED_BY_CALLER = "Job has been resumed, moving job to queued state"


def waiting(ahead: int) -> str:
    """Words of a queued job's place: `Job is queued: 2 ahead of it.`"""
    return f"Job is queued: {ahead} ahead of it."


def step(metrics: Mapping[str, float]) -> str:
    """Words of a step: `Step 290/303: training loss=0.00, validation loss=0.31, full validation loss=0.33`."""
    words = f"Step {metrics['step']}/{metrics['total_steps']}: training loss={metrics['train_loss']:.2f}"
    for key, name in (("valid_loss", "validation loss"), ("full_valid_loss", "full validation loss")):
        if metrics.get(key) is not None:
            words += f", {name}={metrics[key]:.2f}"
    return words


def begun(asked: int, context: int) -> list[dict[str, str]]:
    """Return the first events of a training; the base model's `context`, if known, may be less than was `asked`."""
    less = f"CONTEXT_TOKENS is {asked}, but the base model was made for at most {context} tokens: examples end there."
    return [{"message": STARTED}, *([{"message": less, "level": "warn"}] if 0 < context < asked else [])]


def checkpoint_created(number: int, model: str) -> str:
    """Words that name a checkpoint's model."""
    return f"Checkpoint created at step {number} with Snapshot ID: {model}"


def model_created(model: str) -> str:
    """Words that name the new model."""
    return f"New fine-tuned model created: {model}"
