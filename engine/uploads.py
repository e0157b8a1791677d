"""Files that arrive in parts (wire reference 1.4): the parts on disk, their sum as one file. It reads no content."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from engine import durable
from engine.files import Files, check_label, expiry
from engine.store import FILES, PARTS, UPLOADS, Record, Store
from engine.turns import Turns
from wire.errors import BadRequest, NotFound, PayloadTooLarge
from wire.idempotency import hash_of
from wire.ids import new_id
from wire.requests import UploadComplete, UploadCreate

MAX_BYTES = 8 * 1024**3
MAX_PART_BYTES = 64 * 1024**2
LIFETIME_SECONDS = 3600
_BLOCK = 1024 * 1024
_PENDING = ("pending",)
# A client that has lost the reply sends its part again, and completes with the second one.
_TIMES_EACH = 2


class Uploads:
    """Bytes of the parts in `folder/<upload id>/<part id>`; what has ended keeps none, nor rows of them."""

    def __init__(self, store: Store, files: Files, folder: Path) -> None:
        self._store = store
        self._files = files
        self._folder = folder
        self._turns = Turns()

    def create(self, asked: UploadCreate, now: int) -> Record:
        """Begin an upload and return its Upload object; raises BadRequest as a file's upload does."""
        check_label(asked.filename, asked.purpose)
        row = {
            "id": new_id("upload_"),
            "bytes": asked.bytes,
            "filename": asked.filename,
            "purpose": asked.purpose,
            "status": "pending",
            "created_at": now,
            "expires_at": now + LIFETIME_SECONDS,
            "file_lifetime": asked.expires_after.seconds if asked.expires_after else None,
            "file_id": None,
            "completed_by": None,
        }
        self._store.insert({UPLOADS: [row]})
        return _to_wire(row, None)

    def add_part(self, upload_id: str, stream: BinaryIO, now: int) -> Record:
        """Keep one part and return it; parts may come at once and in any order.

        Raises:
            NotFound: there is no such upload.
            BadRequest: it is completed, cancelled or expired, or has more bytes than were announced.
            PayloadTooLarge: the part is over 64 MB.
        """
        announced = self._pending(upload_id, now)["bytes"]
        self._files.check_room()
        part_id = new_id("part_")
        path = self._folder / upload_id / part_id
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = False
        try:
            size = _write_part(path, stream)
            row = {"id": part_id, "upload_id": upload_id, "bytes": size, "created_at": now}
            kept = size <= announced and self._store.insert_part(row, _TIMES_EACH * announced)
        except FileNotFoundError:
            self._pending(upload_id, now)  # what has ended has no folder
            raise
        finally:
            if not kept and self._store.lacks(PARTS, part_id):
                path.unlink(missing_ok=True)
        if not kept:
            self._pending(upload_id, now)
            raise _too_much(upload_id, announced)
        return {"id": part_id, "object": "upload.part", "created_at": now, "upload_id": upload_id}

    def complete(self, upload_id: str, asked: UploadComplete, now: int) -> Record:
        """Make a file of the parts in the order given and return the Upload object with it, also when asked again.

        Raises:
            NotFound: there is no such upload or part.
            BadRequest: the parts are not as long as was said, their MD5 is another, or the upload is not pending.
        """
        wanted = hash_of(asked)
        with self._turns.of(upload_id):  # who asks again while the parts are joined gets the same file
            if self._row(upload_id)["completed_by"] != wanted:
                self._join(self._pending(upload_id, now), asked, now, wanted)
        return self.retrieve(upload_id)

    def cancel(self, upload_id: str, now: int) -> Record:
        """End a pending upload and return its Upload object; raises NotFound, BadRequest."""
        self._pending(upload_id, now)
        if not self._store.move(UPLOADS, upload_id, "cancelled", _PENDING, {}):
            raise _ended(self._row(upload_id))
        self._forget_parts(upload_id)
        return self.retrieve(upload_id)

    def retrieve(self, upload_id: str) -> Record:
        """Return the Upload object; `file` is null until it is completed, and again once the file is deleted."""
        row = self._row(upload_id)
        return _to_wire(row, self._files.find(row["file_id"]) if row["file_id"] else None)

    def sweep(self, now: int) -> None:
        """End the uploads that were not completed within an hour."""
        for row in self._store.expired(UPLOADS, now, status="pending"):
            if self._store.move(UPLOADS, row["id"], "expired", _PENDING, {}):
                self._forget_parts(row["id"])

    def _row(self, upload_id: str) -> Record:
        row = self._store.one(UPLOADS, id=upload_id)
        if row is None:
            raise NotFound(f"No such Upload object: {upload_id}", param="upload_id")
        return row

    def _pending(self, upload_id: str, now: int) -> Record:
        row = self._row(upload_id)
        if row["status"] == "pending" and row["expires_at"] <= now:
            row["status"] = "expired"
        if row["status"] != "pending":
            raise _ended(row)
        return row

    def _join(self, row: Record, asked: UploadComplete, now: int, wanted: str) -> None:
        upload_id, parts = row["id"], self._parts(row["id"], asked.part_ids)
        total = sum(part["bytes"] for part in parts)
        if total != row["bytes"]:
            message = f"The parts have {total} bytes together, but the upload was announced with {row['bytes']}."
            raise BadRequest(message, code="invalid_value", param="part_ids")
        joined = _Joined([self._folder / upload_id / part["id"] for part in parts])
        try:
            file = self._files.prepare(joined, row["filename"], row["purpose"], now, MAX_BYTES)
        except FileNotFoundError as missing:
            self._pending(upload_id, now)  # what has ended meanwhile has no parts
            raise _no_such_part(Path(missing.filename).name) from None
        file["expires_at"] = expiry(row["purpose"], now, row["file_lifetime"])
        try:
            if asked.md5 and asked.md5.lower() != joined.md5.hexdigest():
                message = f"The parts' MD5 is {joined.md5.hexdigest()}, not {asked.md5.lower()}. Send the parts again."
                raise BadRequest(message, code="invalid_value", param="md5")
            ending = {"file_id": file["id"], "completed_by": wanted}
            if not self._store.move(UPLOADS, upload_id, "completed", _PENDING, {FILES: [file]}, **ending):
                raise _ended(self._row(upload_id))
        except BaseException:
            self._files.discard(file)
            raise
        self._forget_parts(upload_id)

    def _parts(self, upload_id: str, part_ids: Sequence[str]) -> list[Record]:
        known = {part["id"]: part for part in self._store.newest(PARTS, None, upload_id=upload_id)}
        for part_id in part_ids:
            if part_id not in known:
                raise _no_such_part(part_id)
        if len(set(part_ids)) < len(part_ids):
            raise BadRequest("A part is named twice.", code="invalid_value", param="part_ids")
        return [known[part_id] for part_id in part_ids]

    def _forget_parts(self, upload_id: str) -> None:
        self._store.delete(PARTS, upload_id=upload_id)
        shutil.rmtree(self._folder / upload_id, ignore_errors=True)


class _Joined:
    """The bytes of several files one after the other; `md5` is of what was read."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._paths = iter(paths)
        self._open: BinaryIO | None = None

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; b"" at the end of the last file."""
        while True:
            if self._open is None:
                path = next(self._paths, None)
                if path is None:
                    return b""
                self._open = path.open("rb")
            block = self._open.read(size)
            if block:
                self.md5.update(block)
                return block
            self._open.close()
            self._open = None


def _write_part(path: Path, stream: BinaryIO) -> int:
    size = 0
    with durable.replace(path) as target:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > MAX_PART_BYTES:
                message = f"A part has at most {MAX_PART_BYTES // 2**20} MB. Send more parts."
                raise PayloadTooLarge(message, code="part_too_large", param="data")
            target.write(block)
    return size


def _ended(row: Record) -> BadRequest:
    return BadRequest(f"The upload {row['id']} is {row['status']}; begin a new one.", code="invalid_state")


def _no_such_part(part_id: str) -> NotFound:
    return NotFound(f"No such Part object: {part_id}", param="part_ids")


def _too_much(upload_id: str, announced: int) -> BadRequest:
    message = f"The parts of {upload_id} would have more bytes than the {announced} that it was announced with."
    return BadRequest(message, code="invalid_value", param="data")


def _to_wire(row: Record, file: Record | None) -> Record:
    names = ("id", "bytes", "created_at", "expires_at", "filename", "purpose", "status")
    return {**{name: row[name] for name in names}, "object": "upload", "file": file}
