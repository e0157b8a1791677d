"""Every call of this port for people to read, from the description that programs get at /openapi.json."""

from flask import Blueprint, render_template

from dashboard.commands import AUTHORIZATION
from routes.openapi import described

bp = Blueprint("reference", __name__)


@bp.get("/docs")
def show() -> str:
    """Show what each call takes and answers, how it fails, and a command that makes it."""
    from routes.description import sections  # as late as the description itself

    told = described()
    found = {"families": sections.families(told), "things": sections.things(told)}
    return render_template("reference.html", **found, failures=sections.failures(told), authorization=AUTHORIZATION)
