"""Uploads training files: each is checked before a byte of it goes upstream; how it arrived is not known here."""

import re
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Self

import dataprep
from services.client import Upstream, body_of, pick
from wire.errors import ApiError, NotFound

MAX_LABEL = 255
# A caller waits for it who has been refused already.
DELETE_SECONDS = 10.0
_FILE_KEYS = ("bytes", "created_at", "filename", "id", "object", "purpose")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Incoming:
    """One file as it was sent; `stream` stands at its start and is read more than once, never whole."""

    label: str
    content_type: str
    size: int
    stream: BinaryIO


@dataclass(frozen=True)
class Outcome:
    """What became of one file: `status` is uploaded, rejected (by the check) or failed (by the upstream)."""

    file: Incoming
    status: str
    response: dict[str, Any]
    failure: ApiError | None = None

    def entry(self) -> dict[str, Any]:
        """Return the file's entry in the documented reply."""
        return {
            "content_type": self.file.content_type,
            "filename": self.file.label,
            "response": self.response,
            "size": self.file.size,
            "status": self.status,
        }


class Files:
    """The upstream's files; whose they are stands before their name there, since a file has no metadata."""

    def __init__(self, upstream: Upstream, owner: str = "") -> None:
        self._upstream = upstream
        self._mark = f"{owner}." if owner else ""

    def acting_for(self, owner: str) -> Self:
        """Return the files of one owner."""
        return type(self)(self._upstream, owner)

    def require(self, file_id: str, param: str) -> None:
        """Refuse a file that is somebody else's as one that does not exist; `param` names it in the request."""
        if not self._mark:
            return
        with self._upstream.call() as client:
            found = body_of(client.files.with_raw_response.retrieve(file_id).http_response)
        if not str(found.get("filename")).startswith(self._mark):
            raise NotFound(f"No such File object: {file_id}", param=param)

    def upload(self, file: Incoming, *, validate: bool = True) -> Outcome:
        """Check one file and send it on; an upstream's refusal is an outcome too, for others may have succeeded."""
        report = dataprep.check(file.stream) if validate else None
        if report is not None and not report.ok:
            return Outcome(file, "rejected", _summary(report))
        file.stream.seek(0)
        try:
            with self._upstream.call(self._upstream.address.whole) as client:
                answer = client.files.with_raw_response.create(
                    file=(self._mark + upstream_name(file.label), file.stream), purpose="fine-tune"
                )
            stored = pick(body_of(answer.http_response), *_FILE_KEYS)
            shown = str(stored["filename"]).removeprefix(self._mark)
            return Outcome(file, "uploaded", stored | {"filename": shown})
        except ApiError as failure:
            return Outcome(file, "failed", failure.fields(), failure)

    def delete(self, file_id: str) -> None:
        """Delete one file upstream; raises the upstream's failure."""
        with self._upstream.call(DELETE_SECONDS) as client:
            client.files.with_raw_response.delete(file_id)


def clean_label(name: str) -> str:
    """Return the file's own name for replies: no folders, nothing unprintable, at most 255 characters."""
    last = PurePosixPath(name.replace("\\", "/")).name
    label = _UNPRINTABLE.sub("", last).strip()
    return label[-MAX_LABEL:] if label not in ("", ".", "..") else "upload"


def upstream_name(label: str) -> str:
    """Return the name the file gets upstream, where fine-tuning takes `.jsonl` only."""
    return label if label.endswith(".jsonl") else f"{label}.jsonl"


def _summary(report: dataprep.Report) -> dict[str, Any]:
    return {
        "code": "invalid_training_file",
        "message": next(finding.message for finding in report.findings if finding.severity == "error"),
        "examples": report.examples,
        "errors": report.errors,
        "warnings": report.warnings,
        "findings": [asdict(finding) for finding in report.findings],
    }
