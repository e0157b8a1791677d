"""Answers that end early: the reader leaves, or the model's process dies; the next request is answered."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import openai
import psutil
import pytest
from openai import OpenAI

import lifeline
import loopback
from engine.serving.pool import Pool
from tests.engine.chatting import ENDLESS, HI, ask, text
from tests.fakes.ports import PATIENCE, free_port, model_address, model_server
from wire.waiting import BEAT_SECONDS, QUIET_SECONDS


def busy(pool: Pool) -> int:
    return sum(slot["is_processing"] for process in pool.processes() for slot in process.ask("/slots"))


def test_a_reader_who_leaves_stops_the_writing(client: OpenAI, pool: Pool) -> None:
    with ask(client, max_tokens=240, stream=True, **ENDLESS) as stream:
        next(iter(stream))
        assert busy(pool) == 1
    deadline = time.monotonic() + 1
    while busy(pool):
        assert time.monotonic() < deadline, "the answer is still being written"


def test_a_killed_model_is_a_503_and_the_next_request_is_answered(client: OpenAI, pool: Pool) -> None:
    stream = iter(ask(client, max_tokens=240, stream=True, **ENDLESS))
    next(stream)
    (process,) = pool.processes()
    psutil.Process(process.pid).kill()
    with pytest.raises(openai.APIError) as broken:
        list(stream)
    assert broken.value.code == "model_process_ended"
    assert text(ask(client))


def test_a_model_that_dies_before_its_first_word_is_a_503(client: OpenAI, pool: Pool) -> None:
    ask(client)
    (process,) = pool.processes()
    child = psutil.Process(process.pid)
    child.suspend()
    killer = threading.Timer(0.2, child.kill)
    killer.start()
    with pytest.raises(openai.InternalServerError) as broken:
        ask(client)
    killer.join()
    assert (broken.value.status_code, broken.value.code) == (503, "model_process_ended")
    assert text(ask(client))


def test_who_leaves_the_socket_stops_the_writing(base_gguf: Path, tmp_path: Path) -> None:
    port = free_port()
    settings = {"ENGINE_PORT": str(port), "DATA_DIR": str(tmp_path), "BASE_MODEL": str(base_gguf.resolve())}
    engine = subprocess.Popen(
        [sys.executable, "-m", "engine", "serve"],
        cwd=lifeline.PROJECT_ROOT,
        env={**os.environ, **settings, "SERVING_THREADS": "1"},
    )
    with OpenAI(api_key="unused", base_url=f"http://127.0.0.1:{port}/v1", max_retries=40, timeout=60) as client:
        model = client.models.list().data[0].id
        stream = client.chat.completions.create(model=model, messages=HI, stream=True, **ENDLESS)
        next(iter(stream))
        slots = llama_address(engine.pid)
        assert is_writing(slots)
        stream.close()
        wait_until_idle(slots, 2)
        # A whole answer: noticed with the first blank.
        with pytest.raises(openai.APITimeoutError):
            client.with_options(max_retries=0, timeout=1).chat.completions.create(model=model, messages=HI, **ENDLESS)
        assert is_writing(slots)
        wait_until_idle(slots, QUIET_SECONDS + 3 * BEAT_SECONDS)
    engine.terminate()
    assert engine.wait(PATIENCE) == 0


def is_writing(address: str) -> bool:
    """Whether the model at that address writes an answer."""
    connection = loopback.Connection(address, 5)
    connection.request("GET", "/slots")
    slots = json.load(connection.getresponse())
    connection.close()
    return any(slot["is_processing"] for slot in slots)


def wait_until_idle(slots: str, seconds: float) -> None:
    """Wait until the model writes nothing any more; it would go on for longer by itself."""
    deadline = time.monotonic() + seconds
    while is_writing(slots):
        assert time.monotonic() < deadline, "the answer is still being written"
        time.sleep(0.01)


def llama_address(engine_pid: int) -> str:
    """Return the address of the llama.cpp process somewhere below the engine."""
    server = model_server(psutil.Process(engine_pid))
    assert server is not None
    return str(model_address(server))
