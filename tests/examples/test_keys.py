"""The scripts send the key that they are given, with every call."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ServiceConfig
from gate import KeyFile
from tests.dashboard.served import Served
from tests.fakes.openai_upstream import PIECES, FakeOpenAI
from tests.fakes.ports import until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    os.name == "nt" or not all(map(shutil.which, ("bash", "curl"))), reason="needs bash and curl"
)


@pytest.fixture
def served(upstream: FakeOpenAI, tmp_path: Path) -> Iterator[Served]:
    served = Served(ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url), upstream)
    yield served
    served.close()


@pytest.mark.parametrize("script", ["curl.sh", "wechat.sh"])
def test_a_script_comes_to_an_answer_by_its_key_alone(served: Served, tmp_path: Path, script: str) -> None:
    token, _ = KeyFile(tmp_path / "keys.sqlite3").make("scripts", frozenset({"read", "train", "chat"}))
    settings = {"URL": served.url, "PATH": os.environ["PATH"]}
    refused = subprocess.run([ROOT / "examples" / script], env=settings, capture_output=True, text=True, timeout=60)
    # /status answers whoever asks.
    assert (refused.returncode != 0, served.upstream.files) == (True, {})
    assert "missing_api_key" in refused.stdout + refused.stderr
    keyed = settings | {"TUNE9527_KEY": token}
    with subprocess.Popen([ROOT / "examples" / script], env=keyed, stdout=subprocess.PIPE, text=True) as running:
        try:
            until(lambda: served.upstream.jobs or running.poll() is not None, 60)
            served.upstream.finish()
            said, _ = running.communicate(timeout=60)
        finally:
            running.kill()  # else a script that asks on and on is waited for
    assert running.returncode == 0, said
    assert "".join(PIECES) in said
