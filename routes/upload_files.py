"""Takes training files, checks each and sends the good ones upstream."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, current_app, request
from werkzeug.datastructures import FileStorage

from routes import services
from routes.incoming import Form, FormFiles, multipart, switch
from services.files import Incoming, Outcome, clean_label
from wire.envelope import ok
from wire.errors import BadRequest, PayloadTooLarge
from wire.requests import unknown_field

bp = Blueprint("upload_files", __name__)
_FIELDS = ["files", "validate"]


@bp.post("/upload_files")
def upload_files() -> tuple[dict[str, Any], int]:
    """Upload training files (JSONL) in the form field `files`; each file's id goes into /fine_tuning."""
    megabytes: int = current_app.config["MAX_UPLOAD_MB"]
    form, files = multipart(megabytes)
    _refuse_unknown(form, files)
    validate = switch("validate", form if "validate" in form else request.args, default=True)
    incoming = [_incoming(file, megabytes) for file in _given(form, files)]
    return _reply([services().files.upload(file, validate=validate) for file in incoming])


def _refuse_unknown(form: Form, files: FormFiles) -> None:
    for name in [*files, *form, *request.args]:
        if name not in _FIELDS:
            raise unknown_field(name or "", _FIELDS)


def _given(form: Form, files: FormFiles) -> list[FileStorage]:
    if "files" in form:
        message = "The field 'files' holds text, but must hold a file (in Postman: set its type to File)."
        raise BadRequest(message, code="invalid_type", param="files")
    given = files.getlist("files")
    if not given:
        message = "Missing required parameter: 'files'. Send one or more files in the form field 'files'."
        raise BadRequest(message, code="missing_required_parameter", param="files")
    return given


def _incoming(file: FileStorage, megabytes: int) -> Incoming:
    size = file.stream.seek(0, 2) or file.stream.tell()
    file.stream.seek(0)
    label = clean_label(file.filename or "")
    if size > megabytes * 1024 * 1024:
        message = f"The file '{label}' has {size} bytes; at most {megabytes} MB are taken (MAX_UPLOAD_MB)."
        raise PayloadTooLarge(message, code="file_too_large", param="files")
    return Incoming(label, file.content_type or "application/octet-stream", size, file.stream)  # type: ignore[arg-type]


def _reply(outcomes: list[Outcome]) -> tuple[dict[str, Any], int]:
    """All good is 200, some 207; none is the upstream's failure or the first file's, with what became of each."""
    entries = [outcome.entry() for outcome in outcomes]
    good = sum(outcome.status == "uploaded" for outcome in outcomes)
    if good:
        return ok(entries), 200 if good == len(outcomes) else 207
    for outcome in outcomes:
        if outcome.failure:
            alone = len(outcomes) == 1
            raise outcome.failure if alone else replace(outcome.failure, details={"files": entries})
    first = outcomes[0].response
    raise BadRequest(first["message"], code=first["code"], param="files", details={"files": entries})
