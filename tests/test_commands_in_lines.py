"""Commands that stand within a line of a page, where nobody shows what they print, are ones that there are.

One is typed in a block of a page, or is held here against what it names, or begins as the READMEs say that what no test
runs begins.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

import pytest

from tests.guides import ROOT, documents, runnable, translations

# What a span of code begins with that somebody is to type; one word alone is a name.
PROGRAMS = "make|curl|python3?|py|pip3?|docker|podman|systemctl|journalctl|nginx|ollama|npm|npx|sudo|apt-get|git|psql"
_SET = r"[A-Z][A-Z0-9_]*=[^\s`]+"
_BEGIN = rf"(?:{PROGRAMS}) |\.venv/bin/|\.ci/|examples/\w+\.(?:sh|py) |export |{_SET} {_SET}"
_COMMAND = re.compile(rf"(?<!`)`((?:{_SET} )*(?:{_BEGIN})[^`\n]*)`(?!`)")
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# Whose every verb and option `--help` tells.
HELPFUL = ("dataprep", "engine", "gate")
# Whatever reads settings that a command may begin with.
READERS = (".env.example", "Makefile", "Dockerfile", "compose.yaml", ".ci/run", "tests/dashboard/test_in_browser.py")
# The beginnings of what is no command, though it looks like one, each with its reason.
NO_COMMANDS = {
    "make a key first": "the service's own words",
    "curl -o": "one option of a command beside it",
    "curl -F files=@a.jsonl -F sha256=": "two fields of a call, without its address; the routes' tests send them",
}
# How each README begins and ends its list of the beginnings that no test runs.
_NOT_RUN = {"README.md": r"within a line they do not run(.+?):", "README.zh-CN.md": r"测试不运行以这些开头的(.+?)——"}


def _pages() -> Iterator[str]:
    """Pages that a reader of today follows: decisions and the log tell of their own day."""
    for page in {*documents(), *(page for both in translations() for page in both)}:
        if "/decisions/" not in page and not page.endswith("/log.md"):
            yield page


def _commands() -> list[str]:
    texts = ((ROOT / page).read_text(encoding="utf-8") for page in _pages())
    return sorted({found for text in texts for found in _COMMAND.findall(_BLOCK.sub("", text))})


@cache
def _typed() -> str:
    """All that tests type of the pages."""
    return "\n".join(block.code for page in _pages() for block in runnable(ROOT / page))


def _not_run(readme: str) -> tuple[str, ...]:
    """The beginnings of which a README's reader is told that no test runs them."""
    found = re.search(_NOT_RUN[readme], (ROOT / readme).read_text(encoding="utf-8"), re.DOTALL)
    return tuple(re.findall(r"`([^`]+)`", found[1])) if found else ()


def _split(command: str) -> tuple[list[str], str]:
    """The names of the settings that a command begins with, and the rest of it."""
    found = re.match(rf"(?:export )?((?:{_SET}(?: |$))*)", command)
    assert found
    return [one.partition("=")[0] for one in found[1].split()], command[found.end() :]


def _faults(command: str) -> list[str]:
    """What there is not of what a command names."""
    settings, rest = _split(command)
    read = " ".join((ROOT / file).read_text(encoding="utf-8") for file in READERS)
    unread = [name for name in settings if not re.search(rf"\b{name}\b", read)]
    return unread + (_faults_of_program(rest) if rest else [])


def _faults_of_program(command: str) -> list[str]:
    words = shlex.split(command.replace("...", ""))
    if words[0].startswith(".ci/"):
        return [] if os.access(ROOT / words[0], os.X_OK) else words[:1]
    if words[0] == "make":
        done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        return [done.stderr] if done.returncode else []
    if words[:3] == ["pip", "install", "-r"]:
        return [name for name in words[3:] if not (ROOT / name).is_file()]
    program, *rest = words
    if not program.endswith("python") or not rest:
        return ["neither typed nor known"]
    return _faults_of_python(rest)


def _faults_of_python(words: list[str]) -> list[str]:
    if words[0] != "-m":
        return [] if (ROOT / words[0]).is_file() else words[:1]
    module, *rest = words[1:]
    if module not in HELPFUL:
        there = find_spec(module) is not None and all((ROOT / path).exists() for path in rest)
        return [] if there else [module, *rest]
    options = [word for word in rest if word.startswith("-")]
    ask = [sys.executable, "-m", module, *rest[:1], "--help"]
    told = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=False)
    return [one for one in options if one not in told.stdout] if told.returncode == 0 else [told.stderr]


@pytest.mark.skipif(os.name == "nt", reason="needs make")
@pytest.mark.parametrize("command", _commands())
def test_a_command_in_a_line_is_typed_or_is_one_that_there_is(command: str) -> None:
    passed_over = (*_not_run("README.md"), *NO_COMMANDS)
    if (
        command not in _typed()
        and not command.startswith(passed_over)
        and not _split(command)[1].startswith(passed_over)
    ):
        assert _faults(command) == []


@pytest.mark.parametrize(
    "command",
    [
        "make quikstart",
        "python -m engine puli MODEL",
        "python -m dataprep check FILE --rude",
        "python -m bench.nothing",
        "python nothing.py",
        "pip install -r requirements/nothing.txt",
        "curl -z address",
        "NO_SETTING=1 make lint",
        "WORKERS=4 make tset",
        "export NO_SETTING=1",
        "NAME=laptop SCOOPS=read",
        ".ci/runs",
    ],
)
def test_a_command_that_there_is_not_is_found(command: str) -> None:
    assert _faults(command)


def test_every_reason_is_still_needed() -> None:
    begun = [part for one in _commands() for part in (one, _split(one)[1])]
    needed = (*_not_run("README.md"), *NO_COMMANDS)
    assert [begin for begin in needed if not any(part.startswith(begin) for part in begun)] == []


def test_both_readmes_tell_what_is_not_run() -> None:
    english, chinese = map(_not_run, _NOT_RUN)
    assert english == chinese
    assert "sudo" in english


@pytest.mark.parametrize(
    "span", ["PORT=1 make serve", "export PORT=1", "NAME=a DAYS=9", "A=1 B=2 .venv/bin/python -m engine", ".ci/run"]
)
def test_what_begins_with_a_setting_is_a_command(span: str) -> None:
    assert _COMMAND.findall(f"So `{span}`, and `HOST=1`) is none, nor `x`.") == [span]
