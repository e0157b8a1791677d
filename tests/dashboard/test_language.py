"""Every text of the pages has its Chinese, with the same places for values, and no Chinese is left over."""

import re
import string
import tomllib
from pathlib import Path

from dashboard.language import CATALOGUE, translate

TEMPLATES = CATALOGUE.parent / "templates"
_TEXT = re.compile(r"""\b_\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
_CALL = re.compile(r"\b_\(")
# What a person would read between the tags.
_BETWEEN = re.compile(r">([^<>]*[A-Za-z]{2}[^<>]*)<")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
# Names, commands, other languages' own names.
_ALIKE = {
    "tune9527",
    "GGUF",
    "PEFT",
    "Ollama",
    "curl",
    "Python",
    "English",
    "中文",
    "make key",
    "export TUNE9527_KEY=t9_...",
}


def texts(template: Path) -> set[str]:
    """The texts that a template asks for."""
    return {double or single for double, single in _TEXT.findall(template.read_text(encoding="utf-8"))}


def chinese() -> dict[str, str]:
    """The catalogue as it stands."""
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


def test_every_text_has_its_chinese_and_no_other_is_kept() -> None:
    asked = set().union(*(texts(template) for template in TEMPLATES.glob("*.html")))
    assert asked
    assert asked == set(chinese())


def test_a_text_is_asked_for_by_its_words_and_never_by_a_variable() -> None:
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert len(_CALL.findall(text)) == len(_TEXT.findall(text)), template.name


def test_no_words_stand_in_a_template_in_one_language_alone() -> None:
    for template in TEMPLATES.glob("*.html"):
        bare = _JINJA.sub("", template.read_text(encoding="utf-8"))
        left = {words.strip(" ·\n") for words in _BETWEEN.findall(bare)}
        assert left <= _ALIKE, template.name


def test_both_languages_have_the_same_places_for_values() -> None:
    def places(text: str) -> list[str]:
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

    assert [english for english, other in chinese().items() if places(english) != places(other)] == []


def test_chinese_is_chinese() -> None:
    unsaid = [english for english, other in chinese().items() if not re.search(r"[\u4e00-\u9fff]", other)]
    assert unsaid == []


def test_values_stand_in_their_places() -> None:
    assert translate("zh", "{n} min ago", n=5) == "5 分钟前"
    assert translate("en", "{n} min ago", n=5) == "5 min ago"
