"""What a job is to learn from is in its folder, whole, or the caller is told what is gone and no folder is left."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from engine.files import Files
from engine.parts import Parts
from engine.store import Store
from tests.engine.hollow import MODEL, create, publish, upload


@pytest.mark.parametrize("left", [[], ["adapter_config.json"]])
def test_a_model_without_its_adapter_is_not_trained_further(
    caller: FlaskClient, store: Store, tmp_path: Path, left: list[str]
) -> None:
    data = tmp_path / "data"
    adapter = publish(store, data, create(caller)["id"])
    adapter.unlink()
    for name in left:
        (adapter.parent / name).write_bytes(b"{}")
    if not left:
        adapter.parent.rmdir()
    before = sorted((data / "jobs").iterdir())
    refused = create(caller, MODEL, status=400)["error"]
    assert (refused["code"], refused["param"]) == ("model_not_available", "model")
    assert f"The adapter of {MODEL} is missing" in refused["message"]
    assert sorted((data / "jobs").iterdir()) == before


def test_a_file_that_is_deleted_at_the_last_moment_is_said(
    caller: FlaskClient, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id, path = upload(caller), Files.path

    def path_of_a_file_deleted_since(self: Files, file_id: str) -> Path:
        found = path(self, file_id)
        self.delete(file_id)
        return found

    monkeypatch.setattr(Files, "path", path_of_a_file_deleted_since)
    asked: dict[str, Any] = {"model": "base", "training_file": file_id}
    reply = caller.post("/v1/fine_tuning/jobs", json=asked)
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (400, "invalid_file")
    assert list((tmp_path / "data" / "jobs").iterdir()) == []
