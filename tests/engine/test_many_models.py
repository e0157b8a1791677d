"""More tuned models than the pool may hold: each answers as itself, and no answer is cut short to make room."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from flask import Flask
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from engine.parts import Parts
from tests.engine.chatting import ENDLESS, HI
from tests.engine.tuned import publish

MOST = 2
NAMES = [f"ft:tiny:personal:model:{number:08}" for number in range(4)]


@pytest.fixture(scope="module")
def app(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An engine that may hold two models at a time and has four tuned ones."""
    folder = tmp_path_factory.mktemp("many")
    config = EngineConfig(
        data_dir=folder, base_model=str(tiny_gguf), context_tokens=256, serving_threads=1, models_loaded=MOST
    )
    app = create_engine(config)
    parts: Parts = app.extensions["engine"]
    for seed, name in enumerate(NAMES):
        publish(parts, folder, name, seed)
    yield app
    parts.pool.close()


def test_all_answer_as_themselves_within_the_bound_while_a_stream_goes_on(app: Flask) -> None:
    parts: Parts = app.extensions["engine"]
    transport = httpx2.WSGITransport(app=app)
    client = OpenAI(api_key="x", base_url="http://localhost/v1", http_client=httpx2.Client(transport=transport))

    def ask(name: str) -> str:
        answer = client.chat.completions.create(
            model=name, messages=HI, max_tokens=8, temperature=0, extra_body=ENDLESS
        )
        assert answer.model == name
        assert len(parts.pool.processes()) <= MOST
        return str(answer.choices[0].message.content)

    alone = {name: ask(name) for name in NAMES}
    assert len({*alone.values()}) == len(NAMES)
    stream = client.chat.completions.create(
        model=NAMES[0],
        messages=HI,
        max_tokens=150,
        stream=True,
        stream_options={"include_usage": True},
        extra_body=ENDLESS,
    )
    next(stream)
    with ThreadPoolExecutor(len(NAMES)) as callers:
        asked = [*NAMES[1:], *NAMES[1:]]
        assert list(callers.map(ask, asked)) == [alone[name] for name in asked]
    *_, last = stream
    assert last.usage is not None
    assert last.usage.completion_tokens == 150
    client.close()
