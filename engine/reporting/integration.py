"""The integration of a job as it is asked for, kept and shown (wire reference 2.1 and 2.2); it reports nothing."""

from collections.abc import Sequence

from engine.store import Record
from wire.errors import BadRequest
from wire.requests import Integration

_TAG_LENGTH = 64
WANTED, DONE = "wanted", "done"


def settle(asked: Sequence[Integration] | None, job_id: str, base_id: str) -> list[Record]:
    """Return the integrations of a new job as its object shows them; the run's id is the job's.

    Raises:
        BadRequest: 400, more than one.
    """
    wanted = asked or []
    if len(wanted) > 1:
        told = f"This engine reports a job to one project; 'integrations' has {len(wanted)}."
        raise BadRequest(told, code="unsupported_value", param="integrations")
    defaults = [f"openai/{one}"[:_TAG_LENGTH] for one in ("finetune", base_id, job_id)]
    return [
        {
            "type": one.type,
            "wandb": {
                "project": one.wandb.project,
                "entity": one.wandb.entity,
                "name": one.wandb.name,
                "run_id": job_id,
                "tags": list(dict.fromkeys([*(one.wandb.tags or []), *defaults])),
            },
        }
        for one in wanted
    ]
