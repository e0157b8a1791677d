"""`/v1/files` (wire reference 1)."""

import re
import time
from collections.abc import Iterable
from typing import BinaryIO, cast

from flask import Blueprint, request, send_file
from flask.typing import ResponseReturnValue

from engine.routes import form, limit, parts
from gate.crowd import Leaving
from gate.forms import Form
from wire import declared
from wire.errors import BadRequest
from wire.requests import ExpiresAfter, FileExpiry, parse

_EXPIRY = re.compile(r"expires_after\[(.*)\]")
bp = Blueprint("files", __name__, url_prefix="/v1/files")


@bp.post("")
def create() -> ResponseReturnValue:
    """Upload a file; multipart fields `purpose` and `file`, perhaps its `sha256` and `bytes`."""
    fields, files = form()
    upload, purpose = files.get("file"), fields.get("purpose")
    if upload is None or purpose is None:
        missing = "file" if upload is None else "purpose"
        raise BadRequest(f"'{missing}' is a required property", param=missing)
    [said] = declared.declarations({name: fields.getlist(name) for name in declared.FIELDS}, 1)
    stream, name = declared.Verified(cast(BinaryIO, upload.stream), said), upload.filename or "upload"
    return parts().files.create(stream, name, purpose, int(time.time()), _expires_after(fields))


@bp.get("")
def list_files() -> ResponseReturnValue:
    """List files, newest first."""
    order = request.args.get("order", "desc")
    if order not in ("asc", "desc"):
        raise BadRequest(f"Invalid value for 'order': {order!r:.80}. It must be 'asc' or 'desc'.", param="order")
    return parts().files.list(limit(10_000, 10_000), request.args.get("after"), order, request.args.get("purpose"))


@bp.get("/<file_id>")
def retrieve(file_id: str) -> ResponseReturnValue:
    """Return one file's facts."""
    return parts().files.retrieve(file_id)


@bp.get("/<file_id>/content")
def content(file_id: str) -> ResponseReturnValue:
    """Return one file's bytes; a result file in base64 when RESULT_ENCODING says so, as OpenAI does."""
    facts, path = parts().files.retrieve(file_id), parts().files.path(file_id)
    if facts["purpose"] == "fine-tune-results" and parts().result_encoding == "base64":
        return parts().files.base64(file_id), {"Content-Type": "text/plain"}
    sent = send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=facts["filename"])
    sent.response = Leaving(cast(Iterable[bytes], sent.response), parts().downloads.take())
    return sent


@bp.delete("/<file_id>")
def delete(file_id: str) -> ResponseReturnValue:
    """Delete one file."""
    return parts().files.delete(file_id)


def _expires_after(fields: Form) -> ExpiresAfter | None:
    """The form fields `expires_after[anchor]` and `expires_after[seconds]` as one; None if there are none."""
    named = {field[1]: value for name, value in fields.items() if (field := _EXPIRY.fullmatch(name))}
    seconds = named.get("seconds", "")
    body = named | ({"seconds": int(seconds)} if seconds.isascii() and seconds.isdigit() and len(seconds) < 10 else {})
    return parse(FileExpiry, {"expires_after": body}).expires_after if named else None
