"""Checks training data, and makes it of exports and sheets, before any of it goes upstream."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import CombinedMultiDict

from dataprep.conversion.options import ALIASES, Options
from routes import services
from routes.attachment import attachment
from routes.audit import told
from routes.incoming import Form, multipart, refuse_unknown, sent_file, sent_files, switch
from services.datasets import CONTENT_TYPE, Dataset, Mended
from services.files import Incoming
from wire.envelope import ok
from wire.errors import BadRequest

bp = Blueprint("datasets", __name__, url_prefix="/datasets")
CHECK_FIELDS = ["files", "against", "profile", "model", "thorough", "upload"]
FIX_FIELDS = ["files", "profile", "encoding", "mask", "upload", "download"]
STATISTICS_FIELDS = ["files", "model", "epochs"]
_OPTIONS = [*Options.__dataclass_fields__, *ALIASES]
CONVERT_FIELDS = ["files", "upload", "download", *_OPTIONS]


@bp.post("/check")
def check() -> dict[str, Any]:
    """Check files in the form field `files` by the rules of `profile`, as validation files if `against` holds another.

    `model` is what will be trained, whose limit counts for the length of an example.

    `upload=true` sends on what passes; `thorough=true` reads the wording of every example in large files too.
    """
    fields, incoming, against = _sent(CHECK_FIELDS)
    upload, thorough = switch("upload", fields, default=False), switch("thorough", fields, default=False)
    model, profile = fields.get("model", ""), fields.get("profile", "")
    check_one = partial(services().datasets.check, model=model, upload=upload, thorough=thorough, against=against)
    return ok(told([check_one(file, profile) for file in incoming]))


@bp.post("/fix")
def fix() -> dict[str, Any] | Response:
    """Mend copies of the files in the form field `files`, and mask in them; `upload=true` sends on those that pass."""
    fields, incoming, _ = _sent(FIX_FIELDS)
    mask, upload, download = (switch(name, fields, default=False) for name in ("mask", "upload", "download"))
    profile, encoding = fields.get("profile", ""), fields.get("encoding", "")
    mended = services().datasets.fix(incoming, profile, encoding, mask=mask)
    if upload:
        return ok(told(services().datasets.upload_mended(mended)))
    return _as_file(_only(mended).file) if download else ok([one.entry() for one in mended])


@bp.post("/convert")
def convert() -> dict[str, Any] | Response:
    """Make training data of the exports in the form field `files`; `upload=true` sends it on for /fine_tuning."""
    fields, incoming, _ = _sent(CONVERT_FIELDS)
    upload, download = switch("upload", fields, default=False), switch("download", fields, default=False)
    dataset = services().datasets.convert(incoming, {name: fields.getlist(name) for name in _OPTIONS if name in fields})
    return _reply(dataset, upload=upload, download=download)


@bp.post("/statistics")
def statistics() -> dict[str, Any]:
    """Describe training files in numbers, and estimate epochs, cost and minutes of a training of `model` on them."""
    fields, incoming, _ = _sent(STATISTICS_FIELDS)
    model, epochs = fields.get("model", ""), fields.get("epochs", "")
    return ok([services().outlook.look_ahead(file, model, epochs) for file in incoming])


def _sent(known: list[str]) -> tuple[Form, list[Incoming], Incoming | None]:
    """The fields of form and query together, of which the form's come first, the files, and the one to hold against."""
    megabytes: int = current_app.config["MAX_UPLOAD_MB"]
    form, files = multipart(megabytes)
    refuse_unknown([*files, *form, *request.args], known)
    fields: Form = CombinedMultiDict([form, request.args])
    return fields, sent_files(fields, files, megabytes), sent_file("against", fields, files, megabytes)


def _reply(dataset: Dataset, *, upload: bool, download: bool) -> dict[str, Any] | Response:
    """The examples' ids, the examples as a file, or the examples as text; the report is in all but the file."""
    if upload:
        return ok(told(services().datasets.upload(dataset)))
    if not download:
        return ok(dataset.entry())
    return _as_file(dataset.training)


def _only(mended: list[Mended]) -> Mended:
    if len(mended) > 1:
        message = f"A download is one file, but {len(mended)} were sent. Mend one at a time, or leave out 'download'."
        raise BadRequest(message, code="invalid_value", param="download")
    return mended[0]


def _as_file(file: Incoming) -> Response:
    return attachment(file.stream.read(), file.label, CONTENT_TYPE)
