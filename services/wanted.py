"""What a job is asked for, beyond what its shape alone can tell."""

from typing import Any

from services.creates import TAG
from wire.errors import BadRequest
from wire.requests import JobCreate


def refuse_contradictions(wanted: JobCreate, most: int) -> None:
    """Refuse two different sets of hyperparameters, and metadata that leaves our tags no room or takes their names."""
    inner = method_hyperparameters(wanted)
    if wanted.hyperparameters is not None and inner not in (None, wanted.hyperparameters.model_dump(exclude_none=True)):
        message = "'hyperparameters' and those inside 'method' differ; give one of them ('method' is the newer way)."
        raise BadRequest(message, code="invalid_value", param="hyperparameters")
    metadata = wanted.metadata or {}
    if len(metadata) > most:
        message = f"'metadata' has {len(metadata)} pairs; at most {most} are yours, the others are the service's."
        raise BadRequest(message, code="invalid_value", param="metadata")
    taken = [name for name in metadata if name.startswith(TAG)]
    if taken:
        message = f"'{taken[0]}': names that begin with {TAG} are the service's own."
        raise BadRequest(message, code="invalid_value", param=f"metadata.{taken[0]}")


def method_hyperparameters(wanted: JobCreate) -> dict[str, Any] | None:
    """Return the hyperparameters inside `method`; None if there are none."""
    method = wanted.method.model_dump(exclude_none=True) if wanted.method else {}
    found: dict[str, Any] | None = method.get(method.get("type", ""), {}).get("hyperparameters")
    return found
