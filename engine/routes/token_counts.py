"""`/v1/token_counts`, an extension of ours (docs/wire.md): a training file in the trainer's own tokens."""

from typing import BinaryIO, cast

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from engine.routes import form, parts
from wire.errors import BadRequest

bp = Blueprint("token_counts", __name__, url_prefix="/v1/token_counts")


@bp.post("")
def create() -> ResponseReturnValue:
    """Count the examples of the multipart field `file` as `model` would be trained on them."""
    fields, files = form()
    upload = files.get("file")
    if upload is None:
        raise BadRequest("'file' is a required property", param="file")
    return parts().token_counts.create(
        cast(BinaryIO, upload.stream), request.args.get("model") or fields.get("model", "")
    )
