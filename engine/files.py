"""Uploaded files: their rules and their bytes on disk. Whether the content can be trained on is `dataprep`'s matter."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

from engine import durable
from engine.store import FILES, Record, Store
from wire.errors import BadRequest, NotFound, PayloadTooLarge
from wire.ids import new_id
from wire.pages import page

MAX_BYTES = 512 * 1024 * 1024
PURPOSES = ("fine-tune", "assistants", "batch", "vision", "user_data", "evals")
_BLOCK = 1024 * 1024
_LABEL = 255


class Files:
    """Bytes in `folder/<file id>`, facts in the store; a file is visible once both are on disk."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()

    def create(self, stream: BinaryIO, filename: str, purpose: str, now: int) -> Record:
        """Keep an upload and return its File object (wire reference 1.1).

        Raises:
            BadRequest: the purpose is unknown, or a fine-tuning file's name does not end in .jsonl.
            PayloadTooLarge: over 512 MB.
        """
        if purpose not in PURPOSES:
            raise BadRequest(f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'", param="purpose")
        if purpose == "fine-tune" and not filename.lower().endswith(".jsonl"):
            raise BadRequest("Invalid file format for Fine-Tuning API. Must be .jsonl", param="file")
        file_id = new_id("file-")
        size, digest = self._write(file_id, stream)
        label = "".join(letter for letter in filename if letter.isprintable())[-_LABEL:]
        row = _row(file_id, label, purpose, size, digest, now)
        self._store.insert({FILES: [row]})
        return to_wire(row)

    def prepare_result(self, path: Path, filename: str, now: int) -> Record:
        """Keep a copy of a job's result file and return its row, which the caller makes visible."""
        file_id = new_id("file-")
        with path.open("rb") as stream:
            size, digest = self._write(file_id, stream)
        return _row(file_id, filename, "fine-tune-results", size, digest, now)

    def list(self, limit: int, after: str | None, order: str, purpose: str | None) -> dict[str, Any]:
        """Return one page of File objects."""
        match = {"purpose": purpose} if purpose else {}
        try:
            rows = self._store.newest(FILES, limit + 1, after, ascending=order == "asc", **match)
        except LookupError:
            raise _no_such_file(str(after), "after") from None
        return page([to_wire(row) for row in rows], limit)

    def retrieve(self, file_id: str) -> Record:
        """Return one File object."""
        return to_wire(self.row(file_id))

    def row(self, file_id: str) -> Record:
        """Return the stored facts of one file, or raise NotFound."""
        row = self._store.one(FILES, id=file_id)
        if row is None:
            raise _no_such_file(file_id, "id")
        return row

    def path(self, file_id: str) -> Path:
        """Return where the bytes of one file are, or raise NotFound."""
        return self._folder / str(self.row(file_id)["id"])

    def base64(self, file_id: str) -> bytes:
        """Return the bytes of one small file in base64."""
        return base64.b64encode(self.path(file_id).read_bytes())

    def delete(self, file_id: str) -> dict[str, Any]:
        """Forget one file; jobs that were created with it keep their own link to the bytes."""
        path = self.path(file_id)
        self._store.delete(FILES, file_id)
        path.unlink(missing_ok=True)
        return {"id": file_id, "object": "file", "deleted": True}

    def _write(self, file_id: str, stream: BinaryIO) -> tuple[int, str]:
        """Write `stream` to the file's place, whole or not at all; return its size and sha256."""
        digest, size = hashlib.sha256(), 0
        with durable.replace(self._folder / file_id) as target:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > MAX_BYTES:
                    raise PayloadTooLarge(
                        f"The file is over {MAX_BYTES // 2**20} MB.", code="file_too_large", param="file"
                    )
                digest.update(block)
                target.write(block)
        return size, digest.hexdigest()


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
        "expires_at": None,
        "filename": row["filename"],
        "purpose": row["purpose"],
        "status": "processed",
        "status_details": None,
    }


def _row(file_id: str, filename: str, purpose: str, size: int, digest: str, now: int) -> Record:
    facts = {"id": file_id, "filename": filename, "purpose": purpose}
    return {**facts, "bytes": size, "sha256": digest, "created_at": now}


def _no_such_file(file_id: str, param: str) -> NotFound:
    return NotFound(f"No such File object: {file_id}", param=param)
