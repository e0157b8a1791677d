"""What a run leaves out, it says at its end: nobody takes a run without PostgreSQL for one with it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import NAMES as BROWSERS

ROOT = Path(__file__).parents[1]
RUN = """
import os
import sys
import pytest
os.environ["PATH"] = {path!r}
import tests.fakes.postgres as postgres
postgres.binaries = lambda: None
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *{asked!r}]))
"""


def told_without(path: str, *asked: str) -> str:
    """What a run of the tests that are asked for tells, where only `path` has programs, and no PostgreSQL is."""
    run = [sys.executable, "-c", RUN.format(path=path, asked=asked)]
    return subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_a_run_without_postgresql_says_so_at_its_end() -> None:
    assert "DATABASE_URL was NOT tested" in told_without("", "tests/test_left_out.py", "-k", "nothing")


@pytest.mark.parametrize("more", [[], ["-n", "1"]], ids=["in one process", "in several"])
def test_a_run_without_a_program_names_what_it_did_not_try(more: list[str]) -> None:
    told = told_without("", "tests/test_long_forms.py", "-k", "acknowledged_is_on_disk", *more)
    assert "NOT run (1): Skipped: Debian's strace is not here" in told


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder of the few programs that `.ci/run` cannot do without; its `make` tells what it is asked."""
    for name in ("bash", "dirname", "ls", "id", "uname"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "make").write_text('#!/bin/sh\necho "make $*"\n', encoding="utf-8")
    (tmp_path / "make").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize(
    ("has", "settings", "goes_on"),
    [(False, {}, False), (False, {"WITHOUT_CHROMIUM": "1"}, True), (True, {}, True)],
    ids=["without", "told to", "with"],
)
def test_ci_goes_on_without_a_browser_only_if_told_to(
    bare: Path, browser: str, has: bool, settings: dict[str, str], goes_on: bool
) -> None:
    if has:
        (bare / browser).symlink_to("/bin/true")
    run = [str(bare / "bash"), str(ROOT / ".ci" / "run")]
    done = subprocess.run(run, env={"PATH": str(bare), **settings}, capture_output=True, text=True, check=False)
    assert (done.returncode == 0, "make test" in done.stdout) == (goes_on, goes_on), done.stderr
    assert ("There is no Chromium" in done.stderr) is not goes_on
