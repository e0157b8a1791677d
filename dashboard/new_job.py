"""The form that starts a training."""

import re
import secrets
from datetime import date
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from dashboard.listed import listed
from routes import services
from routes.fine_tuning import noted
from routes.incoming import Form, page_form, query
from wire.errors import NotFound
from wire.requests import JobCreate, parse

File = dict[str, Any]

bp = Blueprint("new_job", __name__, url_prefix="/dashboard/new-job")
_FILES = ["training_file", "validation_file"]
_FIELDS = [*_FILES, "model", "suffix"]
_HYPERPARAMETERS = ["n_epochs", "batch_size", "learning_rate_multiplier", "beta"]
_MOST_FILES = 100
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@bp.get("")
def ask() -> str:
    """Ask what to train on what, and how; what the query has is chosen already."""
    chosen = query(**dict.fromkeys((*_FIELDS, *_HYPERPARAMETERS, "method", "seed"), str))
    chosen.setdefault("model", current_app.config["DEFAULT_MODEL"])
    page = listed(services().files.page, {"limit": _MOST_FILES, "purpose": "fine-tune"})
    older, gone = _unlisted(page["data"], chosen)
    shown = {"page": page, "files": older + page["data"], "gone": gone, "models": _models(chosen["model"])}
    return render_template("job_new.html", **shown, chosen=chosen, once=secrets.token_hex())


@bp.post("")
def start() -> Response:
    """Start the job and show it; the same page sent twice starts one."""
    fields = page_form([*_FIELDS, *_HYPERPARAMETERS, "method", "seed", "once"])
    wanted = parse(JobCreate, _asked(fields))
    created = noted(services().fine_tuning.create(wanted, fields.get("once") or None))
    return redirect(url_for("dashboard.jobs.show_job", job_id=created.job["id"]), 303)


def _asked(fields: Form) -> dict[str, Any]:
    """What a program would send; the method, unless it is chosen, is the one that the file is for."""
    asked: dict[str, Any] = {name: fields[name] for name in _FIELDS if fields.get(name)}
    if fields.get("seed"):
        asked["seed"] = _number(fields["seed"])
    given = {name: _number(fields[name]) for name in _HYPERPARAMETERS if fields.get(name)}
    method = fields.get("method")
    if not method and "training_file" in asked:
        method = services().files.method(asked["training_file"])
    if method == "dpo":
        asked["method"] = {"type": "dpo", "dpo": {"hyperparameters": given}}
    elif given:
        asked["hyperparameters"] = given
    return asked


def _unlisted(files: list[File], chosen: dict[str, str]) -> tuple[list[File], list[str]]:
    """The chosen files that are too old to be among these, and the ids of those that there are no more."""
    known, older, gone = {file["id"] for file in files}, list[File](), list[str]()
    for file_id in {chosen.get(name) for name in _FILES} - known - {None, ""}:
        try:
            older.append(services().files.retrieve(str(file_id)))
        except NotFound:
            gone.append(str(file_id))
    return older, gone


def _models(default: str) -> list[str]:
    """The models that may be trained, as far as is known; the default is one by whatever name it goes."""
    found = [model["id"] for model in services().models.all() if model["kind"] in ("base", "tuned")]
    return [*dict.fromkeys([default, *services().outlook.trainable(found, date.today())])]


def _number(text: str) -> Any:
    """A number as JSON has it; what is none stays as it is, for the check to name."""
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
