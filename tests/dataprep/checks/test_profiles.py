"""What each training target accepts, warns of and refuses."""

import io
import json
from typing import Literal

import pytest

from dataprep import check
from dataprep.checks.overview import check_size
from dataprep.checks.profiles import TARGETS
from tests.dataprep.lines import assistant, chat, user

SYSTEM = {"role": "system", "content": "Be kind."}
Verdict = Literal["error", "warning"] | None
E: Verdict = "error"
W: Verdict = "warning"

PLAIN = chat(SYSTEM, user("A?"), assistant("B."), user("C?"), assistant("D."))
NAMES = ("openai", "engine", "azure", "together", "fireworks", "mistral", "llama-factory", "mlx-lm")
# One line that breaks a rule, the code it gets, and how bad that is for each target, in the order of NAMES.
BREACHES: dict[str, tuple[str, str, tuple[Verdict, ...]]] = {
    "two answers in a row": (
        chat(user(), assistant("1"), assistant("2")),
        "consecutive_roles",
        (W, W, E, E, W, E, E, W),
    ),
    "two questions in a row": (chat(user(), user("?"), assistant()), "consecutive_roles", (W, W, E, E, W, E, E, W)),
    "answer first": (chat(assistant(), user(), assistant("1")), "first_message_not_user", (W, W, W, E, W, E, E, W)),
    "late system": (chat(user(), SYSTEM, assistant()), "late_system_message", (W, W, E, E, E, W, E, W)),
    "second system": (chat(SYSTEM, SYSTEM, user(), assistant()), "late_system_message", (W, W, E, E, E, W, E, W)),
    "user last": (chat(user(), assistant(), user()), "last_message_not_assistant", (W, W, E, E, W, E, E, W)),
    "weight": (chat(user(), assistant(weight=1)), "weight_ignored", (None, None, None, None, None, None, W, W)),
    "extra key": (chat(user(), assistant(ts=1)), "unknown_key", (E, E, E, W, W, W, W, W)),
    "text beside": (
        chat(user(), assistant(), text="x"),
        "two_formats",
        (None, None, None, E, None, None, None, None),
    ),
}
PAIR = {"preferred_output": [assistant("A")], "non_preferred_output": [assistant("B")]}
ASKED = {
    "two questions in a row": [user(), user("?")],
    "answer first": [assistant(), user()],
    "late system": [user(), SYSTEM],
}


def verdict(line: str, code: str, profile: str) -> str | None:
    """How bad this target finds the line's one breach of this code."""
    found = [one.severity for one in check(io.BytesIO(line.encode()), profile=profile).findings if one.code == code]
    assert len(found) < 2
    return found[0] if found else None


def test_the_table_is_complete() -> None:
    assert tuple(TARGETS) == NAMES


@pytest.mark.parametrize("profile", NAMES)
def test_every_target_takes_a_plain_talk_in_turns(profile: str) -> None:
    assert check(io.BytesIO(PLAIN.encode()), profile=profile).findings == []


@pytest.mark.parametrize("breach", BREACHES.keys())
@pytest.mark.parametrize("profile", NAMES)
def test_a_breach_is_as_bad_as_the_target_has_it(profile: str, breach: str) -> None:
    line, code, verdicts = BREACHES[breach]
    assert verdict(line, code, profile) == verdicts[NAMES.index(profile)]


@pytest.mark.parametrize("profile", NAMES)
def test_a_call_and_its_answer_do_not_break_the_turns(profile: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    made = {"role": "assistant", "tool_calls": [call]}
    tool = {"type": "function", "function": {"name": "f"}}
    line = chat(user(), made, {"role": "tool", "tool_call_id": "c", "content": "9"}, assistant(), tools=[tool])
    found = [
        (one.code, one.pointer, one.severity) for one in check(io.BytesIO(line.encode()), profile=profile).findings
    ]
    own_format = profile in ("mistral", "llama-factory")
    assert found == ([("tool_format", "/tools", "warning")] if own_format else [])


@pytest.mark.parametrize("breach", ASKED.keys())
@pytest.mark.parametrize("profile", NAMES)
def test_the_order_in_a_preferences_question_counts_alike(profile: str, breach: str) -> None:
    line = json.dumps({"input": {"messages": ASKED[breach]}, **PAIR})
    _, code, verdicts = BREACHES[breach]
    assert verdict(line, code, profile) == verdicts[NAMES.index(profile)]


def test_a_preferences_question_does_not_end_with_the_assistant() -> None:
    line = json.dumps({"input": {"messages": [user(), assistant()]}, **PAIR})
    (finding,) = check(io.BytesIO(line.encode()), profile="together").findings
    assert (finding.code, finding.pointer) == ("consecutive_roles", "/input/messages/1/role")
    assert "End it with the user's" in finding.message


def test_a_target_says_from_what_size_on_it_wants_chunks() -> None:
    def found(size: int, profile: str) -> list[tuple[str, str]]:
        return [(one.code, one.severity) for one in check_size(size, TARGETS[profile])]

    megabyte = 1024 * 1024
    assert found(100 * megabyte, "azure") == []
    assert found(100 * megabyte + 1, "azure") == [("chunked_upload_needed", "warning")]
    assert found(512 * megabyte + 1, "azure") == [("file_too_large", "error")]
    assert found(512 * megabyte, "openai") == []
    assert "Use the upload in parts" in next(check_size(200 * megabyte, TARGETS["azure"])).detail


def test_more_examples_than_the_target_takes_are_refused() -> None:
    report = check(io.BytesIO(PLAIN.encode()), profile="engine", minimum=TARGETS["engine"].minimum)
    assert [finding.code for finding in report.findings] == ["few_examples"]
    assert TARGETS["fireworks"].maximum == 3_000_000


def test_reinforcement_lines_carry_keys_of_their_own() -> None:
    line = json.dumps({"messages": [user("2 + 2?")], "reference_answer": "4"})
    report = check(io.BytesIO(line.encode()))
    assert (report.kind, report.findings) == ("reinforcement", [])
    empty = json.dumps({"messages": [{"role": "user"}], "reference_answer": "4"})
    assert [one.code for one in check(io.BytesIO(empty.encode())).findings] == ["missing_content"]
    misspelt = chat(user(), tool=[])
    assert {one.code for one in check(io.BytesIO(misspelt.encode())).findings} == {
        "unknown_key",
        "no_assistant_message",
    }


def test_llama_factory_has_roles_and_a_system_key_of_its_own() -> None:
    called = {"role": "function_call", "content": '{"name": "f", "arguments": {}}'}
    line = chat(user(), called, {"role": "observation", "content": "9"}, assistant(), system="Be kind.")
    report = check(io.BytesIO(line.encode()), profile="llama-factory")
    assert report.findings == []
    silent = chat(
        user(), {"role": "function_call", "content": None}, {"role": "observation", "content": "9"}, assistant()
    )
    assert [one.code for one in check(io.BytesIO(silent.encode()), profile="llama-factory").findings] == [
        "missing_content"
    ]
    elsewhere = {one.code for one in check(io.BytesIO(line.encode()), profile="mistral").findings}
    assert {"unknown_role", "unknown_key"} <= elsewhere
