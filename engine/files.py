"""Uploaded files: their rules and their bytes on disk. Whether the content can be trained on is `dataprep`'s matter."""

import base64
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import durable
from engine.reserve import Reserve
from engine.store import FILES, Record, Store
from wire.body import Readable
from wire.errors import BadRequest, InsufficientStorage, NotFound, PayloadTooLarge
from wire.ids import new_id
from wire.pages import page, unknown_cursor
from wire.requests import ExpiresAfter

MAX_BYTES = 512 * 1024 * 1024
PURPOSES = ("fine-tune", "assistants", "batch", "vision", "user_data", "evals")
_BLOCK = 1024 * 1024
_LABEL = 255
_BATCH_SECONDS = 30 * 24 * 3600


class Files:
    """Bytes in `folder/<file id>`, facts in the store; a file is visible once both are on disk."""

    def __init__(
        self, store: Store, folder: Path, reserve: Reserve | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._reserve = reserve
        self._clock = clock
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()

    def create(
        self, stream: Readable, filename: str, purpose: str, now: int, expires_after: ExpiresAfter | None = None
    ) -> Record:
        """Keep an upload and return its File object (wire reference 1.1).

        Raises:
            BadRequest: the purpose is unknown, or a fine-tuning file's name does not end in .jsonl.
            PayloadTooLarge: over 512 MB.
            InsufficientStorage: what is left of the disk is the database's.
        """
        self.check_room()
        check_label(filename, purpose)
        row = self.prepare(stream, filename, purpose, now)
        row["expires_at"] = expiry(purpose, now, expires_after.seconds if expires_after else None)
        try:
            self._store.insert({FILES: [row]})
        except BaseException:
            self.discard(row)  # nothing names it, and on a full disk its room is what is needed
            raise
        return to_wire(row)

    def prepare(self, stream: Readable, filename: str, purpose: str, now: int, limit: int = MAX_BYTES) -> Record:
        """Keep the bytes and return their row, which the caller makes visible; raises PayloadTooLarge over `limit`."""
        file_id = new_id("file-")
        size, digest = self._write(file_id, stream, limit)
        label = "".join(letter for letter in filename if letter.isprintable())[-_LABEL:]
        facts = {"id": file_id, "filename": label, "purpose": purpose, "bytes": size, "sha256": digest}
        return {**facts, "created_at": now, "expires_at": None}

    def prepare_result(self, path: Path, filename: str, now: int) -> Record:
        """Keep a copy of a job's result file and return its row, which the caller makes visible."""
        with path.open("rb") as stream:
            return self.prepare(stream, filename, "fine-tune-results", now)

    def check_room(self) -> None:
        """Refuse to fill a disk whose reserve is used up; raises InsufficientStorage."""
        if self._reserve is not None and not self._reserve.restore():
            raise InsufficientStorage("There is no room left on the server's disk; delete files or models there.")

    def discard(self, row: Record) -> None:
        """Forget the bytes of a row that is no more, or never came to be: if it may be there, they are kept."""
        if self._store.lacks(FILES, row["id"]):
            (self._folder / str(row["id"])).unlink(missing_ok=True)

    def sweep(self, now: int) -> None:
        """Delete the files whose time has come."""
        for row in self._store.expired(FILES, now):
            self._store.delete(FILES, id=row["id"])
            self.discard(row)

    def list(self, limit: int, after: str | None, order: str, purpose: str | None) -> dict[str, Any]:
        """Return one page of File objects."""
        self.sweep(int(self._clock()))
        match = {"purpose": purpose} if purpose else {}
        try:
            rows = self._store.newest(FILES, limit + 1, after, ascending=order == "asc", **match)
        except LookupError:
            raise unknown_cursor(after) from None
        return page([to_wire(row) for row in rows], limit)

    def retrieve(self, file_id: str) -> Record:
        """Return one File object."""
        return to_wire(self.row(file_id))

    def find(self, file_id: str) -> Record | None:
        """Return one File object, or None if there is none (any more)."""
        row = self._known(file_id)
        return to_wire(row) if row else None

    def row(self, file_id: str) -> Record:
        """Return the stored facts of one file, or raise NotFound."""
        row = self._known(file_id)
        if row is None:
            raise _no_such_file(file_id)
        return row

    def _known(self, file_id: str) -> Record | None:
        """The row of a file whose time has not come; the sweep follows some seconds behind."""
        row = self._store.one(FILES, id=file_id)
        has_expired = row and row["expires_at"] is not None and row["expires_at"] <= self._clock()
        return None if has_expired else row

    def path(self, file_id: str) -> Path:
        """Return where the bytes of one file are, or raise NotFound."""
        path = self._folder / str(self.row(file_id)["id"])
        if not path.is_file():
            raise NotFound(
                f"The bytes of {file_id} are missing on the server's disk; upload the file again.", param="id"
            )
        return path

    def base64(self, file_id: str) -> bytes:
        """Return the bytes of one small file in base64."""
        return base64.b64encode(self.path(file_id).read_bytes())

    def delete(self, file_id: str) -> dict[str, Any]:
        """Forget one file; jobs that were created with it keep their own link to the bytes."""
        row = self.row(file_id)
        self._store.delete(FILES, id=file_id)
        self.discard(row)
        return {"id": file_id, "object": "file", "deleted": True}

    def _write(self, file_id: str, stream: Readable, limit: int) -> tuple[int, str]:
        """Write `stream` to the file's place, whole or not at all; return its size and sha256."""
        digest, size = hashlib.sha256(), 0
        with durable.replace(self._folder / file_id) as target:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > limit:
                    raise PayloadTooLarge(f"The file is over {limit // 2**20} MB.", code="file_too_large", param="file")
                digest.update(block)
                target.write(block)
        return size, digest.hexdigest()


def expiry(purpose: str, now: int, lifetime: int | None) -> int | None:
    """Return when a file made `now` expires: after `lifetime` seconds if that is given, else never but for batches."""
    seconds = lifetime or (_BATCH_SECONDS if purpose == "batch" else None)
    return now + seconds if seconds else None


def check_label(filename: str, purpose: str) -> None:
    """Refuse an unknown purpose, and a fine-tuning file whose name does not end in .jsonl."""
    if purpose not in PURPOSES:
        raise BadRequest(f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'", param="purpose")
    if purpose == "fine-tune" and not filename.lower().endswith(".jsonl"):
        raise BadRequest("Invalid file format for Fine-Tuning API. Must be .jsonl", param="file")


def link(source: Path, target: Path) -> None:
    """Give the bytes of `source` a second name, or a copy where the file system has no links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        with source.open("rb") as stream, durable.replace(target) as copy:
            while block := stream.read(_BLOCK):
                copy.write(block)


def to_wire(row: Record) -> Record:
    """Return the File object of a row (wire reference 1.2)."""
    return {
        "id": row["id"],
        "object": "file",
        "bytes": row["bytes"],
        "created_at": row["created_at"],
        "expires_at": row["expires_at"],
        "filename": row["filename"],
        "purpose": row["purpose"],
        "status": "processed",
        "status_details": None,
    }


def _no_such_file(file_id: str) -> NotFound:
    return NotFound(f"No such File object: {file_id}", param="id")
