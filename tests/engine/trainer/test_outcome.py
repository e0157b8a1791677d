"""What counts as a training: told with both numbers, or refused with a code."""

import io
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.trainer import lora, precision
from engine.trainer.base_model import load_model
from engine.trainer.errors import LossIncreased, ModelUnchanged, TrainingError, WeightsUnmoved
from engine.trainer.loop import train
from engine.trainer.outcome import Figures, judge
from engine.trainer.progress import Progress
from engine.trainer.spec import read_spec
from tests.engine.trainer.conftest import PAIRS, write_job


def valid(*losses: float) -> list[dict[str, Any]]:
    return [{"step": 0}, *({"full_valid_loss": loss} for loss in losses)]


def steps(*losses: float) -> list[dict[str, Any]]:
    return [{"train_loss": loss} for loss in losses]


figures = partial(Figures, answers=3, changed=2, told_apart=True)


def test_a_loss_that_fell_is_told_with_both_numbers() -> None:
    told = judge(figures(2.5, 0.25, 3.0), [])
    assert told.level == "info"
    assert "2.5000 before the training and 0.2500 after" in told.message
    assert told.message.endswith("; 2 of 3 greedy answers to training prompts are not the base model's.")


def test_a_loss_that_fell_without_another_answer_is_a_warning() -> None:
    told = judge(figures(2.5, 2.4, 3.0, changed=0), [])
    assert told.level == "warn"
    assert told.message.endswith("; 0 of 3 greedy answers to training prompts are not the base model's.")


@pytest.mark.parametrize(
    ("last", "history", "why"),
    [
        (3.5, valid(2.0, 1.5), "the loss of the validation file fell from 2.0000 to 1.5000"),
        (
            2.51,
            steps(2.5, 3.5, 9.0, 1.0, 2.0),
            "the loss of the steps, on average of each half, fell from 3.0000 to 1.5000",
        ),
    ],
)
def test_a_loss_that_did_not_fall_is_a_warning_with_its_reason(
    last: float, history: list[dict[str, Any]], why: str
) -> None:
    told = judge(figures(2.5, last, 3.0), history)
    assert told.level == "warn"
    assert f"2.5000 before the training and {last:.4f} after" in told.message
    assert f"published all the same, for {why}; 2 of 3 greedy answers" in told.message


@pytest.mark.parametrize(
    ("found", "history", "error", "code"),
    [
        (figures(2.5, 2.0, 0.0), [], WeightsUnmoved, "weights_unmoved"),
        (figures(2.5, 2.0, float("nan")), [], WeightsUnmoved, "weights_unmoved"),
        (figures(2.5, 2.5 + 1e-7, 0.1), [], ModelUnchanged, "model_unchanged"),
        (figures(2.5, 2.0, 0.1, changed=0, told_apart=False), [], ModelUnchanged, "model_unchanged"),
        (figures(2.5, 2.61, 0.1), [], LossIncreased, "loss_increased"),
        (figures(2.5, 2.50001, 0.1), [], LossIncreased, "loss_increased"),
        (figures(2.5, 2.50001, 0.1), valid(2.0, 2.0), LossIncreased, "loss_increased"),
        (figures(2.5, 2.51, 0.1), steps(2.5), LossIncreased, "loss_increased"),
        (figures(2.5, 2.51, 0.1), steps(2.5, 2.4, 2.6, 2.5), LossIncreased, "loss_increased"),
        (figures(2.5, 2.61, 0.1), [*steps(9.0, 1.0), *valid(2.0, 2.1)], LossIncreased, "loss_increased"),
        (figures(2.5, 2.61, 0.1), valid(2.0), LossIncreased, "loss_increased"),
        (figures(2.5, 2.61, 0.1), valid(2.0, 2.1), LossIncreased, "loss_increased"),
    ],
)
def test_what_is_no_training_is_refused(
    found: Figures, history: list[dict[str, Any]], error: type[TrainingError], code: str
) -> None:
    with pytest.raises(error) as refused:
        judge(found, history)
    assert refused.value.code == code


EQUAL = [{**one, "non_preferred_output": one["preferred_output"]} for one in PAIRS]
SMALL = {"n_epochs": 1, "learning_rate_multiplier": 1e-12}
FAINT = {"n_epochs": 1, "learning_rate_multiplier": 3e-2}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"rows": EQUAL, "method": "dpo"}, ModelUnchanged),
        ({"hyperparameters": SMALL}, ModelUnchanged),
        ({"hyperparameters": FAINT}, ModelUnchanged),  # the loss falls, but not so far that an answer is another
        ({"hyperparameters": SMALL | {"learning_rate_multiplier": 1e-300}}, WeightsUnmoved),
    ],
)
def test_a_run_that_changed_nothing_publishes_nothing(
    fields: dict[str, Any], error: type[TrainingError], tiny_gguf: Path, tmp_path: Path
) -> None:
    job = write_job(tmp_path / "idle", tiny_gguf, **fields)
    with pytest.raises(error):
        train(read_spec(job), job, Progress(io.StringIO()))
    precision.use(precision.FP32)
    assert not (job / "result.json").exists()
    assert not (job / "adapter").exists()


def test_a_model_trained_further_has_moved_from_where_it_started(tiny_gguf: Path, tmp_path: Path) -> None:
    model = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)
    with torch.no_grad():
        for weight in lora.trainable(model):
            weight.add_(0.5)
    lora.save(model, tmp_path / "adapter", "tiny")
    again = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), tmp_path / "adapter", seed=1)
    assert lora.movement(again) > 1
    assert lora.movement(again, tmp_path / "adapter") == 0
    with torch.no_grad():
        lora.trainable(again)[1][0, 0] += 0.25
    assert lora.movement(again, tmp_path / "adapter") == pytest.approx(0.25)
