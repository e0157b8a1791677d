"""Fixtures that every suite may use: the real base model, and nothing that stands in for one of our own parts."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def base_gguf() -> Path:
    """The default base model's GGUF; fetched once into the project's data folder if it is not there yet."""
    named = os.environ.get("TUNE9527_TEST_GGUF")
    if named:
        return Path(named)
    from engine.catalogue import default_catalogue, fetch

    return fetch(default_catalogue()["smollm2-135m-instruct"], Path("data") / "models")
