"""Chat templates that escape, burn or swell: none runs code, none holds the engine, none reaches llama.cpp."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

import lifeline
from config import EngineConfig
from engine import templates, token_counts
from engine.app import create_engine
from engine.architectures import Unsupported
from engine.catalogue import BaseModel, refuse_unsupported
from engine.run import died_of
from tests.fakes.hostile_templates import BURNS, PAYLOADS
from tests.tiny_models import write_tiny_gguf
from tests.tiny_models.llama import CALLS, CHATML
from wire.errors import BadRequest


def judged(path: Path) -> tuple[str, float]:
    """What is said of the template, and after how many seconds."""
    begun = time.monotonic()
    try:
        templates.refuse_burning(path, seconds=0.3)
    except Unsupported as reason:
        return str(reason), time.monotonic() - begun
    return "", 0.0


def test_forty_payloads_are_refused_and_run_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    files = [
        write_tiny_gguf(tmp_path / f"{number}.gguf", chat_template=payload.replace("MARK", str(mark)))
        for number, payload in enumerate(PAYLOADS)
    ]
    with ThreadPoolExecutor(2) as pool:
        verdicts = dict(zip(PAYLOADS, pool.map(judged, files), strict=True))
    assert len(verdicts) == 40
    assert [payload for payload, (reason, _) in verdicts.items() if not reason] == []
    assert max(seconds for _, seconds in verdicts.values()) < templates._PATIENCE
    assert not mark.exists()


@pytest.mark.parametrize(
    "template",
    [CHATML, CALLS, "{{ raise_exception('no') }}", "{%- generation -%}{% endgeneration %}", "{{ a.b.c }}", None],
)
def test_templates_as_models_have_them_pass(tmp_path: Path, template: str | None) -> None:
    templates.refuse_burning(write_tiny_gguf(tmp_path / "a.gguf", chat_template=template))


def test_a_model_whose_bytes_are_known_is_not_tried(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "a.gguf", chat_template=BURNS[0])
    refuse_unsupported(BaseModel("a", "pypi:a==1", "a.gguf", sha256="0" * 64), path)
    with pytest.raises(Unsupported, match="1 s of processor time"):
        refuse_unsupported(BaseModel("a", "hf:a/b", "a.gguf"), path)


@pytest.fixture
def engine(tmp_path: Path) -> Flask:
    """An engine whose base model has a template that burns."""
    base = write_tiny_gguf(tmp_path / "burns.gguf", chat_template=BURNS[0])
    return create_engine(EngineConfig(data_dir=tmp_path / "data", base_model=str(base)))


def test_a_caller_is_told(engine: Flask) -> None:
    asked = {"model": "burns", "messages": [{"role": "user", "content": "a"}]}
    reply = engine.test_client().post("/v1/chat/completions", json=asked)
    engine.extensions["engine"].store.close()
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (400, "unsupported_base_model")
    assert "The chat template of burns.gguf is not used" in reply.get_json()["error"]["message"]


LINE = b'{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Since dusk."}]}\n'


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (BURNS[0], "takes more than 1 s of processor time for the chat of line 1"),
        ("{{ 'a' * 900000000 }}", "takes more than 256 MB for the chat of line 1"),
        ("{{ 'a' * 9000000 }}", "makes 9000000 letters for the chat of line 1"),
    ],
)
def test_the_count_and_so_the_trainer_bound_each_rendering_too(tmp_path: Path, template: str, reason: str) -> None:
    """For a template may wait for a chat that is not among those it is tried with."""
    base = write_tiny_gguf(tmp_path / "a.gguf", chat_template=template)
    file = tmp_path / "a.jsonl"
    file.write_bytes(LINE)
    with pytest.raises(BadRequest, match=reason) as refused:
        token_counts.count(base, file, 64)
    assert refused.value.code == "unsupported_base_model"


def test_an_operation_that_hears_no_signal_is_ended_with_its_process() -> None:
    deaf = """
from engine.trainer import rendering
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
with rendering.bounded():
    while True:
        pass
"""
    ended = subprocess.run([sys.executable, "-c", deaf], cwd=lifeline.PROJECT_ROOT, check=False, timeout=120)
    assert died_of(ended.returncode) == "signal SIGVTALRM"
