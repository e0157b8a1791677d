"""The engine's `/metrics`: jobs by state and models in memory, for who may ask the engine at all."""

from pathlib import Path

from config import EngineConfig
from engine.app import create_engine
from engine.parts import Parts
from engine.store import JOBS

JOB = {"model": "m", "base": "m", "training_file": "file-1", "hyperparameters": {}, "created_at": 0, "seed": 0}


def test_every_state_has_its_number_of_jobs(tmp_path: Path) -> None:
    app = create_engine(EngineConfig(data_dir=tmp_path))
    parts: Parts = app.extensions["engine"]
    before = app.test_client().get("/metrics").get_data(as_text=True)
    assert 'tune9527_engine_jobs{status="queued"} 0' in before.splitlines()
    for number, status in enumerate(("queued", "queued", "failed")):
        parts.store.insert({JOBS: [{**JOB, "id": f"ftjob-{number}", "status": status}]})
    lines = app.test_client().get("/metrics").get_data(as_text=True).splitlines()
    for line in ('jobs{status="queued"} 2', 'jobs{status="failed"} 1', 'jobs{status="running"} 0', "models_loaded 0"):
        assert f"tune9527_engine_{line}" in lines


def test_it_is_behind_the_engines_key(tmp_path: Path) -> None:
    client = create_engine(EngineConfig(data_dir=tmp_path, api_key="a-key-of-the-tests")).test_client()
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer a-key-of-the-tests"}).status_code == 200
