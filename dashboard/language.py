"""The pages' two languages: English stands in the templates, its Chinese in a catalogue; a reader chooses."""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")
CATALOGUE = Path(__file__).with_name("chinese.toml")


def choose(chosen: str, accepted: Iterable[str]) -> str:
    """Return the language of `chosen`, else the first of `accepted` (best first, such as zh-CN) that there is."""
    wanted = (one.partition("-")[0].lower() for one in (chosen, *accepted))
    return next((one for one in wanted if one in LANGUAGES), LANGUAGES[0])


def translate(language: str, text: str, **values: object) -> str:
    """Return a text in a language, with the values that it names in braces."""
    words = _chinese().get(text, text) if language == "zh" else text
    return words.format(**values) if values else words


@cache
def _chinese() -> dict[str, str]:
    """Each text by its English."""
    return {english: str(chinese) for english, chinese in tomllib.loads(CATALOGUE.read_text(encoding="utf-8")).items()}
