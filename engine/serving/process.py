"""One llama.cpp child process and its life: start, address, memory, end; who may use it is the pool's matter."""

import hashlib
import http.client
import json
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

import psutil

import lifeline
import loopback
import sandbox
from engine import control_tokens
from engine.control_tokens import ControlTokens
from wire.errors import ServerFault, Unavailable

START_SECONDS = 180.0
ASK_SECONDS = 60.0
STOP_SECONDS = 5.0
# A start writes zeros over the whole cache, which large pages make cheap where Linux has them (docs/log.md).
_LARGE_PAGES = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
# A failed assertion of llama.cpp would start a debugger, which takes seconds and writes to the log what memory holds.
_NO_DEBUGGER = ("GGML_NO_BACKTRACE", "1")

# A socket's path is at most 107 letters.
_LONG = 80


class Memory(NamedTuple):
    """Bytes: a process's own, which its end gives back, and those of files, mapped once for all that use them."""

    own: int = 0
    mapped: int = 0


class StartFailed(ServerFault):
    """500: the model cannot be loaded; the message says why."""


class ModelGone(Unavailable):
    """503: the model's process ended while it was answering; the next request gets a new one."""


@dataclass(frozen=True)
class ServedModel:
    """A model as it is served: its id on the wire, its GGUF files, and the adapter's sha256 if it was published.

    `embedding_tokens` is how many tokens one text may have if it makes embeddings; 0: it writes.
    """

    name: str
    base: Path
    adapter: Path | None = None
    embedding_tokens: int = 0
    adapter_sha256: str | None = None

    def is_as_published(self) -> bool:
        """Whether the adapter is there and the one that was trained, if that is known. Raises OSError: it is not."""
        if self.adapter is None or self.adapter_sha256 is None:
            return self.adapter is None or self.adapter.is_file()
        with self.adapter.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == self.adapter_sha256


@dataclass(frozen=True)
class ServerSettings:
    """What one process is started with; `context_tokens` holds for each of `parallel` answers."""

    context_tokens: int
    parallel: int
    threads: int


class ModelProcess:
    """A child that serves `model` over HTTP to us alone; it ends when it is stopped, or with us.

    It may carry others `beside` it, tuned from the same base as `model` is, or is itself; all their adapters are loaded
    then, and each request says which one counts.
    """

    def __init__(
        self, model: ServedModel, settings: ServerSettings, log: Path, beside: Sequence[ServedModel] = ()
    ) -> None:
        self.model = model
        self.models = (model, *beside)
        self.settings = settings
        self._log = log
        self._child: Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._pid = 0
        self.address = ""
        self.control_tokens = ControlTokens(())
        self.takes_tools = False
        self.reads_calls = False

    def start(self, timeout: float = START_SECONDS) -> None:
        """Start the child and wait until it answers.

        Raises:
            StartFailed: a file is missing or broken, or the child was not ready in `timeout` seconds.
        """
        for file in self._files:
            if not file.is_file():
                raise self._failed(f"the file {file.name} is missing")
        try:
            self._child = self._spawn()
        except OSError as error:  # no room for the log, no memory for a process
            self.stop()
            raise self._failed(f"its process cannot be started: {error}") from error
        try:
            if not self.model.is_as_published():  # seen while the child loads, which takes longer
                raise self._failed("its adapter is not the one that was trained (another sha256); train it again")
            with suppress(OSError, ValueError):  # which the child tells better
                control_tokens.of(self.model.base)
            self.address = self._read_address(self._child, timeout)
            self.control_tokens = control_tokens.of(self.model.base)
            self._pid = _innermost(self._child.pid)
            template = self.ask("/props")["chat_template_caps"]
            self.takes_tools, self.reads_calls = template["supports_tools"], template["supports_object_arguments"]
        except (StartFailed, ModelGone):
            self.stop()
            raise
        except (ServerFault, OSError, LookupError, ValueError) as error:
            self.stop()
            raise self._failed(f"its process is not understood: {error!r}") from error

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the model server itself, within its walls; it must have been started."""
        assert self._pid
        return self._pid

    @property
    def exit_code(self) -> int:
        """How the child ended, a signal's number below zero; it must have been stopped."""
        assert self._child is not None
        return self._child.wait()

    @property
    def memory(self) -> Memory:
        """What the child holds now, nothing if there is none; only Linux tells mapped files apart."""
        if not self._pid:
            return Memory()
        try:
            held = psutil.Process(self.pid).memory_info()
        except psutil.Error:
            return Memory()
        mapped = getattr(held, "shared", 0)
        return Memory(held.rss - mapped, mapped)

    def ask(self, path: str, body: Any = None, patience: float = ASK_SECONDS) -> Any:
        """Return llama.cpp's JSON reply to a GET of `path`, or to a POST of `body`, within `patience` seconds.

        Raises:
            ModelGone: 503, it does not answer.
            ServerFault: 500, it declines; it lives and serves others.
        """
        connection = loopback.Connection(self.address, patience)
        try:
            connection.request("GET" if body is None else "POST", path, json.dumps(body))
            response = connection.getresponse()
            reply = json.load(response)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ModelGone(f"The model's process does not answer: {error}") from error
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise ServerFault(f"The model's process declined {path}: {reply}")
        return reply

    def chosen(self, model: ServedModel) -> dict[str, Any]:
        """Return what a request says for one of `models` to answer it: whose adapter counts, or none."""
        adapters = self._adapters
        return {"lora": [{"id": place, "scale": float(one == model.adapter)} for place, one in enumerate(adapters)]}

    def stop(self) -> None:
        """End the child; harmless when it has ended."""
        if self._child is not None:
            lifeline.release(self._child, STOP_SECONDS)
            if self._child.stdout is not None:
                self._child.stdout.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _spawn(self) -> Popen[bytes]:
        self._folder = _new_folder() if sys.platform == "linux" else None
        own = [Path(self._folder.name)] if self._folder else []
        arguments = {
            "files": [str(file) for file in self._files],
            "socket": str(own[0] / "s.sock") if own else None,
            "embeds": self.model.embedding_tokens > 0,
            **asdict(self.settings),
        }
        environment = lifeline.needed(os.environ)
        environment.setdefault(*_LARGE_PAGES)
        environment.setdefault(*_NO_DEBUGGER)
        with self._log.open("wb") as log:
            command = ["engine.serving.llamacpp", json.dumps(arguments)]
            return lifeline.spawn(command, log, environment, sandbox.Walls(self._files, own))

    def _read_address(self, child: Popen[bytes], timeout: float) -> str:
        assert child.stdout is not None
        lines: list[bytes] = []
        said = child.stdout
        reader = threading.Thread(target=lambda: lines.append(said.readline()), daemon=True)
        reader.start()
        reader.join(timeout)
        if reader.is_alive():
            lifeline.kill(child)
            reader.join()
            raise self._failed(f"it was not ready in {timeout:.0f} seconds")
        report: dict[str, str] = json.loads(lines[0] or b"{}")
        if "address" not in report:
            files = " with ".join(file.name for file in self._files[:2])
            raise self._failed(f"llama.cpp refuses {files}: {self._first_error()}")
        return report["address"]

    @property
    def _adapters(self) -> list[Path]:
        return [model.adapter for model in self.models if model.adapter is not None]

    @property
    def _files(self) -> list[Path]:
        return [self.model.base, *self._adapters]

    def _failed(self, reason: str) -> StartFailed:
        return StartFailed(f"The model '{self.model.name}' cannot be loaded: {reason}.", code="model_load_failed")

    def _first_error(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines() or ["its process ended without a word"]
        return lines[0].partition(" E ")[2] or lines[0]


def _new_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for a unix socket, into which nobody else on this machine looks."""
    usual = tempfile.gettempdir()
    return tempfile.TemporaryDirectory(prefix="tune9527-", dir=usual if len(usual) < _LONG else "/tmp")  # noqa: S108


def _innermost(pid: int) -> int:
    """The process that `pid` keeps within walls, or itself."""
    try:
        return int([psutil.Process(pid), *psutil.Process(pid).children(recursive=True)][-1].pid)
    except psutil.Error:
        return pid
