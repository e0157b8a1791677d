"""`python -m engine`: a file's tokens for people without the service, and starts that are refused."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import httpd
from config import EngineConfig
from engine import lock
from engine.__main__ import _Loader
from engine.store import MODELS, Store
from tests.fakes.bare_gguf import BARE

ROOT = Path(__file__).resolve().parents[2]
LINE = '{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "%s"}]}\n'


TUNED = "ft:tiny:personal::12345678"


def tokens(base: Path, *arguments: str, data_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
    return engine("tokens", *arguments, base=base, data_dir=data_dir)


def engine(*arguments: str, base: Path, data_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        env={**os.environ, "BASE_MODEL": str(base), "CONTEXT_TOKENS": "64", "DATA_DIR": str(data_dir or base.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_prints_what_training_on_the_file_counts(tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(LINE % "Yes." + LINE % ("z" * 80))
    store = Store(tmp_path / "engine.sqlite3")
    store.insert({MODELS: [{"id": TUNED, "job_id": "j", "base": "tiny", "created_at": 5, "adapter": "a.gguf"}]})
    store.close()
    done = tokens(tiny_gguf, str(tmp_path / "a.jsonl"), "--model", TUNED, data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "examples in the tokens of tiny: 2",
        "134 tokens, of which 86 are learned",
        "105 tokens in the longest example",
        "examples longer than the context of 64 tokens (CONTEXT_TOKENS): 1",
    ]


def test_what_cannot_be_counted_is_one_line_with_the_reason(tiny_gguf: Path, tmp_path: Path) -> None:
    absent = tokens(tiny_gguf, str(tmp_path / "absent.jsonl"))
    assert (absent.returncode, len(absent.stderr.splitlines())) == (1, 1)
    unknown = tokens(tiny_gguf, "a.jsonl", "--model", "no-such-model")
    assert unknown.returncode == 2
    assert "'no-such-model' is no base model" in unknown.stderr
    encoder = tokens(tiny_gguf, "a.jsonl", "--model", "all-minilm-l6-v2")
    assert (encoder.returncode, len(encoder.stderr.splitlines())) == (2, 1)
    assert "makes embeddings" in encoder.stderr
    (tmp_path / "b.jsonl").write_text("{}\n")
    broken = tokens(tiny_gguf, str(tmp_path / "b.jsonl"))
    assert (broken.returncode, broken.stderr) == (1, "engine: Line 1 has no list of messages.\n")


def test_an_ft_model_that_is_not_there_is_refused_and_nothing_is_made(tiny_gguf: Path, tmp_path: Path) -> None:
    gone = tokens(tiny_gguf, "a.jsonl", "--model", TUNED, data_dir=tmp_path / "none")
    assert (gone.returncode, len(gone.stderr.splitlines())) == (2, 1)
    assert f"'{TUNED}' is no model that was fine-tuned in DATA_DIR" in gone.stderr
    assert not (tmp_path / "none").exists()


def test_a_database_that_cannot_be_read_is_said_in_one_line(tiny_gguf: Path, tmp_path: Path) -> None:
    Store(tmp_path / "engine.sqlite3").close()
    holder = sqlite3.connect(tmp_path / "engine.sqlite3", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    locked = tokens(tiny_gguf, "a.jsonl", data_dir=tmp_path)
    holder.close()
    (tmp_path / "engine.sqlite3").write_bytes(b"no database at all" * 100)
    broken = tokens(tiny_gguf, "a.jsonl", data_dir=tmp_path)
    said = f"engine: the database in DATA_DIR ({tmp_path}) cannot be used: "
    assert (locked.returncode, locked.stderr) == (1, f"{said}database is locked.\n")
    assert (broken.returncode, broken.stderr) == (1, f"{said}file is not a database.\n")


def test_a_second_engine_in_one_folder_does_not_start(tiny_gguf: Path, tmp_path: Path) -> None:
    """Its loops would follow the same jobs: what they report to Weights & Biases carries no token of a claim."""
    with lock.hold(tmp_path, patience=0):
        second = engine("serve", base=tiny_gguf, data_dir=tmp_path)
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert second.stderr.startswith("engine: DATA_DIR cannot be used: ")
    assert list(tmp_path.glob("*.sqlite3")) == []


def test_a_database_of_a_newer_engine_stops_the_start_in_one_line(tiny_gguf: Path, tmp_path: Path) -> None:
    facts = tmp_path / "engine.sqlite3"
    Store(facts).close()
    connection = sqlite3.connect(facts)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    done = engine("serve", base=tiny_gguf, data_dir=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "version 9999" in done.stderr


def test_answers_that_nobody_reads_hold_no_thread_of_it_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its service may read for somebody who reads slowly, and ends that connection itself."""
    (tmp_path / "base.gguf").write_bytes(BARE)
    ends, unread = list[Callable[[], None]](), list[int]()
    monkeypatch.setattr(httpd, "at_stop", lambda call, after=0.0: ends.append(call))
    monkeypatch.setattr(httpd, "leave_who_does_not_read", unread.append)
    _Loader(EngineConfig(data_dir=tmp_path, base_model=str(tmp_path / "base.gguf")))()
    for end in ends:
        end()
    (seconds,) = unread
    assert seconds > httpd.UNREAD_SECONDS
