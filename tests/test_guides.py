"""Whoever types what the pages say gets what they show: each page's commands, in order, on a fresh copy."""

import os
import shutil
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.architecture_rules import PACKAGES
from tests.fakes.openai_upstream import FakeOpenAI
from tests.fakes.ports import PATIENCE, free_port, until
from tests.fakes.service import INHERITED
from tests.guides import ROOT, Block, documents, runnable

TYPED = [page for page in documents() if any(runnable(ROOT / page))]
# Pages on a service that talks to OpenAI: what they say of it needs no engine.
AT_OPENAI = ("README.md", "docs/how-to/openai.md")
# What a reader of pages that look things up has done before: started both servers, and a job that has ended.
SERVERS = {
    "127.0.0.1:9528": Block("shell", ".venv/bin/python -m engine serve"),
    "127.0.0.1:9527": Block("shell", "make serve"),
}
JOB = r"""
FILE=$(curl -s http://127.0.0.1:9527/upload_files -F files=@examples/lighthouse.jsonl | grep -o 'file-[A-Za-z0-9]*')
curl -s http://127.0.0.1:9527/fine_tuning -H 'Content-Type: application/json' \
  -d "{\"training_file\": \"$FILE\"}" > begun
JOB=$(grep -o 'ftjob-[A-Za-z0-9]*' begun)
curl -s -X POST "http://127.0.0.1:9527/jobs/$JOB/cancel"
"""

pytestmark = pytest.mark.skipif(
    os.name == "nt" or not all(map(shutil.which, ("bash", "curl", "make"))), reason="needs bash, curl and make"
)


class Terminal:
    """A reader at a copy of the project who types one block after the other, and keeps variables between them."""

    def __init__(self, folder: Path, settings: dict[str, str], instead: dict[str, str]) -> None:
        self.folder = folder
        self.service, self.engine = (f"http://127.0.0.1:{settings[name]}" for name in ("PORT", "ENGINE_PORT"))
        self._env = {name: os.environ[name] for name in INHERITED if name in os.environ} | settings
        self._instead = instead
        self._serving: list[subprocess.Popen[bytes]] = []

    def type(self, block: Block) -> str:
        """Return what a block prints; it must succeed."""
        keep = self.folder / ".variables"
        kept = f'set -a; [ ! -f "{keep}" ] || . "{keep}"; set -euo pipefail'
        script = f'{kept}\n{self._here(block.code)}\nexport -p > "{keep}"\n'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{block.code}\n{done.stdout}{done.stderr}"
        return done.stdout

    def leave_running(self, block: Block) -> None:
        """Start what stays in the foreground, and wait until it answers."""
        command = ["bash", "-euc", self._here(block.code)]
        process = subprocess.Popen(command, cwd=self.folder, env=self._env, start_new_session=True)
        self._serving.append(process)
        url = f"{self.engine}/v1/models" if "engine serve" in block.code else f"{self.service}/jobs"
        until(lambda: _answers(url) or process.poll() is not None)
        assert process.poll() is None, block.code

    def close(self) -> None:
        """End what runs, the newest first."""
        for process in reversed(self._serving):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE)
            until(partial(_is_empty, process.pid))

    def remember(self, renamed: dict[str, str]) -> None:
        """Put something in place of what pages show, in what is typed from now on."""
        self._instead |= renamed

    def _here(self, code: str) -> str:
        for name in sorted(self._instead, key=len, reverse=True):
            code = code.replace(name, self._instead[name])
        return code


def _is_empty(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=20).status_code in (200, 401)
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """What makes a fresh copy of the project, all it needs installed and none of its data."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("guide") / "tune9527"
        for name in (*PACKAGES, "examples", "requirements"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in (*ROOT.glob("*.py"), *(ROOT / name for name in ("Makefile", "requirements.txt", ".env.example"))):
            shutil.copy(file, folder)
        venv.create(folder / ".venv", symlinks=True)
        installed = sysconfig.get_path("purelib", vars={"base": str(folder / ".venv")})
        (Path(installed) / "here.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        (folder / ".venv" / ".main").touch()
        return folder

    return make


@pytest.fixture
def terminal(
    request: pytest.FixtureRequest, copy: Callable[[], Path], upstream: FakeOpenAI, tiny_gguf: Path
) -> Iterator[Terminal]:
    port, engine_port = str(free_port()), str(free_port())
    settings = {"PORT": port, "ENGINE_PORT": engine_port, "LOG_LEVEL": "WARNING", "URL": f"http://127.0.0.1:{port}"}
    settings |= {"BASE_MODEL": str(tiny_gguf), "CONTEXT_TOKENS": "256"}
    if request.node.callspec.params["page"] in AT_OPENAI:
        settings["OPENAI_BASE_URL"] = upstream.base_url
    instead = {
        "127.0.0.1:9527": f"127.0.0.1:{port}",
        "127.0.0.1:9528": f"127.0.0.1:{engine_port}",
        "http://box.example:8000/v1": upstream.base_url,
        "gpu-box:9528": f"127.0.0.1:{engine_port}",
        "=0.0.0.0": "=127.0.0.1",
    }
    opened = Terminal(copy(), settings, instead)
    yield opened
    opened.close()


def prepare(terminal: Terminal, page: list[Block]) -> None:
    """Do what a page takes for done that starts nothing itself."""
    asked = "".join(block.code for block in page)
    if not any(block.serves for block in page):
        for address, server in SERVERS.items():
            if address in asked:
                terminal.leave_running(server)
                # That engine, should it be one, has not the key of a service which starts its own.
                terminal.remember({"make serve": f"OPENAI_BASE_URL={terminal.engine}/v1 make serve"})
    if "$JOB" in asked:
        terminal.type(Block("shell", JOB))


@pytest.mark.parametrize("page", TYPED)
def test_what_a_page_says_to_type_prints_what_it_shows(page: str, terminal: Terminal, upstream: FakeOpenAI) -> None:
    typed = list(runnable(ROOT / page))
    prepare(terminal, typed)
    for block in typed:
        if block.serves:
            terminal.leave_running(block)
            continue
        output = terminal.type(block)
        if block.replies and not block.was_printed(output):  # a job that is asked for until it has ended
            upstream.finish()
            output = terminal.type(block)
        assert block.was_printed(output), f"{block.code}\nprinted:\n{output}\nnot:\n{block.prints}"
        terminal.remember(block.renamed(output))
