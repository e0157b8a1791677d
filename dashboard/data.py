"""Takes data in any known form, says what is wrong or missing, and sends on what is fit to train on.

The server keeps nothing between two steps: the browser sends its files again with each.
"""

from collections.abc import Sequence
from itertools import dropwhile, islice
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from routes import services
from routes.attachment import attachment
from routes.audit import told
from routes.incoming import Form, multipart, refuse_unknown, sent_files
from services.datasets import CONTENT_TYPE, is_training_file
from services.files import Incoming
from wire.errors import ApiError, BadRequest

bp = Blueprint("data", __name__, url_prefix="/dashboard/data")
# Of what can be chosen when chats become examples, what a person would choose.
_OPTIONS = ["me", "session_gap", "reply_gap", "merge_gap", "system", "mask", "valid_share"]
_PARTS = ("training", "validation")
_FIELDS = ["files", "step", "part", *_OPTIONS]
# Of each file so many findings are shown, with so much of the line each is about.
_MOST_FINDINGS, _MOST_LETTERS = 20, 400
_SHOWN_EXAMPLES = 3


@bp.get("")
def show() -> str:
    """Ask for files."""
    return render_template("data.html", given={})


@bp.post("")
def look() -> str:
    """Say what the files `files` are and what is wrong with them.

    `step` upload, fix or convert sends them on; choose comes from who was to pick `me`; outlook says what a training on
    them would take.
    """
    form, files = _sent()
    step = form.get("step", "")
    part = "data_outlook.html" if step == "outlook" else "data_found.html"
    template = part if "HX-Request" in request.headers else "data.html"
    return render_template(template, given=form, **_found(step, files, form))


@bp.post("/file")
def take() -> Response:
    """Return what is made of `files`, to keep; nothing is sent on.

    `part` is training or validation of a conversion; a number is that file's mended copy.
    """
    form, files = _sent()
    made = _made(form.get("part", ""), files, form)
    return attachment(made.stream.read(), made.label, CONTENT_TYPE)


def _sent() -> tuple[Form, list[Incoming]]:
    megabytes: int = current_app.config["MAX_UPLOAD_MB"]
    form, files = multipart(megabytes)
    refuse_unknown([*files, *form], _FIELDS)
    return form, sent_files(form, files, megabytes)


def _found(step: str, files: list[Incoming], form: Form) -> dict[str, Any]:
    """What the page is to show: what was asked for, and without a script all of it at once."""
    if step in ("upload", "fix", "convert"):
        return _send(step, files, form)
    if step != "outlook":
        return _look(files, form)
    said = {} if "HX-Request" in request.headers else _look(files, form)
    return said | {"outlooks": _look_ahead(files, form)}


def _made(part: str, files: list[Incoming], form: Form) -> Incoming:
    """One file of what a step would send on; 400 if it makes no such part."""
    if part in map(str, range(len(files))):
        return services().datasets.fix([files[int(part)]])[0].file
    made = None
    if part in _PARTS:
        dataset = services().datasets.convert(files, _options(form))
        made = dict(zip(_PARTS, (dataset.training, dataset.validation), strict=True))[part]
    if made is None:
        message = f"Invalid value for 'part': '{part[:80]}'. It must be one that is made of these files."
        raise BadRequest(message, code="invalid_value", param="part")
    return made


def _look(files: list[Incoming], form: Form) -> dict[str, Any]:
    if all(map(is_training_file, files)):
        return {"checked": [_checked(file) for file in files]}
    try:
        dataset = services().datasets.convert(files, _options(form))
    except ApiError as failure:
        if failure.code not in ("me_needed", "no_examples"):
            raise
        return {"unclear": failure, "unchosen": form.get("step") == "choose", **(failure.details or {})}
    examples = [line.decode() for line in islice(dataset.training.stream, _SHOWN_EXAMPLES)]
    return {
        "report": dataset.report,
        "examples": examples,
        "made": [_checked(part) for part in (dataset.training, dataset.validation) if part],
        "me": form.getlist("me"),
    }


def _checked(file: Incoming) -> dict[str, Any]:
    """What a check says of one training file, each finding with its line."""
    file.stream.seek(0)
    entry = services().datasets.check(file)
    found = entry["response"]["findings"]
    findings = sorted(found, key=lambda one: one["severity"] != "error")[:_MOST_FINDINGS]
    file.stream.seek(0)
    lines = _lines(file, {finding["line"] for finding in findings})
    shown = [finding | {"text": lines.get(finding["line"], "")} for finding in findings]
    fixable = any(finding["fix"] for finding in found)
    return {**entry, "findings": shown, "fixable": fixable}


def _look_ahead(files: list[Incoming], form: Form) -> list[dict[str, Any]]:
    """How long the examples of each file are and what a training would take; an engine counts them for seconds."""
    known = all(map(is_training_file, files))
    made = files if known else [services().datasets.convert(files, _options(form)).training]
    return [_outlook(file) for file in made]


def _outlook(file: Incoming) -> dict[str, Any]:
    file.stream.seek(0)
    entry = services().outlook.look_ahead(file)
    outlook: dict[str, Any] = entry["response"]
    # Bins of few tokens that hold nothing only push the others aside.
    bins = dropwhile(lambda one: not one["examples"], outlook["statistics"]["histogram"])
    return {**outlook, "filename": entry["filename"], "histogram": list(bins)}


def _lines(file: Incoming, wanted: set[int | None]) -> dict[int, str]:
    last = max((number for number in wanted if number), default=0)
    found = {number: line for number, line in enumerate(islice(file.stream, last), 1) if number in wanted}
    return {number: line.decode("utf-8", "replace").strip()[:_MOST_LETTERS] for number, line in found.items()}


def _send(step: str, files: list[Incoming], form: Form) -> dict[str, Any]:
    """What became of each file: its File object, or why it has none."""
    if step == "convert":
        reply = told(services().datasets.upload(services().datasets.convert(files, _options(form))))
        kept = (reply["validation"] or {}).get("file")
        made = {"name": reply["training"]["filename"], "file": reply["training"]["file"], "validation": kept}
        return {"sent": [made]}
    if step == "fix":
        mended = services().datasets.fix(files)
        entries = told(services().datasets.upload_mended(mended))
        return {"sent": [_mended(entry) | {"method": one.method} for entry, one in zip(entries, mended, strict=True)]}
    outcomes = [services().files.upload(file) for file in files]
    entries = _uploaded(told([outcome.entry() for outcome in outcomes]))
    return {"sent": [entry | {"method": one.method} for entry, one in zip(entries, outcomes, strict=True)]}


def _mended(entry: dict[str, Any]) -> dict[str, Any]:
    report = entry["response"]
    left = _errors(report["left"]["findings"])[:_MOST_FINDINGS]
    faults, counts = report["left"]["errors"], report["counts"]
    return {"name": entry["filename"], "file": entry.get("file"), "left": left, "faults": faults, "counts": counts}


def _errors(findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [finding | {"kind": "findings"} for finding in findings if finding["severity"] == "error"]


def _refused(response: dict[str, Any]) -> list[dict[str, Any]]:
    """Why a file was not uploaded: by the check, or by the upstream."""
    return _errors(response.get("findings", ()))[:1] or [response | {"kind": "failures", "line": None}]


def _uploaded(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": entry["filename"],
            "file": entry["response"] if entry["status"] == "uploaded" else None,
            "left": [] if entry["status"] == "uploaded" else _refused(entry["response"]),
            "faults": entry["response"].get("errors", 1),
        }
        for entry in entries
    ]


def _options(form: Form) -> dict[str, list[str]]:
    return {name: form.getlist(name) for name in _OPTIONS if name in form}
