"""Commands that stand within a line of a page, where nobody shows what they print, are ones that there are.

One is typed in a block of a page, or is held here against what it names, or says below why no test can have it.
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
_COMMAND = re.compile(rf"(?<!`)`((?:(?:{PROGRAMS}) |\.venv/bin/|examples/\w+\.(?:sh|py) )[^`\n]+)`(?!`)")
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# Whose every verb and option `--help` tells.
HELPFUL = ("dataprep", "engine", "gate")
# The beginnings of what no test has, each with its reason.
NOT_HAD = {
    "make a key first": "no command: the service's own words",
    "apt-get install": "it changes the machine",
    "git clone": "it needs the address of a copy",
    "sudo": "it needs an administrator",
    "systemctl": "it needs a systemd that runs",
    "journalctl": "it needs a systemd that runs",
    "docker compose": "it needs Docker",
    "ollama create": "it needs Ollama",
    "curl -o": "one option of a command beside it",
    "curl -F files=@a.jsonl -F sha256=": "two fields of a call, without its address; the routes' tests send them",
}


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


def _faults(command: str) -> list[str]:
    """What there is not of what a command names."""
    words = shlex.split(command.replace("...", ""))
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
    if command not in _typed() and not command.startswith(tuple(NOT_HAD)):
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
    ],
)
def test_a_command_that_there_is_not_is_found(command: str) -> None:
    assert _faults(command)


def test_every_reason_is_still_needed() -> None:
    assert [begin for begin in NOT_HAD if not any(one.startswith(begin) for one in _commands())] == []
