"""Clients that nobody here wrote, unmodified, against a live engine: told its base URL and nothing else."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.contract.clients.catalogue import CLIENTS, Client
from tests.contract.clients.driving import Outcome, drive
from tests.live_engine import LiveEngine

Drive = Callable[[Client], list[Outcome]]


@pytest.fixture(scope="module")
def driven(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drive]:
    """How the cases of a client end; each client is driven once, and all of them ask one engine."""
    engine = LiveEngine(tmp_path_factory.mktemp("engine"), tiny_gguf)

    @cache
    def once(client: Client) -> list[Outcome]:
        return drive(client, engine.wait().url, tmp_path_factory.mktemp(client.name))

    yield once
    assert engine.end() == 0


@pytest.mark.parametrize(
    ("client", "case"),
    [pytest.param(client, case, id=f"{client.name}-{case}") for client in CLIENTS for case in client.cases],
)
def test_the_client_is_served(driven: Drive, client: Client, case: str) -> None:
    [fault] = [outcome.fault for outcome in driven(client) if outcome.case == case]
    assert fault is None, fault
