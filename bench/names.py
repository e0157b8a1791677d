"""Gives every field that is like a name what climbs out of a folder: bar no file touched outside of DATA_DIR.

Run `python -m bench.names [--count N] [--seed N]`. The service and an engine behind it stand in this process; 100 names
go into each of their fields, and Python's own audit events tell every path that either opens, makes, lists, renames or
removes, that of a database too. Python's own files and ours pass, and none of them under a name that was sent. There is
no baseline: the bar is absolute.
"""

import argparse
import io
import logging
import os
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from flask.testing import FlaskClient
from werkzeug.serving import make_server

from app import create_app
from bench import described
from config import EngineConfig, ServiceConfig
from engine.app import create_engine
from tests.fakes.bare_gguf import BARE

ROOT = Path(__file__).resolve().parents[1]
SECRET = "canary-that-no-reply-may-hold"
LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n'
_PATHS = ("open", "os.", "shutil.", "sqlite3.connect", "pathlib.", "glob.")
# What Python itself reads for a time zone or a type of content, and the SDK to say where it runs.
_HARMLESS = ("/dev/", "/proc/self/", "/usr/share/zoneinfo", "/etc/localtime", "/etc/mime.types", "/etc/os-release")


class Servers(NamedTuple):
    """Callers of both servers, and the id of a file that there is."""

    service: FlaskClient
    engine: FlaskClient
    file: str


_CLIMBING = [
    f"{'../' * steps}{end}"
    for steps in (1, 2, 3, 4, 6, 12)
    for end in ("canary/secret", "etc/passwd", "engine.sqlite3", "keys.sqlite3")
]
_UP = ["%2e%2e%2f", "%252e%252e%252f", "..\\", "....//", "..;/", "..%c0%af", "．．／", "..%00/", ".%2e/", "/./../"]
_CODED = [f"{up * 3}{end}" for up in _UP for end in ("canary/secret", "etc/passwd")]
_WHOLE = ["/etc/passwd", "//etc/passwd", "/proc/self/environ", "~/x", "~root/.ssh/id_rsa", "$HOME/.ssh/id_rsa"]
_WHOLE += ["${DATA_DIR}/keys.sqlite3", "%APPDATA%\\x", "C:\\Windows\\win.ini", "\\\\host\\share\\x"]
_SHELL = ["`touch x`", "$(touch x)", ";touch x", "|touch x", "a && touch x", "--help", "-rf", "--output=/tmp/x"]
_SYSTEM = ["CON", "NUL.txt", "aux", "a:stream", "x.", "x ", ".env", ".git/config"]
_DOTS = [".", "..", "...", "/", "//", "./", "../", "a/../../b", "a/b", "a//b"]
_ODD = ["", " ", "a" * 300, "名前.jsonl", "\u202ecod.exe", "\u200b", "😀", "é" * 100, "%s%n%x", "{{7*7}}", "${{7*7}}"]
_ODD += ["<svg/onload=1>", "' OR '1'='1", '";--', "*", "?", "[a-z]*", "a#b", "a?b=c", "a&b", "=1+1", "@x", "null", "0"]
NAMES = [*_CLIMBING, *_CODED, *_WHOLE, *_SHELL, *_SYSTEM, *_DOTS, *_ODD]


def names(canary: Path) -> list[str]:
    """Return over 100 names that mean a file elsewhere, or that programs stumble over."""
    return [str(canary / "secret"), f"file://{canary}/secret", str(canary), *NAMES]


def _file(name: str) -> tuple[io.BytesIO, str]:
    return io.BytesIO(LINE), name


def fields(on: Servers) -> dict[str, Callable[[str], Any]]:
    """Every place that a name could be sent in: a call that sends one; the engine has no description of its bodies."""
    own = {**_of_uploads(on.engine), **_of_jobs(on), **_of_models(on.engine)}
    told = described.in_description(on.service, on.file, LINE)
    return {**own, **told, **described.in_paths(on.engine), **described.in_paths(on.service)}


def _of_uploads(engine: FlaskClient) -> dict[str, Callable[[str], Any]]:
    part = {"purpose": "fine-tune", "bytes": 1, "mime_type": "text/jsonl"}
    return {
        "file": lambda name: engine.post("/v1/files", data={"purpose": "fine-tune", "file": _file(name)}),
        "purpose": lambda name: engine.post("/v1/files", data={"purpose": name, "file": _file("a.jsonl")}),
        "upload": lambda name: engine.post("/v1/uploads", json={**part, "filename": name}),
        "upload id": lambda name: engine.post(f"/v1/uploads/{quote(name)}/parts", data={"data": _file("a")}),
        "completed": lambda name: engine.post(f"/v1/uploads/{quote(name)}/complete", json={"part_ids": [name]}),
        "webhook": lambda name: engine.post("/v1/webhook_endpoints", json={"name": name, "url": "https://a.example"}),
    }


def _of_jobs(on: Servers) -> dict[str, Callable[[str], Any]]:
    engine, job = on.engine, {"model": "base", "training_file": on.file}

    def create(**more: Any) -> Any:
        return engine.post("/v1/fine_tuning/jobs", json={**job, **more})

    def wandb(**more: Any) -> Any:
        return create(integrations=[{"type": "wandb", "wandb": {"project": "p", **more}}])

    return {
        "training file": lambda name: create(training_file=name),
        "validation file": lambda name: create(validation_file=name),
        "model": lambda name: create(model=name),
        "suffix": lambda name: create(suffix=name),
        "metadata": lambda name: create(metadata={name: name}),
        "project": lambda name: wandb(project=name),
        "run": lambda name: wandb(name=name, entity=name, tags=[name]),
    }


def _of_models(engine: FlaskClient) -> dict[str, Callable[[str], Any]]:
    hi = [{"role": "user", "content": "a"}]
    return {
        "chat": lambda name: engine.post("/v1/chat/completions", json={"model": name, "messages": hi}),
        "completion": lambda name: engine.post("/v1/completions", json={"model": name, "prompt": "a"}),
        "response": lambda name: engine.post("/v1/responses", json={"model": name, "input": "a"}),
        "embedding": lambda name: engine.post("/v1/embeddings", json={"model": name, "input": "a"}),
        "counted": lambda name: engine.post("/v1/token_counts", data={"model": name or "x", "file": _file(name)}),
    }


class Watch:
    """Hears of every path that this process touches while it is on; audit hooks stay for good."""

    def __init__(self, *allowed: Path) -> None:
        self.on = False
        self.outside: set[str] = set()
        self._allowed = tuple(str(path) for path in (*allowed, ROOT, Path(sys.prefix), Path(sys.base_prefix)))
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or not event.startswith(_PATHS):
            return
        for path in arguments[:2]:
            if isinstance(path, str | bytes | os.PathLike) and event not in ("os.putenv", "os.unsetenv"):
                where = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 -- asks the disk nothing
                if not f"{where}/".startswith((*self._allowed, *_HARMLESS)):  # a folder too
                    self.outside.add(f"{event} {where}")


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Both servers with their data in `folder`, the service before the engine's socket."""
    base = folder / "base.gguf"
    base.write_bytes(BARE)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    engine = create_engine(EngineConfig(data_dir=folder, base_model=str(base)))
    listening = make_server("127.0.0.1", 0, engine, threaded=True)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    service = create_app(ServiceConfig(data_dir=folder, openai_base_url=f"http://127.0.0.1:{listening.port}/v1"))
    form = {"purpose": "fine-tune", "file": (io.BytesIO(LINE), "a.jsonl")}
    caller = engine.test_client()
    try:
        yield Servers(service.test_client(), caller, caller.post("/v1/files", data=form).get_json()["id"])
    finally:
        listening.shutdown()
        engine.extensions["engine"].store.close()


def run(count: int, seed: int) -> tuple[int, list[str]]:
    """Send `count` of the names in every field; return how many calls that were, and all that was wrong."""
    with tempfile.TemporaryDirectory() as place:
        folder, canary = Path(place, "data"), Path(place, "canary")
        for made in (folder / "tmp", canary):
            made.mkdir(parents=True)
        (canary / "secret").write_text(SECRET)
        before, tempfile.tempdir = tempfile.tempdir, str(folder / "tmp")
        watch = Watch(folder)
        try:
            with servers(folder) as both:
                watch.on = True
                calls, wrong = _send(both, random.Random(seed).sample(names(canary), count))
        finally:
            watch.on, tempfile.tempdir = False, before
        wrong += _changes(Path(place), folder)
    return calls, wrong + sorted(watch.outside)


def _send(both: Servers, chosen: list[str]) -> tuple[int, list[str]]:
    """Give every field each name; return how many calls that were, and which replies were wrong."""
    calls = [(field, name, call) for field, call in fields(both).items() for name in chosen]
    return len(calls), [fault for field, name, call in calls for fault in _judge(field, name, call(name))]


def _changes(place: Path, folder: Path) -> list[str]:
    """What is otherwise in `place`, outside of `folder`, than it was."""
    left = sorted(str(path.relative_to(place)) for path in place.rglob("*") if folder not in (path, *path.parents))
    kept = left == ["canary", "canary/secret"] and (place / "canary" / "secret").read_text() == SECRET
    return [] if kept else [f"outside there is now {left}"]


def _judge(field: str, name: str, reply: Any) -> Iterator[str]:
    said = reply.get_data(as_text=True)
    if (reply.status_code >= 500 and reply.get_json(silent=True) is None) or SECRET in said or "root:x:0" in said:
        yield f"{field} {name!r}: {reply.status_code} {said[:200]}"


def main() -> int:
    """Send all, and print what came of it; the exit code is 1 if the bar is not held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, choices=range(1, 101), metavar="1..100")
    parser.add_argument("--seed", type=int, default=9527)
    asked = parser.parse_args()
    calls, wrong = run(asked.count, asked.seed)
    print(f"seed {asked.seed}: {asked.count} names, {calls} calls, {len(wrong)} wrong")
    print(*wrong[:40], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
