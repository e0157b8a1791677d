"""What the database does not take leaves nothing on the disk: bytes that no row names would stay until a restart."""

import contextlib
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from engine.parts import Parts
from engine.store import JOBS, Store
from engine.store.rows import Rows
from tests.engine.hollow import LINE, impatient, upload

UPLOAD = {"bytes": len(LINE), "filename": "t.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}


@pytest.fixture
def data(hollow: Flask, parts: Parts, tmp_path: Path) -> Iterator[Path]:
    """The engine's folder, after its store was made one that waits for nobody."""
    data = tmp_path / "data"
    with impatient(parts, data) as hollow.extensions["engine"]:
        yield data
    hollow.extensions["engine"] = parts


@contextlib.contextmanager
def nothing_written(data: Path) -> Iterator[None]:
    """Another process writes to the database all the time."""
    with contextlib.closing(sqlite3.connect(next(data.glob("*.sqlite3")), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def kept(data: Path) -> set[Path]:
    return {path for name in ("files", "uploads", "jobs") for path in (data / name).rglob("*") if path.is_file()}


def test_a_file_whose_row_is_refused_is_discarded(data: Path, caller: FlaskClient) -> None:
    form = {"purpose": "fine-tune", "file": (io.BytesIO(LINE), "t.jsonl")}
    with nothing_written(data):
        assert caller.post("/v1/files", data=form).status_code >= 500
    assert kept(data) == set()
    assert upload(caller).startswith("file-")


def test_a_part_whose_row_is_refused_is_discarded(data: Path, caller: FlaskClient) -> None:
    begun = caller.post("/v1/uploads", json=UPLOAD).get_json()["id"]

    def send() -> int:
        return caller.post(f"/v1/uploads/{begun}/parts", data={"data": (io.BytesIO(LINE), "part")}).status_code

    with nothing_written(data):
        assert send() >= 500
    assert kept(data) == set()
    assert send() == 200


def test_a_completion_whose_row_is_refused_keeps_the_parts_alone(data: Path, caller: FlaskClient) -> None:
    begun = caller.post("/v1/uploads", json=UPLOAD).get_json()["id"]
    part = caller.post(f"/v1/uploads/{begun}/parts", data={"data": (io.BytesIO(LINE), "part")}).get_json()["id"]

    def complete() -> int:
        return caller.post(f"/v1/uploads/{begun}/complete", json={"part_ids": [part]}).status_code

    with nothing_written(data):
        assert complete() >= 500
    assert [path.name for path in kept(data)] == [part]
    assert complete() == 200


def test_a_job_whose_row_is_refused_leaves_no_folder(data: Path, caller: FlaskClient, store: Store) -> None:
    asked = {"model": "base", "training_file": upload(caller)}
    with nothing_written(data):
        assert caller.post("/v1/fine_tuning/jobs", json=asked).status_code >= 500
    assert list((data / "jobs").iterdir()) == []
    created = caller.post("/v1/fine_tuning/jobs", json=asked).get_json()
    assert [created["id"]] == [job["id"] for job in store.newest(JOBS, None)]


class Deaf(Store):
    """A store whose answer to what was added is lost."""

    def insert(self, rows: Rows) -> None:
        super().insert(rows)
        raise OperationalError("COMMIT", {}, ConnectionError("the answer was lost"))


def test_what_the_database_took_is_kept_though_its_answer_was_lost(
    hollow: Flask, parts: Parts, caller: FlaskClient, data: Path, store: Store
) -> None:
    asked = {"model": "base", "training_file": upload(caller)}
    with impatient(parts, data, Deaf) as hollow.extensions["engine"]:
        form = {"purpose": "fine-tune", "file": (io.BytesIO(LINE), "u.jsonl")}
        assert caller.post("/v1/files", data=form).status_code == 503
        assert caller.post("/v1/fine_tuning/jobs", json=asked).status_code == 503
    hollow.extensions["engine"] = parts
    [lost, _] = caller.get("/v1/files").get_json()["data"]
    assert caller.get(f"/v1/files/{lost['id']}/content").data == LINE
    again = caller.post("/v1/fine_tuning/jobs", json=asked, headers={"X-Stainless-Retry-Count": "1"}).get_json()
    assert [again["id"]] == [job["id"] for job in store.newest(JOBS, None)]
    assert list((data / "jobs" / again["id"]).iterdir()), "its training file"
