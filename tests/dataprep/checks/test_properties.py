"""Properties that hold for any data: no check ever raises, and the fast path never contradicts the careful one."""

import io
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep import check, job_error
from dataprep.checks.examples import check_example
from dataprep.checks.profiles import TARGETS
from dataprep.checks.shapes import read_clean_chat
from dataprep.checks.strict_json import Unreadable, read_line
from tests.dataprep.lines import assistant, chat, user

SEED = chat({"role": "system", "content": 'Say "\\" 你好'}, user(), assistant(weight=1), user(), assistant()).encode()
TOKENS = [b'"role"', b'"content"', b'"weight":0,', b'"user"', b"\\", b'"', b"{", b"}", b"[", b"]", b",", b":", b"null"]
TOKENS += [b"\n", b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"1e999", b"NaN", b'"content":"b",', b"\x00", b" ", b"\\\\"]

words = st.sampled_from(["system", "user", "assistant", "role", "content", "weight", "messages", "", " ", "x"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
roles = st.sampled_from(["system", "user", "assistant", "tool", "developer", "bot"])
messages = st.fixed_dictionaries(
    {"role": roles, "content": st.text() | st.none() | st.just(" ")},
    optional={"weight": st.sampled_from([0, 1, 2, None]), "name": st.text(max_size=3)},
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good line with a few cuts and insertions."""
    data = SEED
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        data = data[:start] + draw(st.sampled_from([b"", *TOKENS])) + data[end:]
    return data


def assert_paths_agree(line: bytes) -> None:
    """The fast path calls nothing clean in which the careful path finds anything."""
    if read_clean_chat(line) is not None:
        for profile in TARGETS.values():
            codes = {problem.code for problem in check_example(read_line(line), profile)}
            assert codes <= ({"weight_ignored"} if profile.weight else set())


@settings(max_examples=400, deadline=None)
@given(st.lists(mutated() | st.binary(max_size=40) | st.just(SEED), max_size=5))
def test_no_mutation_makes_the_check_raise(lines: list[bytes]) -> None:
    report = check(io.BytesIO(b"\n".join(lines)))
    assert report.ok == (report.errors == 0)
    for finding in report.findings:
        assert finding.message.isprintable()
    if not report.ok:
        assert job_error(report, "file-1", 1, "supervised") is not None


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_a_mutated_line_is_never_clean_for_one_path_alone(line: bytes) -> None:
    assert_paths_agree(line)


@settings(max_examples=300, deadline=None)
@given(st.lists(messages, max_size=4), st.booleans())
def test_the_two_paths_agree_on_well_formed_chats(chat_messages: list[object], escaped: bool) -> None:
    try:
        line = json.dumps({"messages": chat_messages}, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:
        return
    assert_paths_agree(line)


@settings(max_examples=300, deadline=None)
@given(values)
def test_no_json_value_makes_the_rules_raise(value: object) -> None:
    for shape in (value, {"messages": value}, {"messages": [value]}, {"input": value}, {"prompt": value}):
        try:
            example = read_line(json.dumps(shape).encode())
        except Unreadable:
            continue
        for problem in check_example(example):
            assert problem.detail
