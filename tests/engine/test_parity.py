"""Train = serve, shown with adapters of known strength: the right export passes, each way to get it wrong fails."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine.parity import DRIFT_TOLERANCE, TIE_TOLERANCE, Position, compare, judge
from engine.serving.process import ServedModel, StartFailed
from engine.trainer import export, lora
from tests.engine.trained import SETTINGS, Trained, make


@pytest.fixture(scope="module")
def tiny(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return make(tiny_gguf, tmp_path_factory.mktemp("tiny"), strength=0.1)


@pytest.fixture(scope="module")
def real(base_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return make(base_gguf, tmp_path_factory.mktemp("real"), strength=0.06)


@pytest.fixture(params=["tiny", "real"])
def trained(request: pytest.FixtureRequest) -> Trained:
    found: Trained = request.getfixturevalue(request.param)
    return found


def test_the_right_adapter_passes_with_room_to_spare(trained: Trained) -> None:
    verdict = trained.verdict(trained.served())
    assert verdict.same, verdict.message
    assert verdict.figures["mean_drift"] < DRIFT_TOLERANCE / 1.5
    assert verdict.figures["tokens"] > 4


WRONG: dict[str, Callable[[Trained], ServedModel]] = {
    "not loaded": lambda trained: ServedModel("tuned", trained.base),
    "four times too strong": lambda trained: trained.served(alpha=4 * lora.ALPHA),
    "four times too weak": lambda trained: trained.served(alpha=lora.ALPHA / 4),
    "a layer missing": lambda trained: trained.served(
        {name: weight for name, weight in trained.weights.items() if ".layers.1." not in name}
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_adapter_fails(wrong: Callable[[Trained], ServedModel], tiny: Trained) -> None:
    verdict = tiny.verdict(wrong(tiny))
    assert not verdict.same, verdict.message
    assert "does not answer as trained" in verdict.message


def test_rows_left_in_torchs_order_fail(tiny: Trained) -> None:
    swapped = {
        name: torch.from_numpy(export.rows_as_llama_cpp_has_them(weight.numpy(), name.split(".lora_")[0], tiny.config))
        if ".lora_B." in name
        else weight
        for name, weight in tiny.weights.items()
    }
    assert not tiny.verdict(tiny.served(swapped)).same


@pytest.mark.parametrize("wrong", ["not loaded", "four times too strong", "four times too weak"])
def test_a_wrong_adapter_fails_on_the_real_base_model_too(wrong: str, real: Trained) -> None:
    assert not real.verdict(WRONG[wrong](real)).same


def test_a_prompt_that_is_read_differently_fails_and_says_where(tiny: Trained) -> None:
    document = json.loads((tiny.folder / "parity.json").read_text())
    document["rows"][0]["prompt_ids"][5] += 1
    other = tiny.folder / "other.json"
    other.write_text(json.dumps(document))
    verdict = compare(tiny.served(), other, SETTINGS)
    assert not verdict.same
    assert "differ from place 5 on" in verdict.message


def test_an_adapter_that_cannot_be_loaded_proves_nothing_and_says_why(tiny: Trained) -> None:
    broken = tiny.folder / "broken.gguf"
    broken.write_bytes(b"nonsense")
    with pytest.raises(StartFailed, match=r"broken\.gguf"):
        tiny.verdict(ServedModel("tuned", tiny.base, broken))


def test_a_near_tie_is_no_difference_but_a_clear_preference_is() -> None:
    tie = Position(same_choice=False, gap=TIE_TOLERANCE, drift=0.1)
    preference = Position(same_choice=False, gap=TIE_TOLERANCE + 0.01, drift=0.1)
    agreed = Position(same_choice=True, gap=0, drift=0.1)
    assert judge([agreed, tie]).same
    assert not judge([agreed, preference]).same


def test_drift_counts_on_the_whole() -> None:
    quiet, loud = Position(True, 0, 0.0), Position(True, 0, 2.1 * DRIFT_TOLERANCE)
    assert judge([quiet, quiet, loud]).same
    assert not judge([quiet, loud]).same


def test_nothing_compared_proves_nothing() -> None:
    assert not judge([]).same
