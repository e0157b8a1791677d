"""The files: what was uploaded and what jobs made, to take along, to train on, to delete."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from dashboard.listed import listed
from routes import services
from routes.incoming import page_form, query

bp = Blueprint("files", __name__, url_prefix="/dashboard/files")
_PAGE = 50


@bp.get("")
def list_files() -> str:
    """Show the files, newest first; `after` goes on behind one."""
    return render_template("files.html", page=listed(services().files.page, {"limit": _PAGE, **query(after=str)}))


@bp.post("/<file_id>/delete")
def delete_file(file_id: str) -> Response:
    """Delete a file and show the others."""
    page_form([])
    services().files.remove(file_id)
    return redirect(url_for("dashboard.files.list_files"), 303)
