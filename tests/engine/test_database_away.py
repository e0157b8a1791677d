"""A database that is locked or stopped is said as what passes; a wrong statement is a mistake of the engine's still."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from engine.parts import Parts
from engine.store import EVENTS
from tests.engine.hollow import hollow_engine, impatient, upload
from tests.fakes.postgres import Postgres

Away = Callable[[], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@pytest.fixture(params=["locked", "stopped"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[FlaskClient, Away]]:
    """An engine, and what takes its database away for a while."""
    if request.param == "locked":
        made: Flask = request.getfixturevalue("hollow")
        parts: Parts = made.extensions["engine"]
        with impatient(parts, tmp_path / "data") as made.extensions["engine"]:
            yield made.test_client(), lambda: locked(next((tmp_path / "data").glob("*.sqlite3")))
        made.extensions["engine"] = parts
        return
    server: Postgres = request.getfixturevalue("postgres")
    made = hollow_engine(tmp_path, database_url=server.new_database())
    yield made.test_client(), server.stopped
    made.extensions["engine"].store.close()


def test_a_database_that_is_away_is_503_and_back_all_is_well(engine: tuple[FlaskClient, Away]) -> None:
    caller, away = engine
    asked = {"model": "base", "training_file": upload(caller)}
    with away():
        for reply in (
            caller.get("/v1/fine_tuning/jobs"),
            caller.post("/v1/fine_tuning/jobs", json=asked),
            caller.post("/v1/uploads", json={"bytes": 1, "filename": "a", "mime_type": "a/b", "purpose": "evals"}),
        ):
            assert (reply.status_code, reply.get_json()["error"]["code"]) == (503, "database_unavailable")
            assert reply.headers["Retry-After"] == "5"
            assert reply.get_json()["error"]["type"] == "service_unavailable_error"
    assert caller.post("/v1/fine_tuning/jobs", json=asked).status_code == 200


def test_a_wrong_statement_is_500(hollow: Flask, parts: Parts) -> None:
    @hollow.get("/wrong")
    def wrong() -> str:
        parts.store.insert({EVENTS: [{"id": "SECRET"}]})
        return ""

    reply = hollow.test_client().get("/wrong")
    assert (reply.status_code, reply.get_json()["error"]["type"]) == (500, "server_error")
    assert "SECRET" not in reply.text
