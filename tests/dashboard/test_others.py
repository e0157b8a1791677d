"""Buttons on what is another key's: pressed by whoever may train, they find nothing there and change nothing."""

import copy
from pathlib import Path

import pytest

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from services.makers import OWNER
from tests.dashboard.conftest import Reader
from tests.dashboard.test_entrance import log_in
from tests.dashboard.test_new_job import CREATE, PAGE, filled
from tests.fakes.openai_upstream import FILE_ID, FINE_TUNED, JOB_ID, FakeOpenAI

RED = "key_0123456789ab"


@pytest.fixture
def intruder(tmp_path: Path, upstream: FakeOpenAI) -> Reader:
    """Holds a key that may do all but administer, and knows the ids of the red team."""
    token, key = KeyFile(tmp_path / "keys.sqlite3").make("blue", frozenset({"read", "train", "chat"}))
    upstream.new_file(f"{RED}.train.jsonl", 1709)
    upstream.new_file(f"{key.id}.own.jsonl", 1709)
    upstream.new_job({"model": "gpt-4o", "training_file": FILE_ID, "metadata": {OWNER: RED}})
    reader = Reader(create_app(ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url)).test_client())
    log_in(reader, token)
    return reader


def press(reader: Reader, path: str, **fields: str) -> int:
    return reader.send(path, fields, Origin="http://localhost").status_code


@pytest.mark.parametrize("path", [f"files/{FILE_ID}/delete", *(f"jobs/{JOB_ID}/{v}" for v in ("cancel", "pause"))])
def test_anothers_file_and_job_are_not_found(intruder: Reader, upstream: FakeOpenAI, path: str) -> None:
    before = copy.deepcopy((upstream.files, upstream.jobs))
    assert press(intruder, f"/dashboard/{path}") == 404
    assert (upstream.files, upstream.jobs) == before


def test_anothers_job_is_not_resumed(intruder: Reader, upstream: FakeOpenAI) -> None:
    upstream.jobs[JOB_ID]["status"] = "paused"
    assert press(intruder, f"/dashboard/jobs/{JOB_ID}/resume") == 404
    assert upstream.jobs[JOB_ID]["status"] == "paused"


@pytest.mark.parametrize("model", [FINE_TUNED, "gpt-4o.ft-0a1b"])
def test_anothers_model_is_not_found(intruder: Reader, upstream: FakeOpenAI, model: str) -> None:
    upstream.finish(model=model)
    assert press(intruder, f"/dashboard/models/{model}/delete") == 404
    own = next(file_id for file_id, file in upstream.files.items() if file["filename"].endswith("own.jsonl"))
    assert press(intruder, PAGE, **filled(training_file=own, model=model)) == 404
    assert (upstream.deleted, upstream.count(CREATE)) == (set(), 0)


@pytest.mark.parametrize("field", ["training_file", "validation_file"])
def test_nothing_is_trained_on_anothers_file(intruder: Reader, upstream: FakeOpenAI, field: str) -> None:
    own = next(file_id for file_id, file in upstream.files.items() if file["filename"].endswith("own.jsonl"))
    assert press(intruder, PAGE, **filled(**{"training_file": own, field: FILE_ID})) == 400
    assert upstream.count(CREATE) == 0
