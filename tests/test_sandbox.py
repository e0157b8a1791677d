"""A child that was taken over finds nothing but its own files within its walls; without them it finds the rest."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import lifeline
import sandbox
from config import EngineConfig
from engine.app import create_engine
from engine.run import died_of
from tests.fakes import walls
from tests.fakes.ports import until

ROOT = Path(__file__).resolve().parents[1]
OF_ROOT = {"write to the system", "write to the root", "have rights"}
DEEDS = {
    *("read its own", "write its own", "change what it was given", "read another's", "list another's"),
    *("write to another's", "read beside our code", "see other processes", "read the parent's environment"),
    *("signal the parent", "reach a port", "reach an abstract socket", "reach a socket of another's"),
}
OWN = ["read its own", "write its own"]


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    """As it was before, afterwards."""
    yield
    sandbox.settle("auto")


@pytest.fixture
def told(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Where there is something to steal, to spoil and to reach."""
    own, others = tmp_path / "job", tmp_path / "data"
    for folder, name in ((own, "given"), (others, "secret")):
        folder.mkdir()
        (folder / name).write_text("canary")
    abstract = f"tune9527-{os.getpid()}"
    free, path = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    with socket.create_server(("127.0.0.1", 0)) as port, free, path:
        free.bind(f"\0{abstract}")
        path.bind(str(others / "s"))
        free.listen()
        path.listen()
        places = {"own": str(own), "others": str(others), "socket": str(others / "s")}
        yield {**places, "parent": os.getpid(), "port": port.getsockname()[1], "abstract": abstract}


def spawn(told: dict[str, Any]) -> subprocess.Popen[bytes]:
    own = Path(told["own"])
    around = sandbox.Walls([own / "given", ROOT / "tests"], [own])
    return lifeline.spawn(["tests.fakes.intruder", json.dumps(told)], subprocess.DEVNULL, walls=around)


def deeds(child: subprocess.Popen[bytes]) -> list[str]:
    assert child.stdout is not None
    done = json.loads(child.stdout.readline())
    lifeline.release(child, 10)
    child.stdout.close()
    return list(done)


@walls.needed()
def test_within_its_walls_a_child_has_its_own_files_and_nothing_else(told: dict[str, Any]) -> None:
    assert deeds(spawn(told)) == OWN
    assert sorted(path.name for path in Path(told["others"]).iterdir()) == ["s", "secret"]
    assert Path(told["own"], "given").read_text() == "canary"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_without_walls_it_has_more(told: dict[str, Any]) -> None:
    """So that the test above could fail; the system is written to by root alone."""
    sandbox.settle("off")
    assert {*deeds(spawn(told)), *OF_ROOT} == {*DEEDS, *OF_ROOT}


@walls.needed()
def test_the_walls_outlive_the_thread_that_asked_for_them_and_end_with_their_child(told: dict[str, Any]) -> None:
    """A request's thread ends soon; a process's end reaches a child that hears nothing."""
    children: list[subprocess.Popen[bytes]] = []
    asking = threading.Thread(target=lambda: children.append(spawn(told)))
    asking.start()
    asking.join()
    (keeper,) = children
    assert keeper.stdout is not None
    keeper.stdout.readline()
    assert keeper.poll() is None
    *_, child = psutil.Process(keeper.pid).children(recursive=True)
    child.suspend()
    keeper.kill()
    keeper.communicate()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10)


@walls.needed()
@pytest.mark.parametrize("seconds", [0, 0.005, 0.02])
def test_a_child_that_is_killed_while_its_walls_are_built_is_gone(told: dict[str, Any], seconds: float) -> None:
    keeper = spawn(told)
    assert keeper.stdout is not None
    time.sleep(seconds)
    lifeline.kill(keeper)
    assert died_of(keeper.wait(10)) == "signal SIGKILL"
    until(lambda: not alive_in(keeper.pid), 10)
    keeper.communicate()


def alive_in(group: int) -> list[int]:
    """The processes of a group that run."""
    found = []
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


@walls.needed()
def test_how_a_child_ended_is_told_through_its_walls(told: dict[str, Any]) -> None:
    keeper = spawn(told)
    assert keeper.stdout is not None
    keeper.stdout.readline()
    psutil.Process(keeper.pid).children(recursive=True)[-1].kill()
    assert died_of(keeper.wait(10)) == "signal SIGKILL"
    keeper.communicate()
    assert [died_of(code) for code in (0, 3, -signal.SIGSEGV, 255)] == [
        *("exit code 0", "exit code 3", "signal SIGSEGV", "exit code 255")
    ]


def test_a_sandbox_that_is_wanted_and_not_to_be_had_stops_the_start(tmp_path: Path) -> None:
    environment = {**os.environ, "SANDBOX": "on", "DATA_DIR": str(tmp_path), "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "engine", "check"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.startswith("engine: SANDBOX is on, but there is no bubblewrap")


def test_where_it_is_off_it_is_told_in_words_and_figures(tmp_path: Path, tiny_gguf: Path) -> None:
    engine = create_engine(EngineConfig(data_dir=tmp_path / "data", base_model=str(tiny_gguf), sandbox="off"))
    page = engine.test_client().get("/metrics", headers={"Host": "localhost"}).get_data(as_text=True)
    engine.extensions["engine"].store.close()
    assert "tune9527_engine_sandbox 0" in page.splitlines()
    assert sandbox.told() == "Trainers and model servers have limits but no sandbox: SANDBOX is off."
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
