"""Whoever takes the engine's port gets nothing: neither the secret, nor a chat, nor a file."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lifeline
from app import create_app
from config import ServiceConfig
from services.address import Address
from services.client import Upstream
from services.embedded import EmbeddedEngine
from services.failures import Unreachable
from tests.fakes.ports import free_port, wait_until_answers
from tests.fakes.squatter import Squatter, squatting
from tests.services.test_embedded import QUICK
from wire.errors import ApiError

PRIVATE = "what nobody else may read"
SECRETS = ["", "configured-by-hand"]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def squatter(port: int) -> Iterator[Squatter]:
    with squatting(port) as there:
        yield there


@pytest.mark.parametrize("secret", SECRETS)
def test_a_program_that_was_there_first_is_told_and_gets_nothing(
    squatter: Squatter, port: int, secret: str, tmp_path: Path
) -> None:
    engine = EmbeddedEngine("127.0.0.1", port, secret, ("tests.fakes.tiny_engine", str(port)), QUICK)
    client = create_app(ServiceConfig(data_dir=tmp_path), engine).test_client()
    engine.start()
    try:
        reply = client.post("/chat", json={"text": PRIVATE})
    finally:
        engine.stop()
    told = reply.get_json()["response"]
    assert (reply.status_code, told["code"]) == (503, "engine_failed")
    assert f"Port {port} is taken by a program" in told["message"]
    assert squatter.heard
    assert engine.secret not in squatter.text
    assert PRIVATE not in squatter.text


def by_post(upstream: Upstream) -> Any:
    return upstream.post("/chat/completions", {"messages": [{"role": "user", "content": PRIVATE}]})


def by_sdk(upstream: Upstream) -> Any:
    with upstream.call() as client:
        return client.files.create(file=("a.jsonl", PRIVATE.encode()), purpose="fine-tune")


def by_open(upstream: Upstream) -> Any:
    return upstream.open("/files/file-1/content")


@pytest.mark.parametrize("ask", [by_post, by_sdk, by_open])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_program_that_takes_the_port_later_gets_nothing(
    squatter: Squatter, port: int, secret: str, ask: Callable[[Upstream], Any]
) -> None:
    engine = EmbeddedEngine("127.0.0.1", port, secret)  # in the moment before its supervisor notices
    with pytest.raises(Unreachable, match="does not know the key"):
        ask(of(engine))
    assert len(squatter.heard) == 1
    assert engine.secret not in squatter.text
    assert PRIVATE not in squatter.text


def test_a_proof_of_another_port_is_none(port: int) -> None:
    real = free_port()
    other = lifeline.spawn(("tests.fakes.tiny_engine", str(real)), subprocess.DEVNULL, ENGINE_API_KEY="ours")
    wait_until_answers(f"http://127.0.0.1:{real}/v1/models")
    with squatting(port, passes_to=real) as squatter, pytest.raises(Unreachable, match="does not know the key"):
        by_post(of(EmbeddedEngine("127.0.0.1", port, "ours")))
    assert squatter.heard
    assert PRIVATE not in squatter.text
    lifeline.release(other, 5)


@pytest.mark.parametrize("ask", [by_post, by_sdk, by_open])
def test_a_program_that_says_nothing_is_waited_for_no_longer_than_a_call(
    port: int, ask: Callable[[Upstream], Any]
) -> None:
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ApiError) as refused:
        ask(of(EmbeddedEngine("127.0.0.1", port), read=0.2))
    assert refused.value.status in (502, 504)


def of(engine: EmbeddedEngine, read: float = 5.0) -> Upstream:
    return Upstream(Address(engine.base_url, engine.secret, read=read, whole=read, prove=engine.demand_proof))
