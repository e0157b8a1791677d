"""Direct preference optimisation against its paper's formula, worked out by hand from plain logits in float32."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.trainer import lora, preference, steps
from engine.trainer.base_model import load_model
from engine.trainer.crew import Crew
from engine.trainer.data import Example
from engine.trainer.errors import InvalidTrainingFile
from engine.trainer.preference import Pair, Preference
from tests.engine.trainer.conftest import PAIRS, pair, write_rows

BETA = 0.3
ROOT = Path(__file__).resolve().parents[3]


def log_prob(model: Any, example: Example) -> torch.Tensor:
    """The sum over the answer's tokens of the log of a softmax of the logits before each."""
    logits = model(input_ids=torch.tensor([example.ids])).logits[0].double()
    chances = logits.exp() / logits.exp().sum(-1, keepdim=True)
    places = [place for place, trained in enumerate(example.trained) if trained]
    return torch.stack([chances[place - 1, example.ids[place]].log() for place in places]).sum()


def equation_7(model: Any, pairs: list[Pair], beta: float) -> torch.Tensor:
    """Rafailov et al. 2023, equation 7, with the model without its adapter for the reference."""
    losses = []
    for one in pairs:
        with model.disable_adapter(), torch.no_grad():
            reference = [log_prob(model, one.preferred), log_prob(model, one.other)]
        ratios = [log_prob(model, one.preferred) - reference[0], log_prob(model, one.other) - reference[1]]
        losses.append(-(1 / (1 + (-beta * ratios[0] + beta * ratios[1]).exp())).log())
    return torch.stack(losses).mean()


@pytest.fixture
def fresh(tiny_gguf: Path) -> Any:
    return lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)


@pytest.fixture
def pairs(tokenizer: Any, fresh: Any, tmp_path: Path) -> list[Pair]:
    """Pairs that know what the fresh model, which is the base's equal, thinks of them."""
    loaded = preference.load(write_rows(tmp_path / "pairs.jsonl", PAIRS), tokenizer, 256)
    [known] = preference.refer_all(Preference(fresh, 0, BETA), [loaded], tmp_path / "reference.json", Crew(1, 1))
    return known.examples


def moved(model: Any) -> Any:
    """A model whose adapter is not its reference's any more."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.02)
    return model


def test_the_loss_is_equation_7_of_the_paper(fresh: Any, pairs: list[Pair]) -> None:
    assert Preference(fresh, 0, BETA).loss(pairs)[1].loss == pytest.approx(math.log(2), rel=1e-6)
    model = moved(fresh)
    expected = float(equation_7(model, pairs, BETA))
    assert abs(expected - math.log(2)) > 0.01, "it would show nothing"
    loss, score = Preference(model, 0, BETA).loss(pairs)
    assert float(loss.detach()) == score.loss == pytest.approx(expected, rel=1e-4)
    assert score.weight == len(pairs)


def test_the_loss_of_known_numbers_is_what_a_pocket_calculator_says(
    fresh: Any, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Margins of 0.1 (2 + 1) = 0.3 and 0.1 (-1 - 0.5) = -0.15: -ln of sigmoids 0.574443 and 0.462570."""
    said = torch.tensor([-8.0, -11.0]), torch.tensor([-15.0, -4.5]), 0.5
    monkeypatch.setattr(Preference, "_log_probs", lambda *_: said)
    two = [Pair(pairs[0].preferred, pairs[0].other, one) for one in ((-10.0, -14.0), (-10.0, -5.0))]
    _, score = Preference(fresh, 0, beta=0.1).loss(two)
    assert score.loss == pytest.approx((0.554355 + 0.770957) / 2, abs=1e-6)
    assert score.also == pytest.approx({"reward_accuracy": 0.5, "reward_margin": 0.075})


def test_its_gradient_is_that_of_the_formula(fresh: Any, pairs: list[Pair]) -> None:
    model = moved(fresh)
    weights = lora.trainable(model)
    expected = torch.autograd.grad(equation_7(model, pairs, BETA), weights)
    found = torch.autograd.grad(Preference(model, 0, BETA).loss(pairs)[0], weights)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-3)


def test_its_losses_are_those_of_trl_on_the_same_pairs(tiny_gguf: Path) -> None:
    """Those of TRL are kept as `python -m bench.dpo` measured them, which needs TRL and measures them anew."""
    told = json.loads((Path(__file__).parent / "dpo_by_trl.json").read_text(encoding="utf-8"))
    asked = [*told["arguments"], "--base", str(tiny_gguf), "--contestant", "ours"]
    said = subprocess.check_output([sys.executable, "-m", "bench.dpo", *asked], cwd=ROOT, text=True, timeout=300)
    ours = json.loads(said.splitlines()[-1])
    assert told["losses"][0] > 3 * told["losses"][-1], "the curve is to go down"
    assert ours["losses"] == pytest.approx(told["losses"], rel=0.02)
    assert ours["margins"] == pytest.approx(told["margins"], rel=0.02, abs=0.002)


def test_training_moves_every_preference_and_leaves_the_reference_alone(fresh: Any, pairs: list[Pair]) -> None:
    objective, optimizer = Preference(fresh, 0, BETA), steps.new_optimizer(fresh)
    scores = [steps.train_step(objective, optimizer, 3e-3, pairs, Crew(1, 1)) for _ in range(15)]
    assert scores[0].loss == pytest.approx(math.log(2), rel=1e-6)
    assert scores[-1].loss < 0.2
    assert scores[-1].also["reward_accuracy"] == 1
    assert scores[-1].also["reward_margin"] > 1
    for one in pairs:
        before = one.reference[0] - one.reference[1]
        assert float(log_prob(fresh, one.preferred) - log_prob(fresh, one.other)) > before + 1
        with fresh.disable_adapter():
            assert float(log_prob(fresh, one.preferred)) == pytest.approx(one.reference[0], rel=1e-5)


def test_a_model_trained_further_is_its_own_reference(
    fresh: Any, pairs: list[Pair], tiny_gguf: Path, tmp_path: Path
) -> None:
    lora.save(moved(fresh), tmp_path / "adapter", "tiny")
    further = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), tmp_path / "adapter", seed=1)
    found = Preference(further, 0, BETA).refer(pairs, Crew(1, 1))
    assert found[0][0] == pytest.approx(float(log_prob(further, pairs[0].preferred)), rel=1e-4)
    assert abs(found[0][0] - pairs[0].reference[0]) > 0.01


def test_a_step_shared_among_threads_is_the_step_of_one(tiny_gguf: Path, pairs: list[Pair]) -> None:
    scores = []
    for threads in (1, 3):
        model = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)
        objective, optimizer = Preference(model, 0, BETA), steps.new_optimizer(model)
        taken = [steps.train_step(objective, optimizer, 1e-3, pairs, Crew(threads, 4)) for _ in range(3)]
        scores.append([number for one in taken for number in (one.loss, one.also["reward_margin"])])
    assert scores[1] == pytest.approx(scores[0], rel=1e-4, abs=1e-6)


def test_the_reference_is_computed_once(fresh: Any, pairs: list[Pair], tokenizer: Any, tmp_path: Path) -> None:
    loaded = preference.load(write_rows(tmp_path / "again.jsonl", PAIRS), tokenizer, 256)
    objective = Preference(moved(fresh), 0, BETA)
    [known] = preference.refer_all(objective, [loaded], tmp_path / "reference.json", Crew(1, 1))
    assert known.examples == pairs


def test_only_the_two_answers_are_compared(tokenizer: Any, tmp_path: Path) -> None:
    talk = [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Earlier."},
        {"role": "user", "content": "Two?"},
    ]
    row = {
        "input": {"messages": talk},
        "preferred_completion": [{"role": "assistant", "content": "Yes."}],
        "non_preferred_completion": [{"role": "assistant", "content": "No!!"}],
    }
    [one] = preference.load(write_rows(tmp_path / "a.jsonl", [row]), tokenizer, 256).examples
    for side, answer in ((one.preferred, "Yes."), (one.other, "No!!")):
        taught = [token for token, trained in zip(side.ids, side.trained, strict=True) if trained]
        assert tokenizer.decode(taught) == f"{answer}<|im_end|>"
        assert len(side.messages) == 3
    assert one.preferred.prompt == one.other.prompt
    assert len(one) == len(one.preferred.ids) + len(one.other.ids)


def test_a_pair_without_an_answer_within_the_limit_is_left_out(tokenizer: Any, tmp_path: Path) -> None:
    rows = [pair("Short?", "Yes.", "No."), pair("Long" * 30, "Yes.", "No."), pair("Cut?", "Y" * 80, "No.")]
    loaded = preference.load(write_rows(tmp_path / "a.jsonl", rows), tokenizer, 64)
    assert (len(loaded.examples), loaded.truncated, loaded.left_out) == (2, 2, 1)
    assert len(loaded.examples[1].preferred) == 64
    assert loaded.tokens == sum(len(one.preferred) + len(one.other) for one in loaded.examples)
    with pytest.raises(InvalidTrainingFile, match="No line has two answers"):
        preference.load(write_rows(tmp_path / "b.jsonl", rows[1:2]), tokenizer, 64)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"input": {}}, "no input with a list of messages"),
        ({"preferred_output": []}, "no preferred_output with one message"),
        ({"non_preferred_output": "No."}, "no non_preferred_output with one message"),
        ({"preferred_output": [{"role": "user", "content": "x"}]}, "no assistant's message in preferred_output"),
    ],
)
def test_what_is_no_pair_is_said_with_its_line(
    fields: dict[str, Any], words: str, tokenizer: Any, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "a.jsonl", [PAIRS[0], {**PAIRS[0], **fields}])
    with pytest.raises(InvalidTrainingFile, match=f"Line 2 has {words}"):
        preference.load(path, tokenizer, 256)
