"""A client whose environment cannot be made is a failure that says so, never a pass and never a silence."""

from pathlib import Path

import pytest

from tests.contract.clients import environments
from tests.contract.clients.catalogue import CLIENTS
from tests.contract.clients.environments import NotDriven, interpreter

OPENAI_1 = next(client for client in CLIENTS if client.name == "openai-1")


@pytest.mark.installs
def test_without_a_package_index_it_is_said_that_the_client_was_not_driven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(NotDriven, match=r"openai-1 WAS NOT DRIVEN.* this needs a package index"):
        interpreter(OPENAI_1)
    assert not list(tmp_path.rglob("made-from"))  # half of an environment is not taken for one the next time
