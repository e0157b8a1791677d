"""Files are whole or absent, named by us, and counted right."""

import hashlib
import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from engine.files import Files
from engine.store import FILES, Store
from tests.fakes.clock import Clock
from wire.errors import ApiError, NotFound
from wire.requests import ExpiresAfter


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(Store(tmp_path / "facts.sqlite3"), tmp_path / "files")


def test_a_file_is_gone_the_moment_it_expires_whenever_it_is_swept_away(tmp_path: Path) -> None:
    clock = Clock(5.0)
    files = Files(Store(tmp_path / "facts.sqlite3"), tmp_path / "files", clock=clock)
    asked = ExpiresAfter(anchor="created_at", seconds=3600)
    made = files.create(io.BytesIO(b"x"), "a.jsonl", "fine-tune", 5, asked)
    clock.now = 3604.9
    assert files.retrieve(made["id"]) == made
    clock.now = 3605.0
    for look in (files.retrieve, files.path, files.delete):
        with pytest.raises(NotFound, match="No such File object"):
            look(made["id"])
    assert files.find(made["id"]) is None
    assert files.list(10, None, "desc", None)["data"] == []
    assert list((tmp_path / "files").iterdir()) == []


def test_files_of_batches_expire_after_thirty_days_and_no_others_unasked(files: Files) -> None:
    asked = ExpiresAfter(anchor="created_at", seconds=3600)
    ends = [
        files.create(io.BytesIO(b"x"), "a.jsonl", purpose, 5, after)["expires_at"]
        for purpose, after in (("batch", None), ("batch", asked), ("fine-tune", None))
    ]
    assert ends == [5 + 30 * 86_400, 3605, None]


class Broken(io.RawIOBase):
    """An upload whose sender goes away after the first block."""

    def __init__(self) -> None:
        self.blocks = [b"first"]

    def read(self, size: int = -1) -> bytes:
        if not self.blocks:
            raise ConnectionResetError
        return self.blocks.pop()


def test_the_bytes_come_back_as_they_went_in(files: Files) -> None:
    made = files.create(io.BytesIO(b'{"a":1}\n'), "名前.jsonl", "fine-tune", 5)
    assert files.path(made["id"]).read_bytes() == b'{"a":1}\n'
    assert made == {**made, "bytes": 8, "filename": "名前.jsonl", "created_at": 5, "status": "processed"}
    assert made["id"].startswith("file-")


def test_an_upload_that_breaks_off_leaves_nothing(files: Files, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        files.create(Broken(), "a.jsonl", "fine-tune", 5)
    assert files.list(10, None, "desc", None)["data"] == []
    assert list((tmp_path / "files").iterdir()) == []


def test_what_a_kill_left_unfinished_is_removed_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "file-x.part").write_bytes(b"half")
    Files(Store(tmp_path / "facts.sqlite3"), tmp_path / "files")
    assert list((tmp_path / "files").iterdir()) == []


def test_a_name_is_only_a_label(files: Files, tmp_path: Path) -> None:
    made = files.create(io.BytesIO(b"x"), "../../outside.jsonl", "fine-tune", 5)
    assert files.path(made["id"]).parent == tmp_path / "files"
    assert not (tmp_path.parent / "outside.jsonl").exists()


@pytest.mark.parametrize(("name", "purpose", "param"), [("a.csv", "fine-tune", "file"), ("a.jsonl", "x", "purpose")])
def test_wrong_names_and_purposes_are_refused_in_openais_words(
    files: Files, name: str, purpose: str, param: str
) -> None:
    with pytest.raises(ApiError) as refused:
        files.create(io.BytesIO(b"x"), name, purpose, 5)
    assert (refused.value.status, refused.value.param) == (400, param)


def test_a_deleted_file_is_gone(files: Files) -> None:
    made = files.create(io.BytesIO(b"x"), "a.jsonl", "fine-tune", 5)
    path = files.path(made["id"])
    assert files.delete(made["id"]) == {"id": made["id"], "object": "file", "deleted": True}
    assert not path.exists()
    with pytest.raises(NotFound, match="No such File object"):
        files.retrieve(made["id"])


def test_pages_follow_each_other_without_gap_or_repeat(files: Files) -> None:
    made = [files.create(io.BytesIO(b"x"), "a.jsonl", "fine-tune", 5)["id"] for _ in range(5)]
    first = files.list(2, None, "desc", None)
    second = files.list(3, first["last_id"], "desc", None)
    assert [one["id"] for one in first["data"] + second["data"]] == made[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    store = Store(tmp_path / "facts.sqlite3")
    made = Files(store, tmp_path / "files").create(io.BytesIO(b"content"), "a.jsonl", "fine-tune", 5)
    row = store.one(FILES, id=made["id"])
    assert row is not None
    assert row["sha256"] == hashlib.sha256(b"content").hexdigest()


@pytest.mark.parametrize("declared", [{"sha256": "0" * 64}, {"bytes": "3"}])
def test_a_file_that_is_not_what_was_declared_leaves_nothing(
    caller: FlaskClient, tmp_path: Path, declared: dict[str, str]
) -> None:
    form = {"purpose": "fine-tune", "file": (io.BytesIO(b"content"), "a.jsonl")}
    reply = caller.post("/v1/files", data={**form, **declared})
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (400, "checksum_mismatch")
    assert caller.get("/v1/files").get_json()["data"] == []
    assert list((tmp_path / "data" / "files").iterdir()) == []
