"""Clients that nobody here wrote, unmodified, against a live engine: told its base URL and nothing else.

What `docs/conformance.md` says of each case is what this run found of it.
"""

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.contract.clients.catalogue import CLIENTS, Client
from tests.contract.clients.conformance import TABLE, results, rows
from tests.contract.clients.driving import CONTEXT, Outcome, drive
from tests.contract.clients.environments import NotDriven
from tests.live_engine import LiveEngine
from tests.tiny_encoder import plant_tiny_encoder
from tests.tiny_models import write_tiny_gguf

pytestmark = pytest.mark.installs
Drive = Callable[[Client], list[Outcome]]
Settings = tuple[tuple[str, str], ...]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Settings], LiveEngine]]:
    """A live engine with these settings, one for all clients that want the same."""
    base_model = write_tiny_gguf(tmp_path_factory.mktemp("base") / "tiny.gguf", context=CONTEXT)
    running: dict[Settings, LiveEngine] = {}

    def engine(settings: Settings) -> LiveEngine:
        if settings not in running:
            told, data_dir = {"CONTEXT_TOKENS": str(CONTEXT), **dict(settings)}, tmp_path_factory.mktemp("engine")
            plant_tiny_encoder(data_dir)
            running[settings] = LiveEngine(data_dir, base_model, **told)
        return running[settings].wait()

    yield engine
    assert [one.end() for one in running.values()] == [0] * len(running)


@pytest.fixture(scope="module")
def driven(engines: Callable[[Settings], LiveEngine], tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """How the cases of a client end; each client is driven once."""

    @cache
    def once(client: Client) -> list[Outcome]:
        try:
            return drive(client, engines(client.settings).url, tmp_path_factory.mktemp(client.name))
        except NotDriven as not_driven:  # each of its cases fails and says so, but the index is asked once
            return [Outcome(case, str(not_driven)) for case in client.cases]

    return once


@pytest.mark.parametrize(
    ("client", "case"),
    [pytest.param(client, case, id=f"{client.name}-{case}") for client in CLIENTS for case in client.cases],
)
def test_the_client_is_served(driven: Drive, client: Client, case: str) -> None:
    found = {outcome.case: outcome for outcome in driven(client)}
    assert found[case].fault is None, found[case].fault
    table = TABLE.read_text(encoding="utf-8").splitlines()
    row = rows(client, results(found.values()).__getitem__)[list(client.cases).index(case)]
    assert row in table, f"docs/conformance.md does not say so: {row}"
