"""Files that are whole or absent, on a disk that writes and on one that does not."""

import errno
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from engine import durable
from engine.store import FILES, Store

ROOT = Path(__file__).resolve().parents[2]
FAILING = """
import os, pathlib, sys
from engine import durable
def fail(_):
    raise OSError(int(sys.argv[2]), "no")
os.fsync = fail
durable.write_text(pathlib.Path(sys.argv[1]), "new")
"""


def write_where_it_fails(path: Path, number: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", FAILING, str(path), str(number)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_process_whose_disk_fails_to_write_ends_and_what_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    durable.write_text(path, "old")
    done = write_where_it_fails(path, errno.EIO)
    assert done.returncode == 70
    assert "The disk of DATA_DIR has failed to write" in done.stderr
    assert path.read_text() == "old"


def test_a_full_disk_is_an_error_like_others(tmp_path: Path) -> None:
    done = write_where_it_fails(tmp_path / "a", errno.ENOSPC)
    assert (done.returncode, "OSError" in done.stderr) == (1, True)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("code", "ends"), [("SQLITE_IOERR_FSYNC", True), ("SQLITE_IOERR_READ", False)])
def test_a_commit_that_the_disk_fails_to_write_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, ends: bool
) -> None:
    store, ended = Store(tmp_path / "facts.sqlite3"), list[Exception]()
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = getattr(sqlite3, code)

    def commit(_: object) -> None:
        raise failure

    monkeypatch.setattr(durable, "end_without_disk", ended.append)
    monkeypatch.setattr(store._engine.dialect, "do_commit", commit)
    with pytest.raises(OperationalError):
        store.insert({FILES: []})
    assert ended == ([failure] if ends else [])
