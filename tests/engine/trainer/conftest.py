"""A tiny model, its tokenizer, and jobs on it, run in the real child process."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lifeline
from engine.trainer.__main__ import run
from engine.trainer.base_model import load_tokenizer
from engine.trainer.progress import Progress
from tests.tiny_models import write_tiny_gguf

Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def tokenizer(tiny_gguf: Path) -> Any:
    return load_tokenizer(tiny_gguf)


def chat(question: str, answer: str, **row: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        **row,
    }


ROWS = [chat(f"Say {word}.", f"{word}!") for word in ("one", "two", "three", "four", "five", "six")]


def pair(question: str, preferred: str, other: str) -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": question}]},
        "preferred_output": [{"role": "assistant", "content": preferred}],
        "non_preferred_output": [{"role": "assistant", "content": other}],
    }


PAIRS = [
    pair(f"Say {word}.", f"{word}!", f"I would rather not say {word}.") for word in ("one", "two", "three", "four")
]


def write_rows(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_job(folder: Path, base: Path, rows: Rows = ROWS, valid: Rows | None = None, **spec: Any) -> Path:
    folder.mkdir()
    hyperparameters = {"n_epochs": 4, "batch_size": 2, "learning_rate_multiplier": "auto"}
    document = {
        "job_id": "ftjob-test",
        "base": str(base),
        "init_adapter": None,
        "training_file": str(write_rows(folder / "training.jsonl", rows)),
        "validation_file": str(write_rows(folder / "validation.jsonl", valid)) if valid else None,
        "hyperparameters": hyperparameters | spec.pop("hyperparameters", {}),
        "seed": 11,
        "max_tokens": 256,
        "threads": 1,
    }
    (folder / "spec.json").write_text(json.dumps(document | spec), encoding="utf-8")
    return folder


def start(job: Path) -> subprocess.Popen[bytes]:
    with (job / "log").open("ab") as log:
        return lifeline.spawn(["engine.trainer", str(job)], log)


@pytest.fixture(scope="session")
def run_here() -> Callable[[Path], tuple[int, list[dict[str, Any]]]]:
    """Run a job to its end in this process, which has torch already: exit code and messages."""

    def here(job: Path) -> tuple[int, list[dict[str, Any]]]:
        said = io.StringIO()
        code = run(job, Progress(said))
        return code, [json.loads(line) for line in said.getvalue().splitlines()]

    return here


@pytest.fixture(scope="session")
def run_job() -> Callable[[Path], tuple[int, list[dict[str, Any]]]]:
    """Run a job to its end in the child process that it has for itself: exit code and messages."""

    def in_child(job: Path) -> tuple[int, list[dict[str, Any]]]:
        with start(job) as child:
            assert child.stdout is not None
            messages = [json.loads(line) for line in child.stdout]
            return child.wait(), messages

    return in_child
