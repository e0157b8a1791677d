"""The guides in docs/ as tests see them: their pages, and the blocks of commands with what they print."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS, CHINESE = ROOT / "docs", ROOT / "docs" / "zh"
GUIDES = ("tutorial.md", "how-to/*.md", "explanation/*.md")
COMMANDS = frozenset({"shell", "bat"})
# What a reader is told, in either language, of commands that no test runs.
_NOT_RUN = r"\*(?:Not run by our tests: |我们的测试不运行它：)([^*\n]+)\*"
_BLOCK = re.compile(rf"^(?:{_NOT_RUN}\n\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s*(?:^|(?<=\s))#.*$", re.MULTILINE)
_SERVES = re.compile(r"(?:^|\s)(?:make serve|python -m engine serve)$")
_ANYTHING = "…"


@dataclass(frozen=True)
class Block:
    """One block of code; `reason` says why no test runs it, `prints` what it prints, where `…` stands for anything."""

    language: str
    code: str
    reason: str = ""
    prints: str = ""

    @property
    def serves(self) -> bool:
        """Whether it stays in the foreground, so that a reader opens another terminal."""
        return bool(_SERVES.search(self.code.strip().replace(".venv/bin/", "")))

    @property
    def same_in_both(self) -> tuple[str, str, bool]:
        """What both languages must have in common."""
        return self.language, without_comments(self.code), bool(self.reason)

    def was_printed(self, output: str) -> bool:
        """Whether an output is, from its beginning on, what the page says."""
        pattern = ".*?".join(map(re.escape, self.prints.strip().split(_ANYTHING)))
        return re.match(pattern, output.strip(), re.DOTALL) is not None


def without_comments(code: str) -> str:
    """Code as both languages have it."""
    return _COMMENT.sub("", code)


def pages(folder: Path = DOCS) -> list[str]:
    """The guides of a language by their path within its folder."""
    found = (page for pattern in GUIDES for page in sorted(folder.glob(pattern)))
    return [page.relative_to(folder).as_posix() for page in found]


def blocks(page: Path) -> list[Block]:
    """Every block of a page, in order."""
    return [
        Block(language, code, reason) for reason, language, code in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]


def runnable(page: Path) -> Iterator[Block]:
    """The commands of a page that a test runs; a block of text right after one is what it prints."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        reason, language, code = found.groups()
        if language in COMMANDS and not reason:
            after = _BLOCK.match(text, found.end() + 1)
            yield Block(language, code, prints=after[3] if after and after[2] == "text" else "")
