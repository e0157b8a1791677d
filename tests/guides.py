"""The pages of docs/ and the READMEs as tests see them: both languages, and blocks of commands with what they print."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS, CHINESE = ROOT / "docs", ROOT / "docs" / "zh"
README = ("README.md", "README.zh-CN.md")
# What is made by a program, or written for who works on the project, is in English alone.
ENGLISH_ALONE = ("benchmarks.md", "conformance.md", "licences.md", "log.md", "pictures/*.md", "decisions/*.md")
COMMANDS = frozenset({"shell", "bat"})
# What a block may hold that nobody types: what is printed, and settings.
SHOWN = frozenset({"text", "json", "ini", "nginx"})
# What no test can run: what the machine may lack, what needs rights or gigabytes, and what takes minutes.
_OUT_OF_REACH = re.compile(
    r"\b(docker|sudo|systemctl|Scripts|npx|pip install|make (quickstart|test)|TUNE9527_TEST_PICTURES)\b"
)
# What a reader is told, in either language, of commands that no test runs.
_NOT_RUN = r"\*(?:Not run by our tests: |我们的测试不运行它：)([^*\n]+)\*"
_BLOCK = re.compile(rf"^(?:{_NOT_RUN}\n\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"\n```(text|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s*(?:^|(?<=\s))#.*$", re.MULTILINE)
_SERVES = re.compile(r"(?:^|\s)(?:make serve|python -m engine serve)$")
_ANYTHING = "…"
# Values of replies that are the same at each run; of others a page tells the kind.
_FIXED = frozenset({"info", "status"})


@dataclass(frozen=True)
class Block:
    """One block of code; `reason` says why no test runs it, `prints` what it prints, where `…` stands for anything, or
    as `replies` the JSON that it is answered with."""

    language: str
    code: str
    reason: str = ""
    prints: str = ""
    replies: bool = False

    @property
    def serves(self) -> bool:
        """Whether it stays in the foreground, so that a reader opens another terminal."""
        return bool(_SERVES.search(self.code.strip().replace(".venv/bin/", "")))

    @property
    def same_in_both(self) -> tuple[str, str, bool]:
        """What both languages must have in common."""
        return self.language, without_comments(self.code), bool(self.reason)

    @property
    def is_out_of_reach(self) -> bool:
        """Whether something in it keeps tests from running it."""
        return _OUT_OF_REACH.search(self.code) is not None

    def was_printed(self, output: str) -> bool:
        """Whether an output is, from its beginning on, what the page says; a reply has its keys, and values of their
        kinds."""
        if self.replies:
            return _kinds(self.prints) == _kinds(output)
        pattern = ".*?".join(map(re.escape, self.prints.strip().split(_ANYTHING)))
        return re.match(pattern, output.strip(), re.DOTALL) is not None

    def renamed(self, output: str) -> dict[str, str]:
        """What a reader puts in place of the page's ids and names: those of the own reply."""
        if not self.replies:
            return {}
        shown, got = (dict(_leaves(json.loads(text))) for text in (self.prints, output))
        both = ((leaf, got[place]) for place, leaf in shown.items() if leaf != got[place])
        return {here: there for here, there in both if here and isinstance(here, str)}


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """(where, what) of everything in a reply that holds nothing else."""
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for name, one in inner:
            yield from _leaves(one, f"{place}/{name}")
    else:
        yield place, value


def _kinds(reply: str) -> dict[str, Any]:
    """What must be at each place of a reply: a kind of value, or the value itself."""
    leaves = _leaves(json.loads(reply))
    return {place: leaf if place.rpartition("/")[2] in _FIXED else type(leaf) for place, leaf in leaves}


def without_comments(code: str) -> str:
    """Code as both languages have it."""
    return _COMMENT.sub("", code)


def documents() -> list[str]:
    """Every page that was written first, so in English, by its path."""
    found = (page for page in sorted(DOCS.rglob("*.md")) if CHINESE not in page.parents)
    return [README[0], *(page.relative_to(ROOT).as_posix() for page in found)]


def translations() -> list[tuple[str, str]]:
    """(English, Chinese) paths of the pages that are to be there in both languages."""
    names = (Path(page).relative_to("docs") for page in documents()[1:])
    both = (name.as_posix() for name in names if not any(map(name.match, ENGLISH_ALONE)))
    return [README, *((f"docs/{name}", f"docs/zh/{name}") for name in both)]


def blocks(page: Path) -> list[Block]:
    """Every block of a page, in order."""
    return [
        Block(language, code, reason) for reason, language, code in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]


def runnable(page: Path) -> Iterator[Block]:
    """The commands of a page that a test runs; a block of text or JSON right after one is what it prints."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        reason, language, code = found.groups()
        if language in COMMANDS and not reason:
            after = _PRINTED.match(text, found.end())
            yield Block(language, code, prints=after[2], replies=after[1] == "json") if after else Block(language, code)
