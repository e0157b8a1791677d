"""A live engine has its tuned models loaded before anybody asks."""

import re
from pathlib import Path

import psutil
import requests

from config import EngineConfig
from engine.app import create_engine
from tests.engine.tuned import publish
from tests.fakes.ports import model_server, until
from tests.live_engine import LiveEngine

NAMES = ("ft:tiny:personal::00000001", "ft:tiny:personal::00000002")


def test_what_was_tuned_is_ready_before_the_first_question(tiny_gguf: Path, tmp_path: Path) -> None:
    base = tmp_path / "tiny.gguf"
    base.symlink_to(tiny_gguf)
    parts = create_engine(EngineConfig(data_dir=tmp_path, base_model=str(base))).extensions["engine"]
    for seed, name in enumerate(NAMES):
        publish(parts, tmp_path, name, seed)
    parts.store.close()
    live = LiveEngine(tmp_path, base)
    try:
        live.wait()
        told = requests.get(f"http://127.0.0.1:{live.port}/metrics", timeout=30).text
        assert {*re.findall(r'turn_seconds\{loop="(\w+)"\}', told)} == {"worker", "deliveries", "reports"}
        server: psutil.Process = until(lambda: model_server(psutil.Process(live.process.pid)))
        loaded = " ".join(server.cmdline())
        assert all(f"/jobs/{seed}/adapter.gguf" in loaded for seed in range(len(NAMES)))
    finally:
        live.kill()
