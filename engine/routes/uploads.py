"""`/v1/uploads` (wire reference 1.4)."""

import time
from typing import BinaryIO, cast

from flask import Blueprint
from flask.typing import ResponseReturnValue

from engine.routes import form, json_object, parts
from wire.errors import BadRequest
from wire.requests import UploadComplete, UploadCreate, parse

bp = Blueprint("uploads", __name__, url_prefix="/v1/uploads")


@bp.post("")
def create() -> ResponseReturnValue:
    """Begin an upload in parts."""
    asked = parse(UploadCreate, json_object())
    return parts().uploads.create(asked, int(time.time()))


@bp.post("/<upload_id>/parts")
def add_part(upload_id: str) -> ResponseReturnValue:
    """Add one part; multipart field `data`."""
    _, files = form()
    sent = files.get("data")
    if sent is None:
        raise BadRequest("'data' is a required property", param="data")
    return parts().uploads.add_part(upload_id, cast(BinaryIO, sent.stream), int(time.time()))


@bp.post("/<upload_id>/complete")
def complete(upload_id: str) -> ResponseReturnValue:
    """Make a file of the parts."""
    asked = parse(UploadComplete, json_object())
    return parts().uploads.complete(upload_id, asked, int(time.time()))


@bp.post("/<upload_id>/cancel")
def cancel(upload_id: str) -> ResponseReturnValue:
    """Give an upload up."""
    return parts().uploads.cancel(upload_id, int(time.time()))
