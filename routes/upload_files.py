"""Takes training files, checks each and sends the good ones upstream."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, current_app, request

from routes import services
from routes.audit import told
from routes.incoming import multipart, refuse_unknown, sent_files, switch
from services.files import Incoming, Outcome
from wire import declared
from wire.envelope import ok
from wire.errors import BadRequest

bp = Blueprint("upload_files", __name__)
UPLOAD_FIELDS = ["files", "validate", *declared.FIELDS]
_BLOCK = 1024 * 1024


@bp.post("/upload_files")
def upload_files() -> tuple[dict[str, Any], int]:
    """Upload training files (JSONL) in the form field `files`; each file's id goes into /fine_tuning."""
    megabytes: int = current_app.config["MAX_UPLOAD_MB"]
    form, files = multipart(megabytes)
    refuse_unknown([*files, *form, *request.args], UPLOAD_FIELDS)
    validate = switch("validate", form if "validate" in form else request.args, default=True)
    incoming = sent_files(form, files, megabytes)
    _compare(incoming, {name: form.getlist(name) for name in declared.FIELDS})
    return _reply([services().files.upload(file, validate=validate) for file in incoming])


def _compare(incoming: list[Incoming], given: dict[str, list[str]]) -> None:
    """Refuse all files if one is not what it was declared to be, before any goes upstream."""
    for file, said in zip(incoming, declared.declarations(given, len(incoming)), strict=True):
        verified = declared.Verified(file.stream, said)
        while said and verified.read(_BLOCK):
            pass
        file.stream.seek(0)


def _reply(outcomes: list[Outcome]) -> tuple[dict[str, Any], int]:
    """All good is 200, some 207; none is the upstream's failure or the first file's, with what became of each."""
    entries = told([outcome.entry() for outcome in outcomes])
    good = sum(outcome.status == "uploaded" for outcome in outcomes)
    if good:
        return ok(entries), 200 if good == len(outcomes) else 207
    for outcome in outcomes:
        if outcome.failure:
            alone = len(outcomes) == 1
            raise outcome.failure if alone else replace(outcome.failure, details={"files": entries})
    first = outcomes[0].response
    raise BadRequest(first["message"], code=first["code"], param="files", details={"files": entries})
