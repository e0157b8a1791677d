"""An engine whose base model is an empty shell, in this process: all but training and serving works, in no time."""

import contextlib
import dataclasses
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from config import EngineConfig
from engine import durable
from engine.app import create_engine
from engine.files import Files
from engine.jobs import Jobs
from engine.parts import Parts
from engine.store import MODELS, Store
from engine.uploads import Uploads
from tests.fakes.bare_gguf import BARE

LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n'
MODEL = "ft:base:personal::12345678"


def hollow_engine(folder: Path, data: str = "data", **settings: Any) -> Flask:
    """Make it, with its data in `folder/data`; whoever does closes its store."""
    base = folder / "base.gguf"
    base.write_bytes(BARE)
    return create_engine(EngineConfig(data_dir=folder / data, base_model=str(base), **settings))


@contextlib.contextmanager
def impatient(parts: Parts, data: Path, kind: type[Store] = Store) -> Iterator[Parts]:
    """The parts with a store of that kind, which does not wait until another has written."""
    store = kind(next(data.glob("*.sqlite3")), patience=0.02)
    files = Files(store, data / "files")
    uploads, jobs = Uploads(store, files, data / "uploads"), Jobs(store, files, parts.models, data / "jobs")
    yield dataclasses.replace(parts, store=store, files=files, uploads=uploads, jobs=jobs)
    store.close()


def upload(client: FlaskClient, content: bytes = LINE) -> str:
    form = {"purpose": "fine-tune", "file": (io.BytesIO(content), "t.jsonl")}
    return str(client.post("/v1/files", data=form).get_json()["id"])


def create(client: FlaskClient, model: str = "base", status: int = 200) -> dict[str, Any]:
    """Create a job, or be refused with `status`; return the answer."""
    reply = client.post("/v1/fine_tuning/jobs", json={"model": model, "training_file": upload(client)})
    assert reply.status_code == status, reply.text
    return dict(reply.get_json())


def publish(store: Store, data: Path, job_id: str) -> Path:
    """Give the job a model, and return its adapter."""
    adapter = data / "jobs" / job_id / "adapter" / "adapter.gguf"
    adapter.parent.mkdir(parents=True)
    adapter.write_bytes(b"GGUF" + os.urandom(9))
    row = {"id": MODEL, "job_id": job_id, "base": "base", "created_at": 1, "sha256": durable.sha256(adapter)}
    store.insert({MODELS: [row | {"adapter": f"jobs/{job_id}/adapter/adapter.gguf"}]})
    return adapter
