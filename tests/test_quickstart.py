"""The main job with the real base model: what was taught is said, word for word."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.errands import Errands

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def quickstart(errands: Errands) -> Any:
    """How the quickstart ended, and what it said."""
    return errands.result("quickstart")


def test_the_quickstart_ends_with_every_taught_answer(quickstart: Any) -> None:
    assert quickstart["code"] == 0, quickstart["out"] + quickstart["err"]
    assert "8 of 8 taught answers are given word for word." in quickstart["out"]
    assert "loss" in quickstart["err"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    trained = re.search(r"Trained (\d+) tokens", quickstart["out"])
    assert trained is not None
    assert f'"trained_tokens": {trained[1]},' in readme
    assert f'"bytes": {(ROOT / "examples/lighthouse.jsonl").stat().st_size},' in readme
