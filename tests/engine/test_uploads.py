"""Uploads in parts: their sum is the file, in the order that is asked for, once, or not at all."""

import hashlib
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.files import Files
from engine.store import FILES, PARTS, Record, Store
from engine.uploads import LIFETIME_SECONDS, MAX_PART_BYTES, Uploads
from wire.errors import ApiError, BadRequest, NotFound, PayloadTooLarge
from wire.requests import ExpiresAfter, UploadComplete, UploadCreate


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "facts.sqlite3")


@pytest.fixture
def files(store: Store, tmp_path: Path) -> Files:
    return Files(store, tmp_path / "files", clock=lambda: 10)


@pytest.fixture
def uploads(store: Store, files: Files, tmp_path: Path) -> Uploads:
    return Uploads(store, files, tmp_path / "uploads")


def asked(size: int, seconds: int | None = None) -> UploadCreate:
    expiry = ExpiresAfter(anchor="created_at", seconds=seconds) if seconds else None
    return UploadCreate(
        bytes=size, filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune", expires_after=expiry
    )


def add(uploads: Uploads, upload_id: str, data: bytes, now: int = 6) -> str:
    return str(uploads.add_part(upload_id, io.BytesIO(data), now)["id"])


def kept(tmp_path: Path) -> list[str]:
    """Names of the bytes on disk, parts and files."""
    return [path.name for folder in ("files", "uploads") for path in (tmp_path / folder).rglob("*") if path.is_file()]


def test_parts_become_one_file_in_the_order_asked_for(uploads: Uploads, files: Files, tmp_path: Path) -> None:
    begun = uploads.create(asked(5), 5)
    assert (begun["object"], begun["status"], begun["file"]) == ("upload", "pending", None)
    assert begun["expires_at"] == 5 + LIFETIME_SECONDS
    second, first = add(uploads, begun["id"], b"cde"), add(uploads, begun["id"], b"ab")
    md5 = hashlib.md5(b"abcde", usedforsecurity=False).hexdigest()
    done = uploads.complete(begun["id"], UploadComplete(part_ids=[first, second], md5=md5.upper()), 7)
    assert (done["status"], done["expires_at"]) == ("completed", 5 + LIFETIME_SECONDS)
    assert files.path(done["file"]["id"]).read_bytes() == b"abcde"
    assert done["file"] == files.retrieve(done["file"]["id"])
    assert kept(tmp_path) == [done["file"]["id"]]


def test_the_file_expires_when_asked_to(uploads: Uploads, files: Files, tmp_path: Path) -> None:
    begun = uploads.create(asked(1, seconds=3600), 5)
    part = add(uploads, begun["id"], b"a")
    file = uploads.complete(begun["id"], UploadComplete(part_ids=[part]), 10)["file"]
    assert file["expires_at"] == 10 + 3600
    files.sweep(3609)
    assert files.retrieve(file["id"]) == file
    files.sweep(3610)
    with pytest.raises(NotFound):
        files.retrieve(file["id"])
    assert kept(tmp_path) == []
    assert uploads.retrieve(begun["id"])["file"] is None


@pytest.mark.parametrize(
    ("parts", "md5", "param"),
    [
        ([0], None, "part_ids"),
        ([0, 1, 1], None, "part_ids"),
        ([0, 1], "0" * 32, "md5"),
    ],
)
def test_a_sum_that_is_not_as_announced_is_refused_and_can_be_mended(
    uploads: Uploads, tmp_path: Path, parts: list[int], md5: str | None, param: str
) -> None:
    begun = uploads.create(asked(5), 5)
    ids = [add(uploads, begun["id"], data) for data in (b"ab", b"cde")]
    with pytest.raises(BadRequest) as refused:
        uploads.complete(begun["id"], UploadComplete(part_ids=[ids[part] for part in parts], md5=md5), 7)
    assert refused.value.param == param
    assert sorted(kept(tmp_path)) == sorted(ids)
    assert uploads.complete(begun["id"], UploadComplete(part_ids=ids), 8)["status"] == "completed"


@pytest.mark.parametrize("ending", ["completed", "cancelled", "expired"])
def test_an_upload_ends_once(uploads: Uploads, store: Store, tmp_path: Path, ending: str) -> None:
    begun = uploads.create(asked(1), 5)
    part, now = add(uploads, begun["id"], b"a"), 6
    if ending == "completed":
        uploads.complete(begun["id"], UploadComplete(part_ids=[part]), now)
    elif ending == "cancelled":
        assert uploads.cancel(begun["id"], now)["status"] == "cancelled"
    else:
        now = 5 + LIFETIME_SECONDS
    with pytest.raises(BadRequest, match=ending):
        add(uploads, begun["id"], b"b", now)
    with pytest.raises(BadRequest, match=ending):
        uploads.complete(begun["id"], UploadComplete(part_ids=[part, "another"]), now)
    with pytest.raises(BadRequest, match=ending):
        uploads.cancel(begun["id"], now)
    uploads.sweep(now)
    assert uploads.retrieve(begun["id"])["status"] == ending
    assert part not in kept(tmp_path)
    assert store.newest(PARTS, None) == []


class Watched(Files):
    """Files that say when the joining of parts begins, and count how often."""

    joins = 0
    begins: Callable[[], Any] = staticmethod(lambda: None)

    def prepare(self, *given: Any) -> Record:
        self.joins += 1
        self.begins()
        return super().prepare(*given)


@pytest.fixture
def watched(store: Store, tmp_path: Path) -> Watched:
    return Watched(store, tmp_path / "files", clock=lambda: 10)


def test_who_lost_the_reply_completes_again_and_gets_the_same(uploads: Uploads, files: Files) -> None:
    begun = uploads.create(asked(1), 5)
    md5 = hashlib.md5(b"a", usedforsecurity=False).hexdigest()
    body = UploadComplete(part_ids=[add(uploads, begun["id"], b"a")], md5=md5)
    done = uploads.complete(begun["id"], body, 6)
    late = 5 + LIFETIME_SECONDS
    assert uploads.complete(begun["id"], body, late) == done
    with pytest.raises(BadRequest, match="completed"):
        uploads.complete(begun["id"], body.model_copy(update={"md5": "0" * 32}), 7)
    files.delete(done["file"]["id"])
    assert uploads.complete(begun["id"], body, late) == {**done, "file": None}


def test_two_who_complete_at_once_get_one_file(store: Store, watched: Watched, tmp_path: Path) -> None:
    uploads, begun, pause = Uploads(store, watched, tmp_path / "uploads"), threading.Event(), threading.Event()

    def dwell() -> None:
        begun.set()
        pause.wait(0.2)

    watched.begins = dwell
    upload = uploads.create(asked(1), 5)["id"]
    body = UploadComplete(part_ids=[add(uploads, upload, b"a")])
    with ThreadPoolExecutor() as threads:
        first = threads.submit(uploads.complete, upload, body, 6)
        assert begun.wait(5)
        other = threads.submit(uploads.complete, upload, body, 6)
        assert first.result() == other.result()
    assert (watched.joins, len(store.newest(FILES, None))) == (1, 1)
    assert len(kept(tmp_path)) == 1


def test_an_upload_that_is_cancelled_while_its_parts_are_joined_has_ended(
    store: Store, watched: Watched, tmp_path: Path
) -> None:
    uploads = Uploads(store, watched, tmp_path / "uploads")
    upload = uploads.create(asked(1), 5)["id"]
    watched.begins = lambda: uploads.cancel(upload, 6)
    with pytest.raises(BadRequest, match="cancelled"):
        uploads.complete(upload, UploadComplete(part_ids=[add(uploads, upload, b"a")]), 6)
    assert kept(tmp_path) == []


def test_a_part_whose_bytes_are_lost_is_said_and_sent_again(uploads: Uploads, tmp_path: Path) -> None:
    upload = uploads.create(asked(1), 5)["id"]
    lost = add(uploads, upload, b"a")
    (tmp_path / "uploads" / upload / lost).unlink()
    with pytest.raises(NotFound, match=lost):
        uploads.complete(upload, UploadComplete(part_ids=[lost]), 6)
    again = add(uploads, upload, b"a")
    assert uploads.complete(upload, UploadComplete(part_ids=[again]), 6)["status"] == "completed"


class Late(io.BytesIO):
    """A part during which something happens."""

    def __init__(self, data: bytes, happens: Callable[[], None]) -> None:
        super().__init__(data)
        self.happens = happens

    def read(self, size: int | None = -1, /) -> bytes:
        self.happens()
        return super().read(size)


def test_an_upload_that_expires_while_a_part_comes_has_ended(uploads: Uploads, tmp_path: Path) -> None:
    upload = uploads.create(asked(2), 5)["id"]
    add(uploads, upload, b"a")
    with pytest.raises(BadRequest, match="expired"):
        uploads.add_part(upload, Late(b"b", lambda: uploads.sweep(5 + LIFETIME_SECONDS)), 6)
    assert kept(tmp_path) == []


def test_what_is_unknown_is_said(uploads: Uploads) -> None:
    with pytest.raises(NotFound, match="upload_x"):
        uploads.cancel("upload_x", 5)
    begun, other = uploads.create(asked(1), 5), uploads.create(asked(1), 5)
    theirs = add(uploads, other["id"], b"a")
    with pytest.raises(NotFound, match=theirs):
        uploads.complete(begun["id"], UploadComplete(part_ids=[theirs]), 6)


def test_a_part_is_bounded_and_a_refused_one_leaves_nothing(uploads: Uploads, tmp_path: Path) -> None:
    begun = uploads.create(asked(MAX_PART_BYTES + 1), 5)
    with pytest.raises(PayloadTooLarge):
        add(uploads, begun["id"], bytes(MAX_PART_BYTES + 1))
    assert kept(tmp_path) == []


def test_parts_are_bounded_by_what_was_announced_and_may_be_sent_again(uploads: Uploads, tmp_path: Path) -> None:
    begun = uploads.create(asked(4), 5)
    with pytest.raises(BadRequest, match="more bytes than the 4 that it was announced with") as refused:
        add(uploads, begun["id"], b"12345")
    assert (refused.value.param, refused.value.code) == ("data", "invalid_value")
    _, first, _, second = [add(uploads, begun["id"], data) for data in (b"ab", b"ab", b"cd", b"cd")]
    with pytest.raises(BadRequest, match="more bytes"):
        add(uploads, begun["id"], b"e")
    assert len(kept(tmp_path)) == 4
    assert uploads.complete(begun["id"], UploadComplete(part_ids=[first, second]), 7)["status"] == "completed"


@pytest.mark.parametrize(("name", "purpose"), [("a.csv", "fine-tune"), ("a.jsonl", "nonsense")])
def test_names_and_purposes_are_refused_before_anything_is_sent(uploads: Uploads, name: str, purpose: str) -> None:
    with pytest.raises(ApiError):
        uploads.create(UploadCreate(bytes=1, filename=name, mime_type="x", purpose=purpose), 5)
