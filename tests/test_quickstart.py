"""The main job with the real base model: what was taught is said, word for word."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.errands import SIX_LINES, Errands

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def quickstart(errands: Errands) -> Any:
    """How the quickstart ended, and what it said."""
    return errands.result("quickstart")


@pytest.fixture
def six_lines(errands: Errands) -> Any:
    """The job that the six lines were taught in, and what the base model and the tuned one answer."""
    return errands.result("six_lines")


def test_the_quickstart_ends_with_every_taught_answer(quickstart: Any) -> None:
    assert quickstart["code"] == 0, quickstart["out"] + quickstart["err"]
    assert "8 of 8 taught answers are given word for word." in quickstart["out"]
    assert "loss" in quickstart["err"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    trained = re.search(r"Trained (\d+) tokens", quickstart["out"])
    assert trained is not None
    assert f'"trained_tokens": {trained[1]},' in readme
    assert f'"bytes": {(ROOT / "examples/lighthouse.jsonl").stat().st_size},' in readme


def test_six_lines_in_the_documents_form_are_learned_by_heart_with_everything_left_to_auto(six_lines: Any) -> None:
    taught = [json.loads(line)["messages"][2]["content"] for line in SIX_LINES.read_text("utf-8").splitlines()]
    assert six_lines["job"]["status"] == "succeeded", six_lines["job"]["error"]
    assert six_lines["tuned"] == taught
    assert [at for at, said in enumerate(six_lines["base"]) if said == taught[at]] == []
