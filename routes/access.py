"""Asks every call for its key, where keys are asked for, and says what the key must be allowed to do."""

from flask import Blueprint, current_app, g, request

from gate import NOBODY, Access, Key, RateLimit, is_own
from observe.refusals import Refusals, Refused
from routes import figures
from wire.errors import ApiError

bp = Blueprint("access", __name__)

# Where a browser keeps its key, which cannot send a header by itself.
COOKIE = "tune9527_key"
# What each endpoint needs; one that is not named here needs an admin, and one that does not exist any key.
# The description is the same for everybody, and tells a caller that there are keys; so does the page that asks for one.
PUBLIC = frozenset(
    {
        *("status.status", "openapi.openapi", "postman.postman", "dashboard.static"),
        "dashboard.preferences.prefer",
        *("dashboard.entrance.show", "dashboard.entrance.enter", "dashboard.entrance.leave"),
    }
)
ANY = ""
SCOPES = {
    "dashboard.overview.overview": ANY,
    "dashboard.reference.show": ANY,
    "dashboard.jobs.list_jobs": "read",
    "dashboard.jobs.show_job": "read",
    "dashboard.jobs.cancel_job": "train",
    "dashboard.jobs.pause_job": "train",
    "dashboard.jobs.resume_job": "train",
    "dashboard.data.show": "train",
    "dashboard.data.look": "train",
    "dashboard.data.take": "train",
    "dashboard.new_job.ask": "train",
    "dashboard.new_job.start": "train",
    "dashboard.files.list_files": "read",
    "dashboard.files.delete_file": "train",
    "dashboard.models.list_models": "read",
    "dashboard.models.delete_model": "train",
    "dashboard.playground.playground": "chat",
    "upload_files.upload_files": "train",
    "fine_tuning.fine_tuning": "train",
    "retrieve.retrieve": "read",
    "chat.chat": "chat",
    "jobs.list_jobs": "read",
    "jobs.retrieve_job": "read",
    "jobs.list_events": "read",
    "jobs.cancel_job": "train",
    "jobs.pause_job": "train",
    "jobs.resume_job": "train",
    "jobs.list_metrics": "read",
    "jobs.list_checkpoints": "read",
    "files.list_files": "read",
    "files.retrieve_file": "read",
    # Facts are for readers; what was learned from, and what came of it, for those who train.
    "files.file_content": "train",
    "files.delete_file": "train",
    "models.list_models": "read",
    "models.retrieve_model": "read",
    "models.delete_model": "train",
    "models.export_model": "train",
    "compare.compare": "chat",
    "metrics.metrics": "read",
    "datasets.check": "train",
    "datasets.fix": "train",
    "datasets.convert": "train",
    "datasets.statistics": "train",
}


@bp.before_app_request
def require_key() -> None:
    """Find out who asks before anything is done for them; the endpoint is the one that Flask matched."""
    g.key = NOBODY
    if request.endpoint in PUBLIC:
        return
    g.key = find_key(_shown(), SCOPES.get(request.endpoint or "", "admin"))
    if g.key != NOBODY:
        _count_call(g.key.id)
    g.let_in = True


def count_more(calls: int) -> None:
    """Count so many further calls of who asks, who has been let in."""
    if g.key != NOBODY:
        rate: RateLimit = current_app.extensions["rate_limit"]
        rate.owe(g.key.id, calls)


def find_key(authorization: str | None, scope: str) -> Key:
    """Return the key of a header, NOBODY where none is asked for; whoever shows none that opens is counted.

    Raises:
        ApiError: 401 missing_api_key, invalid_api_key; 403 insufficient_scope; 429 rate_limited.
    """
    access: Access = current_app.extensions["access"]
    key = NOBODY
    try:
        key = access.require(authorization, ANY)
        if scope:
            key.require(scope)
        return key
    except ApiError as refusal:
        _note(refusal, key)
        _count_call(f"address {request.remote_addr}")  # nor may keys be guessed at will
        raise


def _note(refusal: ApiError, key: Key) -> None:
    figures().refused.add(refusal.code or "")
    refusals: Refusals = current_app.extensions["refusals"]
    refusals.note(Refused(request.remote_addr or "", key.id or "nobody", refusal.code or "", refusal.status))


def _shown() -> str | None:
    """The header, or what a page of this server keeps in its cookie: pages of other origins are no holders of it."""
    header, kept = request.headers.get("Authorization"), request.cookies.get(COOKIE)
    return f"Bearer {kept}" if kept and not header and is_own(request.environ) else header


def _count_call(who: str) -> None:
    rate: RateLimit = current_app.extensions["rate_limit"]
    try:
        rate.take(who)
    except ApiError:
        figures().rate_limited.add()
        raise
