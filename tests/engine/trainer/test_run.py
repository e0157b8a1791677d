"""The child process of one job, from spec.json to result.json."""

import csv
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from engine.trainer import checkpoints
from engine.trainer.__main__ import run
from engine.trainer.progress import Progress
from tests.engine.trainer.conftest import ROWS, chat, start, write_job
from tests.fakes.ports import PATIENCE

Outcome = tuple[int, list[dict[str, Any]]]
RunJob = Callable[[Path], Outcome]


# In the trainer, at its end: what it has loaded.
SITECUSTOMIZE = """
import atexit, pathlib, sys
if "engine.trainer" in sys.orig_argv:
    atexit.register(lambda: pathlib.Path(sys.orig_argv[-1], "modules").write_text(" ".join(sys.modules)))
"""


@pytest.fixture(scope="module")
def finished(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory, run_job: RunJob) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    job = write_job(folder / "job", tiny_gguf, valid=ROWS[:2])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(folder))
        patched.setenv("OMP_DISPLAY_ENV", "verbose")
        return job, run_job(job)


class Deadly(Progress):
    """Ends the run as it says a message of one kind, as a kill does."""

    def __init__(self, kind: str, at: int) -> None:
        super().__init__(io.StringIO())
        self._end = kind, at

    def send(self, kind: str, **fields: Any) -> None:
        if (kind, fields.get("step")) == self._end:
            raise KeyboardInterrupt
        super().send(kind, **fields)


def read(job: Path, name: str) -> Any:
    return json.loads((job / name).read_text(encoding="utf-8"))


def kinds(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message for message in messages if message["kind"] == kind]


def test_a_run_plans_steps_and_ends_with_done(finished: tuple[Path, Outcome]) -> None:
    _, (code, messages) = finished
    assert code == 0
    assert messages[0]["kind"] == "plan"
    assert messages[-1] == {"kind": "done"}
    (plan,) = kinds(messages, "plan")
    assert (plan["examples"], plan["n_epochs"], plan["batch_size"], plan["total_steps"]) == (6, 4, 2, 12)
    assert plan["resumed_from"] is None
    assert [step["step"] for step in kinds(messages, "step")] == list(range(1, 13))


def test_the_loss_falls_and_validation_is_reported_where_the_wire_has_it(
    finished: tuple[Path, Outcome],
) -> None:
    steps = kinds(finished[1][1], "step")
    assert steps[-1]["train_loss"] < steps[0]["train_loss"]
    assert [step["step"] for step in steps if "valid_loss" in step] == [10]
    assert [step["step"] for step in steps if "full_valid_loss" in step] == [3, 6, 9, 12]
    assert all(0 <= step["train_mean_token_accuracy"] <= 1 for step in steps)


def test_nothing_is_loaded_that_compiles_or_that_spreads_over_machines(finished: tuple[Path, Outcome]) -> None:
    loaded = set((finished[0] / "modules").read_text().split())
    assert {"torch.optim", "transformers.modeling_utils"} < loaded
    assert loaded & {"sympy", "torch._dynamo.convert_frame", "torch._inductor", "torch.distributed.tensor"} == set()


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP tells its settings")
def test_no_thread_spins_while_it_waits(finished: tuple[Path, Outcome]) -> None:
    assert "GOMP_SPINCOUNT = '0'" in (finished[0] / "log").read_text()


def test_a_checkpoint_follows_each_epoch_and_three_are_kept(finished: tuple[Path, Outcome]) -> None:
    job, (_, messages) = finished
    assert [c["path"] for c in kinds(messages, "checkpoint")] == [f"checkpoints/step-{n}" for n in (3, 6, 9, 12)]
    kept = sorted(folder.name for folder in (job / "checkpoints").iterdir())
    assert kept == ["step-12", "step-6", "step-9"]
    for name in kept:
        files = {path.name for path in (job / "checkpoints" / name).iterdir()}
        assert {"adapter_model.safetensors", "adapter_config.json", "adapter.gguf", "complete.json"} <= files
        assert ("optimizer.safetensors" in files) == (name == "step-12")
    assert [c["path"] for c in read(job, "result.json")["checkpoints"]] == [
        f"checkpoints/{n}" for n in ("step-6", "step-9", "step-12")
    ]


def test_the_result_counts_the_tokens_really_trained_on(finished: tuple[Path, Outcome], tokenizer: Any) -> None:
    job, (_, messages) = finished
    result = read(job, "result.json")
    template = tokenizer.apply_chat_template
    tokens = sum(len(template(row["messages"], tokenize=True, return_dict=False)) for row in ROWS)
    assert result["trained_tokens"] == 4 * tokens == 4 * messages[0]["tokens_per_epoch"]
    assert result["hyperparameters"] == {"n_epochs": 4, "batch_size": 2, "learning_rate_multiplier": 3.0}
    told = result["outcome"]
    assert told["level"] == "info"
    assert told["data"]["first_loss"] == kinds(messages, "step")[0]["train_loss"] > told["data"]["last_loss"] > 0
    assert result["weights_moved"] == told["data"]["weights_moved"] > 0


def test_the_result_file_has_a_row_per_step(finished: tuple[Path, Outcome]) -> None:
    job, (_, messages) = finished
    with (job / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "step",
        "train_loss",
        "train_accuracy",
        "valid_loss",
        "valid_mean_token_accuracy",
    ]
    assert [float(row["train_loss"]) for row in rows] == [round(s["train_loss"], 5) for s in kinds(messages, "step")]
    assert [bool(row["valid_loss"]) for row in rows] == [n == 10 for n in range(1, 13)]


def test_parity_holds_distinct_prompts_with_greedy_answers(finished: tuple[Path, Outcome], tokenizer: Any) -> None:
    job, _ = finished
    rows = read(job, "parity.json")["rows"]
    assert len({row["prompt"] for row in rows}) == 3
    for row in rows:
        assert row["prompt_ids"] == tokenizer(row["prompt"], add_special_tokens=False)["input_ids"]
        assert 1 <= len(row["answer_ids"]) <= 32
        assert row["answer_ids"] == [best[0][0] for best in row["alternatives"]]
        assert row["answer_logprobs"] == [best[0][1] for best in row["alternatives"]]
        assert row["messages"][-1]["role"] == "user"
        assert row["as_base"] is False  # a random model's


def test_a_run_killed_after_a_checkpoint_goes_on_to_the_same_end(
    finished: tuple[Path, Outcome], tiny_gguf: Path, tmp_path: Path, run_job: RunJob
) -> None:
    whole, _ = finished
    job = write_job(tmp_path / "killed", tiny_gguf, valid=ROWS[:2])
    shutil.copy(whole / "precision.json", job)  # measured anew, it could be another
    child = start(job)
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line)["kind"] == "checkpoint" and b'"epoch": 2' in line:
            os.kill(child.pid, signal.SIGKILL)
            break
    child.communicate()
    assert not (job / "result.json").exists()
    code, messages = run_job(job)
    assert code == 0
    assert messages[0]["resumed_from"] in (6, 9)  # one more epoch may have passed before the signal came
    # The steps that the checkpoint holds are told again: the engine may have died before it noted them.
    assert [step["step"] for step in kinds(messages, "step")] == list(range(1, 13))
    assert (job / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
    ours, theirs = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (job, whole))
    assert max(abs(ours[name] - theirs[name]).max() for name in theirs) < 1e-5
    assert read(job, "result.json")["trained_tokens"] == read(whole, "result.json")["trained_tokens"]


def test_a_run_killed_amid_an_epoch_goes_on_to_the_same_end(
    tiny_gguf: Path, tmp_path: Path, run_here: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = (write_job(tmp_path / name, tiny_gguf, hyperparameters={"n_epochs": 2}) for name in ("a", "b"))
    assert run_here(whole)[0] == 0
    shutil.copy(whole / "precision.json", killed)  # measured anew, it could be another
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    said = Deadly("saved", at=5)
    with pytest.raises(KeyboardInterrupt):
        run(killed, said)
    assert sorted(one.name for one in (killed / "checkpoints").iterdir()) == ["step-3", "step-5"]
    code, messages = run_here(killed)
    assert (code, messages[0]["resumed_from"]) == (0, 5)
    assert [step["step"] for step in kinds(messages, "step")] == list(range(1, 7))
    assert (killed / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
    ours, theirs = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (killed, whole))
    assert max(abs(ours[name] - theirs[name]).max() for name in theirs) < 1e-5
    assert [one["step"] for one in read(killed, "result.json")["checkpoints"]] == [3, 6]


def test_an_incomplete_checkpoint_is_not_gone_on_from(tiny_gguf: Path, tmp_path: Path, run_here: RunJob) -> None:
    job = write_job(tmp_path / "torn", tiny_gguf, hyperparameters={"n_epochs": 1})
    torn = job / "checkpoints" / "step-3"
    torn.mkdir(parents=True)
    (torn / "adapter_model.safetensors").write_bytes(b"half of it")
    code, messages = run_here(job)
    assert (code, messages[0]["resumed_from"]) == (0, None)


def test_a_run_goes_on_from_an_earlier_jobs_adapter(
    finished: tuple[Path, Outcome], tiny_gguf: Path, tmp_path: Path, run_here: RunJob
) -> None:
    earlier, (_, before) = finished
    job = write_job(
        tmp_path / "further",
        tiny_gguf,
        init_adapter=str(earlier / "adapter"),
        hyperparameters={"n_epochs": 1},
    )
    code, messages = run_here(job)
    assert code == 0
    assert kinds(messages, "step")[0]["train_loss"] < kinds(before, "step")[0]["train_loss"]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([chat("?", "!", tools=[{"type": "function", "function": {"name": "f"}}])], "invalid_training_file"),
        ([chat("a" * 500, "!")], "invalid_training_file"),
    ],
)
def test_what_cannot_be_trained_is_said_with_its_code(
    rows: list[dict[str, Any]], code: str, tiny_gguf: Path, tmp_path: Path, run_here: RunJob
) -> None:
    exit_code, messages = run_here(write_job(tmp_path / "bad", tiny_gguf, rows=rows))
    assert exit_code == 1
    assert [(m["kind"], m.get("code")) for m in messages] == [("error", code)]


def test_a_base_that_is_no_gguf_is_said(tmp_path: Path, run_here: RunJob) -> None:
    (tmp_path / "base.gguf").write_bytes(b"not a model at all, but long enough to be read")
    exit_code, messages = run_here(write_job(tmp_path / "bad", tmp_path / "base.gguf"))
    assert exit_code == 1
    assert messages[0]["code"] == "unsupported_base_model"


def test_a_rate_that_diverges_is_said(tiny_gguf: Path, tmp_path: Path, run_here: RunJob) -> None:
    wild = {"learning_rate_multiplier": 1e38, "n_epochs": 4}
    exit_code, messages = run_here(write_job(tmp_path / "wild", tiny_gguf, hyperparameters=wild))
    assert exit_code == 1
    assert (messages[-1]["kind"], messages[-1]["code"]) == ("error", "training_diverged")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX exit codes")
def test_the_trainer_ends_with_its_parent(tiny_gguf: Path, tmp_path: Path) -> None:
    child = start(write_job(tmp_path / "orphan", tiny_gguf, hyperparameters={"n_epochs": 5000}))
    assert child.stdin is not None
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["kind"] == "plan"
    child.stdin.close()
    child.wait(PATIENCE)
    assert not (tmp_path / "orphan" / "result.json").exists()
    child.stdout.close()
