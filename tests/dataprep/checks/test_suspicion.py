"""That no secret and no answer without words is passed over at a glance."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.checks.phrasing import check_turns
from dataprep.checks.shapes import PlainMessage, read_clean_chat
from dataprep.checks.silence import NOTE_ENDS
from dataprep.checks.suspicion import may_hold_secret, may_lack_words
from dataprep.checks.texts import turns_of_clean
from dataprep.placeholders import is_media_note
from tests.dataprep.lines import assistant, chat, user

BODY = "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ0123456789"
SECRETS = [
    f"sk-{BODY[:16]}",
    f"sk-proj-{BODY[:12]}",
    *(f"{letter}k_{kind}_{BODY[:16]}" for letter in "srp" for kind in ("live", "test")),
    *(f"gh{letter}_{BODY[:30]}" for letter in "pousr"),
    f"github_pat_{BODY[:30]}",
    f"glpat-{BODY[:20]}",
    f"hf_{BODY[:30]}",
    f"npm_{BODY[:30]}",
    f"pypi-{BODY[:40]}",
    f"AKIA{BODY[:16].upper()}",
    f"ASIA{BODY[:16].upper()}",
    f"LTAI{BODY[:12]}",
    f"AKID{BODY[:13]}",
    f"AIza{BODY[:35]}",
    *(f"xox{letter}-{BODY[:10]}" for letter in "abeoprs"),
    f"eyJ{BODY[:16]}.eyJ{BODY[:16]}.",
    f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----",
    f"Bearer {BODY[:20]}",
    f"bearer {BODY[:20]}",
]
WORDLESS = [
    "[图片]",
    "【语音】",
    " [图片][图片]",
    "<Media omitted>",
    "圖片已略去",
    "image omitted",
    "IMAGE OMITTED",
    "\u3164",
]
WORDLESS += ["‹image omitted›", "\u200b\u200b", "[图片](a.png)", "图片已略去 ", "[图片]" * 40, "写真 を除く"]

# All forms of the words in `placeholders`.
LEFT_OUT = (
    "omitted, ausgeschlossen, weggelassen, ausgelassen, omitido, omitidos, omitida, "
    "omitidas, omis, omise, omises, absent, absente, oculto, ocultos, oculta, ocultas, "
    "ocultado, ocultados, ocultada, ocultadas, omesso, omessi, omessa, escluso, esclusi, "
    "weggelaten, dahil edilmedi, отсутствует, пропущен, пропущено, пропущена, без "
    "медиафайлов, 已省略, 省略, 略去, 忽略, 省略影音内容, 省略多媒體檔案, "
    "を除く, は含まれていません, 제외, 생략, 생략됨"
)


def errs(line: str) -> bool:
    """Whether a close look at this clean line finds an error."""
    messages = read_clean_chat(line.encode())
    assert messages is not None
    return any(problem.severity == "error" for problem in check_turns(turns_of_clean(messages)))


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", ["", "密", "\n", "is "])
def test_every_form_of_secret_is_seen_in_a_line(secret: str, before: str) -> None:
    for plain in (True, False):
        line = json.dumps({"messages": [user(f"it {before}{secret}"), assistant("No.")]}, ensure_ascii=plain)
        assert errs(line)
        assert may_hold_secret(line.encode())


@pytest.mark.parametrize("text", [text for text in WORDLESS if errs(chat(user(), assistant(text)))])
def test_an_answer_without_words_is_seen_in_a_line_wherever_it_stands(text: str) -> None:
    for line in (chat(user(), assistant(text)), chat(user(), assistant(text), user("So."), assistant("Yes."))):
        messages = read_clean_chat(line.encode())
        assert messages is not None
        assert may_lack_words(messages) or may_hold_secret(line.encode())


def test_every_case_of_a_last_letter_ends_a_note() -> None:
    lasts = {end.casefold() for end in NOTE_ENDS}
    assert {chr(code) for code in range(0x110000) if chr(code).casefold() in lasts} <= NOTE_ENDS


@pytest.mark.parametrize("word", LEFT_OUT.split(", "))
def test_every_note_ends_as_one_may(word: str) -> None:
    for note in (f"image {word}", f"image {word.upper()}"):
        assert is_media_note(note)
        assert may_lack_words([PlainMessage("user", "Lit?"), PlainMessage("assistant", note)]), note


def test_ordinary_talk_is_passed_over() -> None:
    line = chat(user("Is the risk-averse keeper in? I_see. About J. Bearer"), assistant("He lit a lamp, the bearer."))
    messages = read_clean_chat(line.encode())
    assert messages is not None
    assert not may_lack_words(messages)
    assert not may_hold_secret(line.encode())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*SECRETS, *WORDLESS, " ", "x", "密", "-", "_"]), min_size=1, max_size=3).map("".join))
def test_what_a_close_look_calls_an_error_is_never_passed_over(text: str) -> None:
    line = chat(user("Lit?"), assistant(text))
    messages = read_clean_chat(line.encode())
    if messages is not None and errs(line):
        assert may_lack_words(messages) or may_hold_secret(line.encode())
