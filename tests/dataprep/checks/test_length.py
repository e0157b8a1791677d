"""Which examples are too long for a target, counted in tokens, and where they are cut."""

import io
import json

import pytest

from dataprep import Report, check
from dataprep.checks.length import check_length
from dataprep.tokens import count_example
from tests.dataprep.lines import assistant, chat, user

TALK = chat(user("Who lit the lamp?"), assistant("The keeper."), user("And then?"), assistant("The wind rose. " * 20))
TOKENS = count_example(json.loads(TALK))


def checked(line: str, max_tokens: int | None = None) -> Report:
    """Check a file of this one line for this project's engine."""
    return check(io.BytesIO(line.encode()), profile="engine", max_tokens=max_tokens)


def test_one_token_too_many_is_told_with_the_message_it_falls_into() -> None:
    (finding,) = checked(TALK, max_tokens=TOKENS - 1).findings
    assert (finding.line, finding.code, finding.severity) == (1, "too_long", "warning")
    assert finding.pointer == "/messages/3"
    assert f"{TOKENS} tokens" in finding.message
    assert f"engine trains on {TOKENS - 1}" in finding.message


def test_as_many_tokens_as_fit_are_fine_though_the_bytes_are_more() -> None:
    assert len(TALK) > TOKENS
    assert checked(TALK, max_tokens=TOKENS).findings == []


def test_without_a_limit_nothing_is_too_long() -> None:
    assert checked(chat(user(), assistant("wind " * 80_000))).findings == []


@pytest.mark.parametrize("profile", ["openai", "azure"])
@pytest.mark.parametrize(("words", "found"), [(65_600, ["too_long"]), (65_400, [])])
def test_openai_and_azure_have_a_limit_of_their_own(profile: str, words: int, found: list[str]) -> None:
    line = chat(user(), assistant(" wind" * words)).encode()
    assert [finding.code for finding in check(io.BytesIO(line), profile=profile).findings] == found


def test_an_example_that_is_not_plain_is_measured_too() -> None:
    tool = {"type": "function", "function": {"name": "look", "description": "wind " * 90}}
    line = chat(user(), assistant(), tools=[tool])
    (finding,) = checked(line, max_tokens=80).findings
    assert (finding.code, finding.pointer) == ("too_long", "/messages/0")
    assert checked(line, max_tokens=count_example(json.loads(line))).findings == []
    pair = json.dumps({"prompt": "lamp " * 30, "completion": "wind " * 30})
    assert [(one.code, one.pointer) for one in checked(pair, max_tokens=50).findings] == [("too_long", "")]


def test_the_outputs_of_a_preference_are_read_one_at_a_time() -> None:
    def outputs(preferred: int, other: int) -> str:
        good, bad = assistant(" wind" * preferred), assistant(" rain" * other)
        given = {"messages": [user()]}
        return json.dumps({"input": given, "preferred_output": [good], "non_preferred_output": [bad]})

    assert checked(outputs(60, 60), max_tokens=100).findings == []
    assert [one.code for one in checked(outputs(10, 110), max_tokens=100).findings] == ["too_long"]


def test_a_picture_is_no_text() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBO" * 500}}
    line = chat(user([{"type": "text", "text": "What is it?"}, picture]), assistant())
    assert [one.code for one in checked(line, max_tokens=100).findings] == []


def test_what_is_nested_too_deeply_to_be_counted_is_left_alone() -> None:
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    assert check_length({"input": deep, "preferred_output": []}, 10, "engine") is None
