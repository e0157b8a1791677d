"""Files upstream: each is checked before a byte of it goes there; then listed, read and deleted by whose they are."""

import io
import re
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, Self

import dataprep
from dataprep.methods import MOST_BYTES, method_of
from services.client import Upstream, body_of, entity_of, pick, rows_of
from services.downloads import Download
from services.failures import nonsense
from services.quota import Quota
from wire import pages
from wire.errors import ApiError, BadRequest, NotFound
from wire.ids import is_no_id

MAX_LABEL = 255
# A caller waits for it who has been refused already.
DELETE_SECONDS = 10.0
_FILE_KEYS = ("bytes", "created_at", "filename", "id", "object", "purpose")
# How many files are looked through at once for those of one owner.
SCANNED = 1000
LISTED = 100
# Of a result file; a row of it is a step.
MAX_RESULT_BYTES = 32 * 1024 * 1024
_MARK = re.compile(r"(key_[A-Za-z0-9]{12})\.(.+)", re.DOTALL)
_TRAINING: Final = "fine-tune"
_RESULTS = "fine-tune-results"
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

    @property
    def method(self) -> str | None:
        """The method of training that the file is for."""
        self.file.stream.seek(0)
        return method_of(self.file.stream)

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

    def __init__(
        self,
        upstream: Upstream,
        quota: Quota | None = None,
        owner: str = "",
        results: Callable[[], Container[str]] = frozenset[str],
    ) -> None:
        self._upstream = upstream
        self._quota = quota or Quota()
        self._owner = owner
        self._mark = f"{owner}." if owner else ""
        # The upstream names what its jobs made, so that no mark tells whose a result file is.
        self._results = results

    def acting_for(self, owner: str, results: Callable[[], Container[str]] = frozenset[str]) -> Self:
        """Return the files of one owner, and those that `results` names, which are their jobs'."""
        return type(self)(self._upstream, self._quota, owner, results)

    def require(self, file_id: str, param: str) -> None:
        """Refuse a file that is somebody else's for a job as one that there is not; `param` names it in the request."""
        try:
            if self._mark:
                self._own(file_id, param)
        except NotFound:
            raise BadRequest(f"invalid {param}: {file_id}", param=param, code="invalid_file") from None

    def page(self, query: dict[str, Any]) -> dict[str, Any]:
        """Return one page of File objects, newest first; `query` may hold `after`, `limit`, `order` and `purpose`."""
        limit, found = query.get("limit", LISTED), list[dict[str, Any]]()
        if not self._mark:
            page = self._listed(query | {"limit": limit})
            return page | {"data": [_shown(file) for file in page["data"]]}
        results = self._results()
        for files in self._scanned(query):
            found += [file for file in files if self._is_theirs(file, results)]
            if len(found) > limit:
                break
        return pages.page([_shown(file) for file in found[: limit + 1]], limit)

    def retrieve(self, file_id: str) -> dict[str, Any]:
        """Return one File object, with its owner."""
        return _shown(self._own(file_id, "file_id"))

    def content(self, file_id: str) -> Download:
        """Return one file's bytes as they lie upstream."""
        label = clean_label(str(self.retrieve(file_id).get("filename")))
        return Download(self._upstream, self._upstream.open(f"/files/{file_id}/content"), label)

    def method(self, file_id: str) -> str | None:
        """Return the method of training that one's own file is for; None where that is not to be had."""
        try:
            with closing(self.content(file_id)) as download:
                return method_of(io.BytesIO(_first_line(download)))
        except ApiError:  # OpenAI gives out few training files
            return None

    def remove(self, file_id: str) -> dict[str, Any]:
        """Delete one's own file and return what the upstream says."""
        self._own(file_id, "file_id")
        with self._upstream.call() as client:
            return entity_of(client.files.with_raw_response.delete(file_id).http_response)

    def result(self, file_id: str) -> bytes:
        """Return the bytes of a result file that is known to be one's own."""
        download, content = Download(self._upstream, self._upstream.open(f"/files/{file_id}/content"), ""), bytearray()
        try:
            for piece in download:
                content += piece
                if len(content) > MAX_RESULT_BYTES:
                    raise nonsense(f"its result file is over {MAX_RESULT_BYTES // 2**20} MB")
        finally:
            download.close()
        return bytes(content)

    def upload(self, file: Incoming, *, validate: bool = True) -> Outcome:
        """Check one file and send it on; an upstream's refusal is an outcome too, for others may have succeeded."""
        report = dataprep.check(file.stream) if validate else None
        if report is not None and not report.ok:
            return Outcome(file, "rejected", _summary(report))
        file.stream.seek(0)
        try:
            with (
                self._quota.holding(self._owner, file.size, self._kept),
                self._upstream.call(self._upstream.address.whole) as client,
            ):
                answer = client.files.with_raw_response.create(
                    file=(self._mark + upstream_name(file.label), file.stream), purpose=_TRAINING
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

    def _own(self, file_id: str, param: str) -> dict[str, Any]:
        """One file as it is upstream, if it is the owner's."""
        missing = NotFound(f"No such File object: {file_id}", param=param)
        if is_no_id(file_id):
            raise missing
        try:
            with self._upstream.call() as client:
                file = entity_of(client.files.with_raw_response.retrieve(file_id).http_response)
        except ApiError as failure:
            raise missing if failure.status == HTTPStatus.NOT_FOUND else failure from None
        if not self._is_theirs(file, self._results() if self._mark and file.get("purpose") == _RESULTS else ()):
            raise missing
        return file

    def _is_theirs(self, file: dict[str, Any], results: Container[str]) -> bool:
        marked = str(file.get("filename")).startswith(self._mark)
        return marked or (file.get("purpose") == _RESULTS and file.get("id") in results)

    def _kept(self) -> Iterator[dict[str, Any]]:
        """The owner's training files, which they uploaded; without an owner, those that are nobody's."""
        for files in self._scanned({"purpose": _TRAINING}):
            yield from (
                one for one in files if one.get("purpose") == _TRAINING and (_owner_of(one) or "") == self._owner
            )

    def _scanned(self, query: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """All that the upstream lists, in pages as large as it makes them."""
        asked = query | {"limit": SCANNED}
        while True:
            page = self._listed(asked)
            yield page["data"]
            if not (page["data"] and page.get("has_more")):
                return
            asked["after"] = page["data"][-1]["id"]

    def _listed(self, query: dict[str, Any]) -> dict[str, Any]:
        with self._upstream.call() as client:
            page = body_of(client.files.with_raw_response.list(**query).http_response)
        return page | {"data": rows_of(page, "files")}


def _first_line(pieces: Iterable[bytes]) -> bytes:
    """As many of the pieces as hold the first line with something in it."""
    head = bytearray()
    for piece in pieces:
        head += piece
        if b"\n" in head.lstrip() or len(head) >= MOST_BYTES:
            break
    return bytes(head)


def clean_label(name: str) -> str:
    """Return the file's own name for replies: no folders, nothing unprintable, at most 255 characters."""
    last = PurePosixPath(name.replace("\\", "/")).name
    label = _UNPRINTABLE.sub("", last).strip()
    return label[-MAX_LABEL:] if label not in ("", ".", "..") else "upload"


def upstream_name(label: str) -> str:
    """Return the name the file gets upstream, where fine-tuning takes `.jsonl` only."""
    return label if label.endswith(".jsonl") else f"{label}.jsonl"


def _owner_of(file: dict[str, Any]) -> str | None:
    marked = _MARK.fullmatch(str(file.get("filename")))
    return marked[1] if marked else None


def _shown(file: dict[str, Any]) -> dict[str, Any]:
    """A File object under the name that it was sent with, and whose it is: a key's id, or null."""
    marked = _MARK.fullmatch(str(file.get("filename")))
    owner, name = marked.groups() if marked else (None, file.get("filename"))
    return file | {"filename": name, "owner": owner}


def _summary(report: dataprep.Report) -> dict[str, Any]:
    return {
        "code": "invalid_training_file",
        "message": next(finding.message for finding in report.findings if finding.severity == "error"),
        "examples": report.examples,
        "errors": report.errors,
        "warnings": report.warnings,
        "findings": [asdict(finding) for finding in report.findings],
    }
