"""What the scanner passes over, byte for byte: that is as strict as Python's own decoder of UTF-8 and of JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.checks.limits import MAX_REMEMBERED
from dataprep.checks.scanner import NUMBER_BITS, Found, Scanner

SIZE = 1 << 20
QUESTION = b'{"messages": [{"role": "user", "content": "%b"}, {"role": "assistant", "content": "So it is."}]}\n'
ANSWER = b'{"messages": [{"role": "user", "content": "So it is?"}, {"role": "assistant", "content": "%b"}]}\n'


def scan(block: bytes, stride: int = 1 << 30, longest: int = SIZE, *, everything: bool = False) -> list[Found]:
    """All lines of a block that are handed on."""
    scanner = Scanner(len(block), stride, longest)
    scanner.load(block)
    found, at, number = list[Found](), 0, 0
    while at < len(block):
        some, at, number = scanner.scan(at, number, 0, everything=everything)
        found += some
    assert number == block.count(b"\n")
    return found


def passes(line: bytes) -> bool:
    return not scan(line)


def is_text(content: bytes) -> bool:
    """Whether it is UTF-8, and all of a JSON string as it stands."""
    try:
        return bool(json.loads(f'"{content.decode()}"'))
    except ValueError:
        return False


def test_every_character_is_read_as_python_reads_it() -> None:
    handed_on = set[int]()
    for start in range(0x20, 0x110000, 1 << 12):
        codes = range(start, min(start + (1 << 12), 0x110000))
        # Behind a letter there is no edge.
        lines = [QUESTION % f"a{chr(code)}{code}".encode("utf-8", "surrogatepass") for code in codes]
        handed_on |= {codes[found.number - 1] for found in scan(b"".join(lines))}
    # The quotation mark; the backslash before a digit; halves of characters.
    assert handed_on == {0x22, 0x5C, *range(0xD800, 0xE000)}


PIECES = [*(bytes((byte,)) for byte in range(256)), "灯塔".encode(), "灯塔看守人".encode()]


@pytest.mark.parametrize("before", ["", "灯塔看守人"])
def test_bytes_that_are_no_character_are_handed_on(before: str) -> None:
    starts = [bytes((lead, second)) for lead in range(0x80, 0x100) for second in (*range(0x7E, 0xC2, 2), 0x9F, 0xBF)]
    texts = [b"a%b%b" % (before.encode(), start) + b"\x80" * more for start in starts for more in range(4)]
    texts = [text + "看守人点亮了灯".encode() for text in texts]
    found = {one.number - 1 for one in scan(b"".join(QUESTION % text for text in texts))}
    assert found == {at for at, text in enumerate(texts) if not is_text(text)}


@settings(max_examples=2000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=9))
def test_what_passes_is_utf_8_and_json(pieces: list[bytes]) -> None:
    content = b"a%bz" % b"".join(pieces)
    if b"\n" not in content:
        assert passes(QUESTION % content) == is_text(content) or b"\\u" in content


@pytest.mark.parametrize("size", range(1, 70))
def test_a_byte_is_seen_wherever_it_stands(size: int) -> None:
    for wound in (b'"', b"\\x", b"\x00", b"\x1f", b"\xff", b"\x80"):
        lines = [QUESTION % (b"a" * at + wound + b"z" * (size - at)) for at in range(size)]
        assert len(scan(b"".join(lines))) == size, wound


@pytest.mark.parametrize(
    "content", ["\\u00e9", "", " a", "\\ta", "\u3000a", "\u200ba", "\u180ea"], ids=lambda content: repr(content)
)
def test_texts_that_may_be_blank_are_handed_on(content: str) -> None:
    assert not passes(QUESTION % content.encode())
    assert not passes(ANSWER % content.encode())


NOTES = ["[图片]", "a ", "a\\n", "a\\\\n", "image omitted", "媒體已略去", "éd", "<a", "Photo ‹a›"]


@pytest.mark.parametrize("content", NOTES)
def test_answers_that_may_stand_for_a_medium_are_handed_on(content: str) -> None:
    assert not passes(ANSWER % content.encode())
    assert content[0] in "[<" or passes(QUESTION % content.encode())


@pytest.mark.parametrize("content", ['\\"a', 'a\\"', "a\\\\", "a\\/b", "灯", "é", "😀", "a", "wind", "omitted" * 20])
def test_other_answers_pass(content: str) -> None:
    assert passes(ANSWER % content.encode())


def test_lines_of_the_sample_and_long_ones_are_handed_on() -> None:
    block = b"".join(QUESTION % (b"%d" % number * 30) for number in range(100, 200))
    assert [found.number for found in scan(block, stride=7)] == list(range(7, 101, 7))
    assert len(scan(block, longest=len(QUESTION))) == 100


def test_many_lines_are_found_in_several_goes() -> None:
    found = scan(b"x\n" * 10_000)
    assert [(one.start, one.end, one.number) for one in found] == [(2 * at, 2 * at + 2, at + 1) for at in range(10_000)]
    assert not any(one.passable or one.first for one in found)


def test_the_number_of_every_line_that_is_remembered_fits_into_a_mark() -> None:
    assert MAX_REMEMBERED < 1 << NUMBER_BITS


def test_an_earlier_line_is_told_once() -> None:
    lines = [QUESTION % b"one", QUESTION % b"other", QUESTION % b"one", QUESTION % b"one"]
    found = scan(b"".join(lines), everything=True)
    assert [one.passable for one in found] == [True, True, False, False]
    assert [one.first for one in found] == [None, None, (1, 0), None]


def test_lines_that_differ_anywhere_are_not_alike() -> None:
    content = b"lamp" * 10
    lines = [QUESTION % content, *(QUESTION % (content + b"-" * more) for more in range(1, 100))]
    lines += [QUESTION % (content[:at] + b"L" + content[at + 1 :]) for at in range(len(content))]
    lines += [ANSWER % (content[:at] + b"L" + content[at + 1 :] + b".") for at in range(len(content))]
    assert not scan(b"".join(lines))


def test_nearly_all_new_lines_of_a_large_file_pass_and_none_that_is_there_twice() -> None:
    scanner, numbers, number = Scanner(SIZE, 1 << 30, SIZE), range(0, MAX_REMEMBERED, 1000), 0
    blocks = [b"".join(QUESTION % (b"%d" % at) for at in range(start, start + 1000)) for start in numbers]
    handed_on = list[int]()
    for block in blocks * 2:
        scanner.load(block)
        found, at, number = scanner.scan(0, number, 0, everything=False)
        assert at == len(block)
        handed_on += (one.number for one in found)
    assert len([number for number in handed_on if number <= MAX_REMEMBERED]) < MAX_REMEMBERED / 100
    assert len([number for number in handed_on if number > MAX_REMEMBERED]) == MAX_REMEMBERED


def test_the_word_bearer_is_seen_wherever_it_stands() -> None:
    for at in range(40):
        assert Scanner(SIZE, 1, 1).load(b"-" * at + b"bearer x\n")
        assert not Scanner(SIZE, 1, 1).load(b"-" * at + b"bear a rare x\n")


def test_a_block_that_is_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="room for 10"):
        Scanner(10, 1, 1).load(b"x" * 10 + b"\n")
