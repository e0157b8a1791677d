"""Loss, gradients and steps, compared with the plain way of computing them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.trainer import likelihood, lora, steps
from engine.trainer.base_model import load_model
from engine.trainer.crew import Crew
from engine.trainer.data import Example, encode
from engine.trainer.errors import TrainingDiverged
from engine.trainer.steps import Supervised
from tests.engine.trainer.conftest import chat


@pytest.fixture
def model(tiny_gguf: Path) -> Any:
    return lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)


@pytest.fixture
def examples(tokenizer: Any) -> list[Example]:
    return [encode(chat("Where?", answer), tokenizer, 1)[0] for answer in ("Here.", "Not here, but over there.")]


def test_the_loss_is_the_cross_entropy_of_the_trained_tokens_alone(model: Any, examples: list[Example]) -> None:
    losses, right = [], []
    for example in examples:
        logits = model(input_ids=torch.tensor([example.ids])).logits[0]
        for position in range(1, len(example)):
            if example.trained[position]:
                wanted = torch.tensor(example.ids[position])
                losses.append(torch.nn.functional.cross_entropy(logits[position - 1], wanted))
                right.append(bool(logits[position - 1].argmax() == wanted))
    loss, score = Supervised(model, pad_id=0).loss(examples)
    torch.testing.assert_close(loss, torch.stack(losses).mean())
    assert score.weight == len(losses) == Supervised(model, 0).weight(examples)
    assert score.accuracy == pytest.approx(sum(right) / len(right))


def test_its_gradient_is_that_of_plain_cross_entropy_in_chunks_or_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    head, targets = torch.randn(50, 8), torch.randint(50, (23,))
    gradients = []
    for chunk in (None, 7, 100):
        hidden = torch.randn(23, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
        if chunk is None:
            loss = torch.nn.functional.cross_entropy(hidden @ head.T, targets)
        else:
            monkeypatch.setattr(likelihood, "CHUNK", chunk)
            loss = -likelihood.token_log_probs(hidden, head, targets)[0].mean()
        (loss * 3).backward()  # type: ignore[no-untyped-call]
        gradients.append(hidden.grad)
    torch.testing.assert_close(gradients[1], gradients[0])
    torch.testing.assert_close(gradients[2], gradients[0])


def test_padding_changes_nothing(model: Any, examples: list[Example]) -> None:
    together = steps.evaluate(Supervised(model, 0), [examples], Crew(1, 1))
    apart = steps.evaluate(Supervised(model, 5), [[example] for example in examples], Crew(2, 2))
    assert together.loss == pytest.approx(apart.loss, rel=1e-5)
    assert together.accuracy == pytest.approx(apart.accuracy)
    assert together.weight == apart.weight


def test_steps_lower_the_loss_and_leave_the_base_alone(model: Any, examples: list[Example]) -> None:
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    optimizer = torch.optim.AdamW(lora.trainable(model), weight_decay=0.0)
    losses = [steps.train_step(Supervised(model, 0), optimizer, 1e-2, examples, Crew(1, 1)).loss for _ in range(20)]
    assert losses[-1] < losses[0] / 2
    assert lora.movement(model) > 0
    for name, parameter in model.named_parameters():
        assert name not in frozen or torch.equal(parameter, frozen[name])


def test_a_loss_that_is_no_number_stops_the_run(model: Any, examples: list[Example]) -> None:
    optimizer = torch.optim.AdamW(lora.trainable(model))
    torch.nn.init.constant_(lora.trainable(model)[0], float("nan"))
    with pytest.raises(TrainingDiverged, match="no longer a finite number"):
        steps.train_step(Supervised(model, 0), optimizer, 1e-3, examples, Crew(1, 1))
    with pytest.raises(TrainingDiverged, match="no longer a finite number"):
        steps.evaluate(Supervised(model, 0), [examples], Crew(1, 1))


def test_bfloat16_weights_train_a_float32_adapter(tiny_gguf: Path, examples: list[Example]) -> None:
    exact, coarse = (
        lora.attach(load_model(tiny_gguf, dtype, kind), None, seed=1)
        for dtype, kind in ((torch.float32, "sdpa"), (torch.bfloat16, "eager"))
    )
    losses = []
    for model in (exact, coarse):
        assert all(p.dtype == torch.float32 for p in lora.trainable(model))
        optimizer = torch.optim.AdamW(lora.trainable(model), weight_decay=0.0)
        losses.append(
            [steps.train_step(Supervised(model, 0), optimizer, 3e-3, examples, Crew(1, 1)).loss for _ in range(10)]
        )
    assert losses[1] == pytest.approx(losses[0], rel=0.03)


def test_a_shared_step_is_the_step_of_one(tiny_gguf: Path, tokenizer: Any) -> None:
    batch = [encode(chat("Where?", "Here." * n), tokenizer, 1)[0] for n in (1, 2, 3, 4, 5)]
    scores, adapters = [], []
    for threads in (1, 2, 3, 8):
        model = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)
        optimizer, crew = steps.new_optimizer(model), Crew(threads, batch_size=5)
        scores.append([steps.train_step(Supervised(model, 0), optimizer, 1e-3, batch, crew).loss for _ in range(3)])
        adapters.append(lora.trainable(model))
    for score, adapter in zip(scores[1:], adapters[1:], strict=True):
        assert score == pytest.approx(scores[0], rel=1e-5)
        torch.testing.assert_close(adapter, adapters[0], atol=1e-4, rtol=0)
