"""What a run will need is foreseen rightly, and what cannot fit is refused with what would."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.trainer import lora, preflight, trial
from engine.trainer.base_model import count_weights, load_model
from engine.trainer.crew import Crew
from engine.trainer.data import Example, encode
from engine.trainer.errors import DiskFull, InsufficientMemory
from engine.trainer.loop import train
from engine.trainer.preference import Pair, Preference
from engine.trainer.preflight import MB, Needs, Plan, Room
from engine.trainer.progress import Progress
from engine.trainer.spec import read_spec
from engine.trainer.steps import Objective, Supervised
from tests.engine.trainer.cgroups import write_group
from tests.engine.trainer.conftest import PAIRS, ROWS, chat, write_job

PLENTY = Room(memory=10**12, disk=10**12)
PLAN = Plan(lengths=[100, 700, 400], batch_size=8, steps=30, tokens_per_epoch=1200, tokens=12_000)


@pytest.fixture
def model(tiny_gguf: Path) -> Any:
    return lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)


@pytest.fixture
def example(tokenizer: Any) -> Example:
    return encode(chat("Where?" * 20, "Here." * 20), tokenizer, 1)[0]


def objectives(model: Any, example: Example) -> list[tuple[Objective, Any]]:
    return [(Supervised(model, 0), example), (Preference(model, 0, 0.1), Pair(example, example))]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_short_trials_tell_what_long_rows_keep(attention: str, tiny_gguf: Path, example: Example) -> None:
    model = lora.attach(load_model(tiny_gguf, torch.float32, attention), None, seed=1)
    for objective, item in objectives(model, example):
        found = trial.try_out(objective, item, Crew(1, 1))
        assert found.tokens == [6, 12, 24]
        for tokens in (50, 200):
            really, _ = trial._there_and_back(objective, [objective.piece(item, tokens)], True)
            assert found.kept(tokens) == pytest.approx(really, rel=0.02)


def test_trials_leave_the_model_alone(model: Any, example: Example) -> None:
    before = [weight.detach().clone() for weight in model.parameters()]
    for objective, item in objectives(model, example):
        trial.try_out(objective, item, Crew(2, 2))
    for weight, was in zip(model.parameters(), before, strict=True):
        assert torch.equal(weight, was)
        assert weight.grad is None


def test_time_grows_with_tokens_and_with_steps() -> None:
    found = trial.Trial([6, 12, 24], [1, 2, 4], forward=[0.1, 0.2, 0.3], whole=0.9)
    # A step of 24 tokens takes 0.9 s, of which 0.2 / 0.3 grow with the tokens: 0.6 for 24 of them, and 0.3 a step.
    assert found.seconds(24, 1) == pytest.approx(0.9)
    assert found.seconds(240, 4) == pytest.approx(6.0 + 1.2)


def test_what_fits_is_let_through(model: Any, example: Example) -> None:
    told = preflight.foresee(preflight.probe(Supervised(model, 0), [example], Crew(1, 1)), PLAN, PLENTY)
    assert (told["tokens"], told["memory_free"], told["disk_free"]) == (12_000, 10**12, 10**12)
    assert told["memory"] > 8 * 700 * 1000
    assert told["disk"] == 15 * sum(4 * weight.numel() for weight in lora.trainable(model))
    assert told["seconds"] > 0
    assert told["message"].startswith(
        "Foreseen from three trial steps: 1,200 tokens an epoch and 12,000 in all, about "
    )


def test_the_sentence_is_plain() -> None:
    words = preflight.in_words(PLAN, Needs(1536 * MB, 120 * MB, 50.4), Room(3 * 1024 * MB, 54 * 1024 * MB))
    assert words == (
        "Foreseen from three trial steps: 1,200 tokens an epoch and 12,000 in all, about 50 s; 1.5 GB of memory beside "
        "the model (3.0 GB free) and 120 MB of disk (54.0 GB free)."
    )
    assert "about 5 min;" in preflight.in_words(PLAN, Needs(1, 1, 290), PLENTY)
    assert "about 2.5 h;" in preflight.in_words(PLAN, Needs(1, 1, 9000), PLENTY)


def memory(rows: int, tokens: int) -> float:
    """A megabyte for each token of each row."""
    return rows * tokens * MB


@pytest.mark.parametrize(
    ("free", "way_out"),
    [
        (5600 * MB - 1, "It would fit with a batch_size of 7."),
        (2000 * MB, "It would fit with a batch_size of 2."),
        (500 * MB, "It would fit with a batch_size of 1 and examples of at most 500 tokens (CONTEXT_TOKENS)."),
        (10, "Free memory, or use a smaller base model."),
    ],
)
def test_too_little_memory_is_refused_with_what_would_fit(free: int, way_out: str) -> None:
    needs = Needs(memory=5600 * MB, disk=0, seconds=1)
    preflight.check(needs, Room(5600 * MB, 10**12), PLAN, memory)
    with pytest.raises(InsufficientMemory) as refused:
        preflight.check(needs, Room(free, 10**12), PLAN, memory)
    assert refused.value.code == "insufficient_memory"
    assert str(refused.value).startswith("A step on 8 rows of up to 700 tokens would need 5.5 GB of memory")
    assert str(refused.value).endswith(way_out)


def test_too_little_disk_is_refused_with_what_is_to_be_freed() -> None:
    with pytest.raises(DiskFull) as refused:
        preflight.check(Needs(0, disk=300 * MB, seconds=1), Room(1, disk=200 * MB), PLAN, memory)
    assert refused.value.code == "disk_full"
    assert "needs 300 MB of disk for its checkpoints, but 200 MB are free" in str(refused.value)
    assert "Free 116 MB more" in str(refused.value)


def test_a_base_that_does_not_fit_is_refused_before_it_is_loaded(tiny_gguf: Path, model: Any) -> None:
    weights, largest = count_weights(tiny_gguf)
    base = model.get_base_model().state_dict()
    assert largest == max(weight.numel() for weight in base.values())
    assert weights == sum(
        weight.numel() for name, weight in base.items() if "lora_" not in name and "lm_head" not in name
    )
    preflight.check_base(tiny_gguf, torch.float32, 10**9)
    with pytest.raises(InsufficientMemory, match=r"tiny\.gguf takes \d MB of memory in training, but 0 MB are free"):
        preflight.check_base(tiny_gguf, torch.float32, 1000)


def test_a_containers_limit_counts_where_it_is_nearer(tmp_path: Path) -> None:
    machine = preflight.free_memory(tmp_path / "none")
    assert machine > 100 * MB
    write_group(tmp_path, "0::/", "sys/fs/cgroup", "1000000")
    assert preflight.free_memory(tmp_path) == 200_000
    write_group(tmp_path, "0::/", "sys/fs/cgroup", str(2**62))
    assert preflight.free_memory(tmp_path) == pytest.approx(machine, rel=0.5)


def test_a_run_foresees_before_its_first_step_and_not_again_when_resumed(tiny_gguf: Path, tmp_path: Path) -> None:
    job = write_job(tmp_path / "job", tiny_gguf, ROWS, hyperparameters={"n_epochs": 2})
    kinds = []
    for _ in range(2):
        said = io.StringIO()
        train(read_spec(job), job, Progress(said))
        kinds.append([json.loads(line)["kind"] for line in said.getvalue().splitlines()])
    assert kinds[0][:3] == ["plan", "preflight", "pace"]
    assert kinds[0].count("preflight") == 1
    assert "preflight" not in kinds[1]


def test_pairs_that_cannot_fit_are_refused_before_the_reference_reads_them(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "free_room", lambda _: Room(memory=1000, disk=10**12))
    job = write_job(tmp_path / "job", tiny_gguf, PAIRS, method="dpo")
    with pytest.raises(InsufficientMemory):
        train(read_spec(job), job, Progress(io.StringIO()))
    assert not (job / "reference.json").exists()


Tried = tuple[list[dict[str, Any]], str]


@pytest.fixture
def run_with(tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tried]:
    """Train ROWS in `tmp_path/job` where so much memory is free: what is said, and why it does not fit."""

    def run(memory: int, **hyperparameters: Any) -> Tried:
        monkeypatch.setattr(preflight, "free_room", lambda _: Room(memory, disk=10**12))
        job = write_job(tmp_path / "job", tiny_gguf, ROWS, hyperparameters=hyperparameters)
        said, fault = io.StringIO(), ""
        try:
            train(read_spec(job), job, Progress(said))
        except InsufficientMemory as error:
            fault = str(error)
        return [json.loads(line) for line in said.getvalue().splitlines()], fault

    return run


@pytest.fixture(scope="module")
def needed(tiny_gguf: Path, tokenizer: Any) -> dict[int, int]:
    """Bytes that a step on one row and on two of ROWS takes."""
    model = lora.attach(load_model(tiny_gguf, torch.float32, "sdpa"), None, seed=1)
    rows = [encode(row, tokenizer, 1)[0] for row in ROWS]
    forecast = preflight.probe(Supervised(model, 0), rows, Crew(1, 2))
    return {count: round(forecast.memory(count, max(map(len, rows)))) for count in (1, 2)}


def test_auto_takes_a_smaller_batch_where_its_own_does_not_fit(
    run_with: Callable[..., Tried], needed: dict[int, int], tmp_path: Path
) -> None:
    (plan, foreseen, *rest), fault = run_with((needed[1] + needed[2]) // 2, n_epochs=1, batch_size="auto")
    assert not fault
    assert (plan["kind"], plan["batch_size"], plan["total_steps"]) == ("plan", 1, len(ROWS))
    assert "a batch of 2, as it would be else, does not fit into the free memory" in plan["message"]
    assert foreseen["memory"] < foreseen["memory_free"]
    assert [one["step"] for one in rest if one["kind"] == "step"] == list(range(1, len(ROWS) + 1))
    assert json.loads((tmp_path / "job" / "result.json").read_text())["hyperparameters"]["batch_size"] == 1


@pytest.mark.parametrize(
    ("batch_size", "rows", "told"),
    [(2, 2, "with a batch_size of 1."), ("auto", 1, "tokens (CONTEXT_TOKENS).")],
    ids=["a batch that was asked for", "not even one row"],
)
def test_a_job_that_cannot_fit_ends_before_its_first_step(
    run_with: Callable[..., Tried], needed: dict[int, int], batch_size: Any, rows: int, told: str
) -> None:
    said, fault = run_with(needed[rows] - 4096, batch_size=batch_size)
    assert [one["kind"] for one in said] == ["plan"]
    assert fault.startswith(f"A step on {rows} row{'s' * (rows > 1)} of up to")
    assert fault.endswith(told)
