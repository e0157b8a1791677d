"""Files that were uploaded, and those that jobs made: facts, bytes, deletion."""

from typing import Any

from flask import Blueprint, Response

from routes import services
from routes.attachment import attachment
from routes.incoming import query
from wire.envelope import ok

bp = Blueprint("files", __name__, url_prefix="/files")


@bp.get("")
def list_files() -> dict[str, Any]:
    """List files, newest first; `after` (a file's id) and `limit` page through them, `purpose` chooses."""
    return ok(services().files.page(query(after=str, limit=int, purpose=str)))


@bp.get("/<file_id>")
def retrieve_file(file_id: str) -> dict[str, Any]:
    """Return one file's facts, and whose it is."""
    return ok(services().files.retrieve(file_id))


@bp.get("/<file_id>/content")
def file_content(file_id: str) -> Response:
    """Return one file's bytes, as a download."""
    download = services().files.content(file_id)
    return attachment(download, download.label)


@bp.delete("/<file_id>")
def delete_file(file_id: str) -> dict[str, Any]:
    """Delete one file; jobs that were started with it go on."""
    return ok(services().files.remove(file_id))
