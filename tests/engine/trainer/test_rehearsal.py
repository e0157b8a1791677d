"""What a job rehearses beside its rows: how far the model has gone from what it was, and that it stays nearer."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.trainer import lora, rehearsal, steps
from engine.trainer.base_model import load_model
from engine.trainer.crew import Crew
from engine.trainer.loop import train
from engine.trainer.progress import Progress
from engine.trainer.rehearsal import Divergence, Rehearsal
from engine.trainer.spec import read_spec
from engine.trainer.steps import Supervised
from tests.engine.trainer.conftest import PAIRS, write_job


@pytest.fixture
def objective(tiny_gguf: Path) -> Supervised:
    return Supervised(lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1), pad_id=0)


@pytest.fixture
def rehearsed(objective: Supervised, tokenizer: Any) -> Rehearsal:
    return rehearsal.prepare(objective, tokenizer, 256, Crew(1, 2))


def test_the_divergence_and_its_gradient_are_those_of_pytorch() -> None:
    torch.manual_seed(0)
    head, before = torch.randn(50, 8), torch.randn(6, 8)
    found, gradients = [], []
    for ours in (True, False):
        hidden = torch.randn(6, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
        if ours:
            loss = Divergence.apply(hidden, before, head).mean()  # type: ignore[no-untyped-call]
        else:
            now, then = ((one @ head.T).log_softmax(-1) for one in (hidden, before))
            loss = torch.nn.functional.kl_div(now, then, reduction="none", log_target=True).sum(-1).mean()
        found.append(loss.detach())
        gradients.append(torch.autograd.grad(loss * 3, hidden)[0])
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_a_model_that_has_not_moved_is_told_nothing(objective: Supervised, rehearsed: Rehearsal) -> None:
    for loss in rehearsed.losses(1):
        found = loss()
        assert float(found.detach()) == pytest.approx(0, abs=1e-6)
        assert all(float(one.abs().max()) < 1e-6 for one in torch.autograd.grad(found, lora.trainable(objective.model)))


def test_its_rows_come_in_turn_and_all_of_them(rehearsed: Rehearsal) -> None:
    count = len(rehearsed.examples)
    assert count == len(rehearsal.FILE.read_text().splitlines())
    turns = [loss.args[0] for step in range(1, count + 1) for loss in rehearsed.losses(step)]  # type: ignore[attr-defined]
    assert turns == [*range(count)] * rehearsal.ROWS


def test_rows_that_the_model_has_no_room_for_are_left_out(objective: Supervised, tokenizer: Any) -> None:
    nothing = rehearsal.prepare(objective, tokenizer, 2, Crew(1, 2))
    assert (nothing.losses(1), nothing.tokens(9), nothing.in_words()) == ([], 0, "")


def test_a_question_that_the_job_teaches_is_not_rehearsed(
    objective: Supervised, rehearsed: Rehearsal, tokenizer: Any
) -> None:
    taught = {rehearsed.examples[3].prompt}
    without = rehearsal.prepare(objective, tokenizer, 256, Crew(1, 2), taught)
    assert without.examples == [*rehearsed.examples[:3], *rehearsed.examples[4:]]


def test_what_is_rehearsed_stays_nearer_to_what_it_was(tiny_gguf: Path, tokenizer: Any) -> None:
    assert _gone(tiny_gguf, tokenizer, rehearses=True) < 0.5 * _gone(tiny_gguf, tokenizer, rehearses=False)


def _gone(base: Path, tokenizer: Any, rehearses: bool) -> float:
    """How far a model is from what it was, in nats a token, after a few steps on rows of its own."""
    objective = Supervised(lora.attach(load_model(base, torch.float32, "sdpa"), None, seed=1), pad_id=0)
    crew, optimizer = Crew(1, 2), steps.new_optimizer(objective.model)
    rehearsed = rehearsal.prepare(objective, tokenizer, 256, crew)
    batch = [rehearsed.examples[0]]  # any rows: their ids are learned
    for step in range(1, 31):
        steps.train_step(objective, optimizer, 0.01, batch, crew, rehearsed.losses(step) if rehearses else ())
    everything = [
        loss for step in range(1, len(rehearsed.examples) // rehearsal.ROWS + 1) for loss in rehearsed.losses(step)
    ]
    with torch.no_grad():
        return sum(float(loss()) for loss in everything[1:])


def _train(job: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    said = io.StringIO()
    train(read_spec(job), job, Progress(said))
    return [json.loads(line) for line in said.getvalue().splitlines()], json.loads((job / "result.json").read_text())


def test_the_job_says_so_and_counts_its_own_rows_alone(tiny_gguf: Path, tmp_path: Path) -> None:
    alone, beside = (
        _train(write_job(tmp_path / name, tiny_gguf, rehearses=rehearses))
        for name, rehearses in (("alone", False), ("beside", True))
    )
    assert "general questions are rehearsed in each step" in beside[0][0]["message"]
    assert "rehearsed" not in alone[0][0]["message"]
    assert beside[1]["trained_tokens"] == alone[1]["trained_tokens"]
    foreseen = [next(one for one in run[0] if one["kind"] == "preflight")["tokens"] for run in (alone, beside)]
    assert foreseen[0] == alone[1]["trained_tokens"] < foreseen[1]


def test_pairs_have_a_reference_and_rehearse_nothing(tiny_gguf: Path, tmp_path: Path) -> None:
    said, _ = _train(write_job(tmp_path / "job", tiny_gguf, PAIRS, method="dpo", rehearses=True))
    assert "rehearsed" not in said[0]["message"]
