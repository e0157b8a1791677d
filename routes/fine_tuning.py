"""Starts fine-tuning jobs."""

from typing import Any

from flask import Blueprint, current_app, g, request

from routes import figures, services
from routes.audit import about
from routes.incoming import json_object
from services.budget import CONFIRM
from services.creates import CONFIRM_NEW
from services.fine_tuning import Created, FineTuning
from wire.envelope import ok
from wire.requests import JobCreate, parse

bp = Blueprint("fine_tuning", __name__)


@bp.post("/fine_tuning")
def fine_tuning() -> tuple[dict[str, Any], dict[str, str]]:
    """Start a fine-tuning job on `training_file`; with an Idempotency-Key, a repeated call starts no second one."""
    body = json_object()
    model = body.get("model")
    wanted = parse(JobCreate, {**body, "model": current_app.config["DEFAULT_MODEL"] if model is None else model})
    about(wanted.training_file, wanted.validation_file)
    key, surely_new = request.headers.get("Idempotency-Key"), _says_true(CONFIRM_NEW)
    created = _jobs().create(wanted, key, surely_new=surely_new)
    return ok(noted(created).reply()), {"Idempotent-Replayed": "true"} if created.replayed else {}


def _jobs() -> FineTuning:
    """The jobs, of which an admin may start more than the day's budget has room for."""
    over = _says_true(CONFIRM) and g.key.allows("admin")
    return services().fine_tuning.confirmed() if over else services().fine_tuning


def _says_true(header: str) -> bool:
    return request.headers.get(header, "").lower() == "true"


def noted(created: Created) -> Created:
    """Return a job that was started, after noting it for the audit and the figures."""
    about(created.job["id"])
    if not created.replayed:
        figures().jobs_started.add()
    return created
