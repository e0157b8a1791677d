"""Tells how a fine-tuning job stands."""

from typing import Any

from flask import Blueprint

from routes import services
from routes.audit import about
from routes.incoming import json_object
from services.client import pick
from wire.envelope import ok
from wire.requests import Id, Strict, parse

bp = Blueprint("retrieve", __name__)
KEYS = ("fine_tuned_model", "id", "status", "trained_tokens", "training_file")


class JobRetrieve(Strict):
    """`POST /retrieve`."""

    fine_tuning_job_id: Id


@bp.post("/retrieve")
def retrieve() -> dict[str, Any]:
    """Return one job as it stands now; `fine_tuned_model` is the new model once `status` is succeeded."""
    wanted = parse(JobRetrieve, json_object())
    about(wanted.fine_tuning_job_id)
    return ok(pick(services().fine_tuning.retrieve(wanted.fine_tuning_job_id), *KEYS))
