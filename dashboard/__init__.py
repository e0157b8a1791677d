"""Pages for people, rendered on the server: they ask `services` as the routes do, and decide nothing."""

import mimetypes

from flask import Blueprint
from werkzeug.exceptions import HTTPException

from dashboard import data, entrance, files, frame, jobs, models, new_job, overview, playground, preferences, reference
from wire.errors import ApiError

# Windows may have another idea of it, and a browser is told not to guess.
mimetypes.add_type("text/javascript", ".js")

bp = Blueprint(
    "dashboard",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/dashboard/static",
)
for page in (overview, data, new_job, jobs, models, files, playground, reference, entrance, preferences):
    bp.register_blueprint(page.bp)
for kind in (ApiError, HTTPException, Exception):
    bp.register_error_handler(kind, frame.show_failure)
bp.context_processor(frame.context)
bp.after_request(frame.set_headers)
