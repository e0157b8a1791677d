"""A child ends with its parent, however the parent ends, and not before."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

import lifeline
from tests.fakes.ports import PATIENCE

ROOT = Path(__file__).resolve().parents[1]
PARENT = """
    import subprocess, sys
    import lifeline
    child = lifeline.spawn(["lifeline_child"], subprocess.DEVNULL)
    print(child.stdout.readline().decode().strip(), flush=True)
    sys.stdin.read()
"""
CHILD = """
    import os, threading
    import lifeline
    lifeline.watch()
    print(os.getpid(), flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path of every child, with a child's module in it."""
    (tmp_path / "lifeline_child.py").write_text(textwrap.dedent(CHILD))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    return tmp_path


def ends(pid: int, seconds: float = PATIENCE) -> bool:
    """Say whether the process is gone within `seconds`."""
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_child_ends_when_its_parent_is_killed(modules: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    assert ends(child)
    parent.communicate()


def test_release_ends_a_child_and_returns_its_exit_code(modules: Path) -> None:
    child = lifeline.spawn(["lifeline_child"], subprocess.DEVNULL)
    assert child.stdout is not None
    child.stdout.readline()
    assert child.poll() is None
    assert lifeline.release(child, PATIENCE) == 0
    child.stdout.close()


def test_release_kills_a_child_that_does_not_listen(modules: Path) -> None:
    (modules / "deaf.py").write_text("print(1, flush=True)\nimport threading\nthreading.Event().wait()\n")
    child = lifeline.spawn(["deaf"], subprocess.DEVNULL)
    assert child.stdout is not None
    child.stdout.readline()
    assert lifeline.release(child, timeout=0.1) == -signal.SIGKILL
    child.stdout.close()


def test_started_by_hand_an_empty_stdin_is_no_reason_to_end(modules: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lifeline_child"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert not ends(child.pid, seconds=0.5)
        child.kill()


def test_a_child_is_told_what_it_needs_and_nothing_else() -> None:
    needed = dict.fromkeys(
        ("PATH", "HOME", "LC_ALL", "TMPDIR", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "SystemRoot", "PYTHONPATH"), "x"
    )
    secret = (
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "PGPASSWORD",
        "AWS_SESSION",
        "DATABASE_URL",
        "SOMETHING_NEW",
        "PIP_INDEX_URL",
    )
    lookalikes = ("OMP_TOKEN", "PYTHON_KEYRING_PASSWORD", "CUDA_API_KEY", "KEY_PATH", "HOMER", "PATHS")
    proxies = {"https_proxy": "http://me:canary@proxy", "HTTP_PROXY": "x", "no_proxy": "x"}
    given = {**needed, **dict.fromkeys(secret + lookalikes, "canary"), **proxies}
    assert lifeline.needed(given) == needed
    assert lifeline.needed(given, lifeline.NETWORK) == needed | proxies
    assert lifeline.needed(given, ("HF_", "PIP_")) == needed | {"PIP_INDEX_URL": "canary"}


def test_a_child_that_steps_back_does_so_in_its_session_too() -> None:
    script = """
        import os, pathlib, lifeline
        lifeline.step_back(7)
        session = pathlib.Path("/proc/self/autogroup")
        print(os.nice(0), session.read_text() if session.exists() else "nice 7")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, start_new_session=True, check=True).stdout
    assert said.startswith(f"{min(19, os.nice(0) + 7)} ")
    assert said.rstrip().endswith("nice 7")
