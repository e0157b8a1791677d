"""What the service tells programs in English, for people: by its code or its sentence, in the page's language.

What there are no words for, such as another upstream's, stays as it is told.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

# None of ours is as long; of an upstream whatever it likes, and patterns take long over long ones.
_LONGEST = 2000
CATALOGUE = Path(__file__).with_name("chinese_told.toml")
_HOLE = re.compile(r"\\\{(\w+)\\\}")


def tell(language: str, kind: str, code: str | None, english: str = "") -> str:
    """Return the words for a code of a kind: findings, mends, reasons or failures."""
    named = (code or "").replace("_", " ")
    chinese = _chinese_of(kind, code or "") if language == "zh" else ""
    return chinese or english or named


def words_of(language: str, kind: str) -> dict[str, str]:
    """Return the words for all codes of a kind, for a script; none where the English says it."""
    return _catalogue()[kind] if language == "zh" else {}


def retell(language: str, sentence: str) -> str:
    """Return a sentence, clause by clause; English in another language where one of them is not known."""
    if language != "zh" or len(sentence) > _LONGEST:
        return sentence
    clauses = [_clause(clause) for clause in sentence.removesuffix(".").split("; ")]
    known = [clause for clause in clauses if clause is not None]
    return "；".join(known) + "。" * sentence.endswith(".") if len(known) == len(clauses) else sentence


def _clause(english: str) -> str | None:
    for pattern, chinese in _sentences():
        if match := pattern.fullmatch(english):
            return chinese.format(**{name: _clause(value) or value for name, value in match.groupdict().items()})
    return None


def _chinese_of(kind: str, code: str) -> str:
    words = _catalogue()
    if code in words[kind] or kind != "reasons":
        return words[kind].get(code, "")
    if code.startswith("failed_check_"):
        finding = code.removeprefix("failed_check_")
        return words[kind]["failed_check"].format(finding=words["findings"].get(finding, finding))
    message, _, verb = code.rpartition("_")
    known = verb in ("dropped", "cut") and message in words["kinds"]
    return words[kind][verb].format(kind=words["kinds"][message]) if known else ""


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


@cache
def _sentences() -> list[tuple[re.Pattern[str], str]]:
    """Each sentence as a pattern with its values by name, and its Chinese."""
    sentences = _catalogue()["sentences"].items()
    return [(re.compile(_HOLE.sub(r"(?P<\1>.+?)", re.escape(english))), chinese) for english, chinese in sentences]
