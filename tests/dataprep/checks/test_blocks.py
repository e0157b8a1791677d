"""That reading in blocks finds what reading line by line finds, whatever the lines and wherever the blocks end."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep import Report
from dataprep.checks.limits import MAX_REMEMBERED, Line
from dataprep.checks.profiles import TARGETS
from dataprep.checks.walk import Walk
from tests.dataprep.checks.test_suspicion import SECRETS, WORDLESS
from tests.dataprep.lines import assistant, chat, user

CLEAN = chat(user("Is the lamp lit, keeper of the coast?"), assistant("It is, and it turns twice a minute.")).encode()
SYSTEM = {"role": "system", "content": "You keep a lighthouse."}
EDGES = [
    "",
    " ",
    "\n",
    "\t",
    "\u200b",
    "\u3000",
    "\u00a0",
    "[",
    "<",
    "下",
    "“",
    "a",
    "te",
    "ed",
    "omitted",
    "媒體已略去",
]
EDGES += ["\u180e", "\u0085", "ſo", "\\", '"', "}", '"}', "\u2028", "😀", "é", "/", "\x7f", "]}", "{", "image omitted"]
EDGES += ["pizza", "za", "of", "imagem omitidoſ", "u0022", "容", "灯塔" * 35 + "容", '"' * 30 + "image omitted"]
# Keys in spellings that a look at the raw line may miss.
ODD_SECRETS = ["Key bearer abcd/1efghijklmnopqrstuv", "sk－a1B2c3D4e5F6g7H8i9J0", "bearer\u00a0a1B2c3D4e5F6g7H8i9J0"]
ODD_SECRETS += ["-----BEGIN\u00a0RSA PRIVATE KEY-----\n" + "a1B2c3D4" * 14]
texts = st.lists(
    st.sampled_from([*EDGES, *SECRETS, *ODD_SECRETS, *WORDLESS, "lamp ", "灯塔", "lit " * 30]), max_size=4
).map("".join)
contents = texts | st.text(max_size=6)
turns = st.lists(st.tuples(contents, contents), min_size=1, max_size=3)


@st.composite
def chats(draw: st.DrawFn) -> bytes:
    """A chat that is orderly, written in one of several ways."""
    system = draw(st.sampled_from([[], [SYSTEM]]))
    pairs = draw(turns)
    messages = [*system, *(message for ask, answer in pairs for message in (user(ask), assistant(answer)))]
    separators = draw(st.sampled_from([None, (",", ":"), (", ", ":"), (" ,", ": ")]))
    line = json.dumps({"messages": messages}, ensure_ascii=draw(st.booleans()), separators=separators)
    # Some programs write a slash so.
    line = line.replace("/", "\\/") if draw(st.booleans()) else line
    return line.encode("utf-8", "surrogatepass")


SCRAPS = [b"", b'"', b"\\", b"\\\\", b'\\"', b"{", b"}", b"\n", b"\r", b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b" "]
SCRAPS += [b'"}, {"role": "user", "content": "', b'"},{"role":"assistant","content":"', b"\\u0022", b"\\u00e9", b"\\x"]
SCRAPS += [
    b'{"messages": [',
    b'"}]}',
    b'"}]}\n',
    b', "weight": 0',
    b"system",
    b"tool",
    b"\xef\xbb\xbf",
    b"\xe3\x80\x80",
]


@st.composite
def wounded(draw: st.DrawFn) -> bytes:
    """Such a line with one to three wounds."""
    line = draw(chats() | st.just(CLEAN))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(line)))
        end = draw(st.integers(start, min(len(line), start + 3)))
        line = line[:start] + draw(st.sampled_from(SCRAPS)) + line[end:]
    return line


OTHERS = [b"", b"  ", b"[]", b"{}", b'{"prompt": "a", "completion": "b"}', b"\xef\xbb\xbf" + CLEAN, CLEAN + b"\r", b"x"]
OTHERS += [
    chat(user(), assistant(weight=1)).encode(),
    chat(assistant(), user()).encode(),
    chat(user(), user()).encode(),
]
OTHERS += [chat(user(), assistant(), tools=[]).encode(), chat(SYSTEM, assistant()).encode(), chat(SYSTEM).encode()]
lines = chats() | wounded() | st.sampled_from([CLEAN, CLEAN, *OTHERS])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Lines, some of them repeated, often after a clean one; perhaps without an end."""
    some = draw(st.lists(lines, min_size=1, max_size=6))
    chosen = draw(st.lists(st.sampled_from(some), min_size=1, max_size=14))
    start = draw(st.sampled_from([b"", CLEAN + b"\n", chat(user("Who?"), assistant("I.")).encode() + b"\n"]))
    return start + b"\n".join(chosen) + draw(st.sampled_from([b"", b"\n"]))


def read_through(
    data: bytes, lines_of: Callable[[Walk, io.BytesIO], Iterator[Line]], stride: int, target: str
) -> Report:
    """Check data by the lines that this function hands on."""
    walk = Walk(TARGETS[target], 2, stride)
    walk.follow(lines_of(walk, io.BytesIO(data)))
    return walk.finish()


def by_lines(_: Walk, stream: io.BytesIO) -> Iterator[Line]:
    """Every line, each as if it might hold a secret."""
    return zip(count(1), stream, repeat(True), strict=False)


def assert_same(data: bytes, size: int = 4000, stride: int = 1000, target: str = "engine") -> Report:
    """Both ways come to the same report."""
    expected = read_through(data, by_lines, stride, target)
    found = read_through(data, lambda walk, stream: walk.read_blocks(stream, size), stride, target)
    assert found == expected
    return found


def opening(size: int) -> bytes:
    """A line that fills a block and says that chats follow; until that is known nothing is passed over."""
    short = chat(user("Lit?"), assistant("Yes."), user(""), assistant("So it is.")).encode()
    return short.replace(b'""', b'"%s"' % (b"?" * (size - len(short) - 1))) + b"\n"


@settings(max_examples=700, deadline=None)
@given(
    files(),
    st.sampled_from([200, 400, 1000, 4000]),
    st.sampled_from([2, 3, 1000]),
    st.sampled_from(["openai", "engine"]),
    st.sampled_from([True, True, False]),
)
def test_blocks_find_what_lines_find(data: bytes, size: int, stride: int, target: str, known: bool) -> None:
    assert_same(opening(size) + data if known else data, size, stride, target)


@pytest.mark.parametrize("tail", [b"", b"x", b'"', b'""', b'"}', b'"}]', b'x"}', b'"}]}', b'x"}]}'])
def test_a_line_cut_short_behind_a_frame_is_read_alone(tail: bytes) -> None:
    begun = CLEAN[: CLEAN.rindex(b'"It') + 1] + tail
    for data in (begun, begun + b"\n", b"{\n" + begun):
        assert_same(opening(400) + data, 400)


def test_the_same_example_is_found_wherever_the_first_one_was_passed_over() -> None:
    talks = [chat(user(f"Which lamp is lit at {number}?"), assistant("The third.")).encode() for number in range(60)]
    report = assert_same(opening(400) + b"\n".join([*talks, *talks]), 400)
    assert sum(finding.code == "duplicate_example" for finding in report.findings) == len(talks)


def test_lines_that_differ_in_one_letter_are_no_duplicates() -> None:
    middle = "of the coast "
    talks = [chat(user(f"{middle * 9}{letter}{middle * 20}?"), assistant("Lit.")).encode() for letter in "abcdef"]
    report = assert_same(opening(4000) + b"\n".join(talks))
    assert not any(finding.code == "duplicate_example" for finding in report.findings)


def test_the_first_of_a_file_are_remembered_and_no_more() -> None:
    talks = [chat(user(f"{number}?"), assistant("Lit.")).encode() for number in range(1, MAX_REMEMBERED + 50)]
    data = opening(4000) + b"\n".join([*talks, *talks[-60:]])
    report = assert_same(data, 4000, 50_000)
    assert sum(finding.code == "duplicate_example" for finding in report.findings) == 10


def test_clean_chats_are_passed_over() -> None:
    for line in (CLEAN, CLEAN.replace(b": ", b":").replace(b", ", b",")):
        walk = Walk(TARGETS["openai"], None, 1000)
        talks = [line.replace(b"twice", b"%d times" % number) for number in range(100)]
        lines = list(walk.read_blocks(io.BytesIO(b"\n".join(talks)), 4000))
        # The stream has no opening: until its first line has been looked at, all are handed on.
        assert len(lines) == len(talks)
        walk.report.kind = "chat"
        assert not list(walk.read_blocks(io.BytesIO(b"\n".join(talks)), 4000))


def test_chats_in_a_file_of_another_kind_are_told_however_many_there_are() -> None:
    talks = [chat(user(f"Which lamp is lit at {number}?"), assistant("The third.")).encode() for number in range(5000)]
    report = assert_same(b"\n".join([b'{"prompt": "a", "completion": "b"}', *talks]), 1 << 20)
    assert report.errors == len(talks)
    assert {finding.code for finding in report.findings if finding.severity == "error"} == {"mixed_kinds"}


@pytest.mark.parametrize("answer", ["pizza", "imagem omitidoſ", "Yes.", "灯塔" * 35 + "容", '"' * 30 + "image omitted"])
@pytest.mark.parametrize("question", [*ODD_SECRETS, 'Key u0022 "x" '])
def test_the_same_lines_get_a_closer_look_either_way(question: str, answer: str) -> None:
    line = chat(user(question), assistant(answer))
    for written in (line, line.replace("/", "\\/"), line.replace("\u00a0", "\\u00a0")):
        assert_same(opening(4000) + written.encode())


@pytest.mark.parametrize("limit", [-5, 0, 20])
def test_the_length_of_an_example_is_looked_at_in_every_line(limit: int) -> None:
    data = opening(4000) + b"\n".join(CLEAN.replace(b"twice", b"%d times" % number) for number in range(9))
    target = replace(TARGETS["engine"], max_tokens=limit)
    by_line, by_block = Walk(target, 2, 1000), Walk(target, 2, 1000)
    by_line.follow(by_lines(by_line, io.BytesIO(data)))
    by_block.follow(by_block.read_blocks(io.BytesIO(data), 4000))
    assert by_line.finish() == by_block.finish()


def test_a_byte_order_mark_in_the_middle_ends_nothing() -> None:
    other = CLEAN.replace(b"twice", b"thrice")
    report = assert_same(opening(200) + b"\n".join([CLEAN, other, b"\xef\xbb\xbf" + CLEAN, other]), 200)
    assert "duplicate_example" in {finding.code for finding in report.findings}
