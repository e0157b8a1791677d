"""What a check says of whole files: disguises, encodings, broken JSON, bombs, duplicates."""

import codecs
import gzip
import io
import json
import pickle
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from typing_extensions import Buffer

from dataprep import check, job_error
from dataprep.checks.limits import MAX_LINE_BYTES
from dataprep.checks.report import MAX_KEPT_FINDINGS
from dataprep.checks.walk import MAX_ERRORS
from tests.dataprep.lines import GREETING, assistant, chat, check_bytes, check_text, user

GOOD = json.dumps(GREETING)
BOM = codecs.BOM_UTF8


class Endless(io.RawIOBase):
    """A file of `size` bytes made of one repeated pattern, never held in memory."""

    def __init__(self, pattern: bytes, size: int) -> None:
        self.block = pattern * (65536 // len(pattern))
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        count = min(len(view), self.left, len(self.block))
        view[:count] = self.block[:count]
        self.left -= count
        return count


def codes(data: bytes | str) -> list[str]:
    """The codes found in this file."""
    report = check_text(data) if isinstance(data, str) else check_bytes(data)
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n\n", BOM, BOM + b"\n"])
def test_a_file_without_examples_is_called_empty(data: bytes) -> None:
    report = check_bytes(data)
    assert [(finding.line, finding.code) for finding in report.findings] == [(None, "empty_file")]
    assert report.kind is None


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (f"[{GOOD},{GOOD}]".encode(), "json_array", "one object a line"),
        (f"[\n {GOOD}\n]".encode(), "json_array", "one object a line"),
        (json.dumps(GREETING, indent=1).encode(), "invalid_json", "spread over several lines"),
        (b"question,answer\nHi,Ahoy!\n", "csv", "CSV"),
        ("问题\t回答\n你好\t嗨\n".encode(), "csv", "CSV"),
        (GOOD.encode("utf-16"), "invalid_encoding", "UTF-16"),
        (GOOD.encode("utf-16-le"), "invalid_encoding", "UTF-16"),
        (GOOD.encode("utf-32"), "invalid_encoding", "UTF-16"),
        (gzip.compress(GOOD.encode(), mtime=0), "unsupported_file_type", "gzip"),
        (b"PK\x03\x04rest", "unsupported_file_type", "zip"),
        (pickle.dumps({"a": 1}), "unsupported_file_type", "pickle"),
        (b"%PDF-1.7\n", "unsupported_file_type", "PDF"),
    ],
)
def test_what_is_no_jsonl_at_all_gets_one_finding_that_says_what_it_is(data: bytes, code: str, words: str) -> None:
    report = check_bytes(data)
    assert [(finding.line, finding.code) for finding in report.findings] == [(1, code)]
    assert words in report.findings[0].message
    assert not report.complete


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ('{"messages": [],}', "invalid_json", "trailing comma"),
        ('{"messages": [1,]}', "invalid_json", "trailing comma"),
        (GOOD + ",", "invalid_json", "trailing comma"),
        ("{'messages': []}", "invalid_json", "double quotes"),
        ('{"ok": True}', "invalid_json", "true, false, null"),
        ('{"messages": [', "invalid_json", "in the middle"),
        ('{"messages": "abc', "invalid_json", "in the middle"),
        ('{"messages": "a\tb"}', "invalid_json", "control character"),
        ('{"messages": "a\\xb"}', "invalid_json", "backslash"),
        ('{"messages" []}', "invalid_json", "column 13"),
        ("hello", "invalid_json", "column 1"),
        ('{"messages": [], "messages": []}', "duplicate_key", "'messages'"),
        ('{"messages": [{"role": "user", "content": "a", "content": "b"}]}', "duplicate_key", "'content'"),
        ('{"n": NaN}', "invalid_number", "NaN"),
        ('{"n": 1e400}', "invalid_number", "1e400"),
        ('{"n": ' + "9" * 5000 + "}", "invalid_number", "digits"),
        ('{"messages": [{"role": "assistant", "content": "\\ud83d"}]}', "lone_surrogate", "\\ud83d"),
        ("[" * 100_000, "json_too_deep", "nested"),
        ('{"messages":' * 100_000, "json_too_deep", "nested"),
        ("\ufeff" + GOOD, "byte_order_mark", "Remove it"),
        ("[1, 2]", "not_an_object", "an array"),
        ("null", "not_an_object", "null"),
        ('"text"', "not_an_object", "a string"),
    ],
)
def test_a_line_that_is_no_strict_json_object_is_refused_by_its_number(line: str, code: str, words: str) -> None:
    report = check_text(f"{GOOD}\n{line}\n")
    assert [(finding.line, finding.code) for finding in report.findings] == [(2, code)]
    assert words in report.findings[0].message
    assert report.examples == 2


def test_objects_in_a_row_on_one_line_count_as_so_many_examples() -> None:
    report = check_text(f"{GOOD}\n{GOOD}{GOOD}\n")
    ((line, code, fix),) = ((one.line, one.code, one.fix) for one in report.findings)
    assert (line, code, fix, report.examples) == (2, "invalid_json", "split_lines", 3)
    assert "one object a line" in report.findings[0].message


def test_an_array_of_examples_on_a_line_is_told_with_its_mend() -> None:
    report = check_text(f"{GOOD}\n[{GOOD}, {GOOD}]\n")
    ((line, code, fix),) = ((one.line, one.code, one.fix) for one in report.findings)
    assert (line, code, fix, report.examples) == (2, "not_an_object", "array_to_lines", 3)
    assert "an array of 2 examples. Write each on a line of its own" in report.findings[0].message
    others = check_text(f"{GOOD}\n[{GOOD}, 7]\n[]\n[[{GOOD}]]\n")
    assert [(one.code, one.fix) for one in others.findings] == [("not_an_object", None)] * 3
    assert others.examples == 4


def test_invalid_utf8_is_told_with_its_byte() -> None:
    report = check_bytes(GOOD.encode() + b'\n{"messages": "\xe9t\xe9"}\n')
    assert report.findings[0].code == "invalid_utf8"
    assert report.findings[0].message.startswith("Line 2: byte 15 of the line, 0xe9, is not UTF-8")


def test_a_byte_order_mark_is_refused_and_the_rest_still_checked() -> None:
    report = check_bytes(BOM + GOOD.encode() + b'\n{"messages": []}\n')
    assert [(finding.line, finding.code) for finding in report.findings] == [
        (1, "byte_order_mark"),
        (2, "invalid_messages"),
    ]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_every_line_ending_is_read_and_that_of_windows_is_told_once(ending: str) -> None:
    for first, expected in (("\n", []), ("\r\n", [(1, "crlf_line_ends", "warning", "crlf_to_lf")])):
        data = f"{GOOD}{first}{chat(user('2'), assistant())}{ending}"
        report = check_text(data)
        assert [(one.line, one.code, one.severity, one.fix) for one in report.findings] == expected
        assert (report.examples, report.bytes, report.complete) == (2, len(data.encode()), True)


def test_a_separator_that_only_unicode_calls_a_line_break_breaks_no_line_but_is_told() -> None:
    report = check_text(chat(user("a\u2028b\u0085c"), assistant("d")))
    assert report.examples == 1
    (finding,) = report.findings
    assert (finding.code, finding.severity, finding.pointer) == ("line_separator", "warning", "/messages/0/content")
    assert "'\\u2028' ends a line for some programs" in finding.message


@pytest.mark.parametrize(
    ("line", "column", "pointer"),
    [
        ('{"a": "NaN", "b": [0, {"c/d": NaN}]}', 31, "/b/1/c~1d"),
        ('{"n": -Infinity}', 7, "/n"),
        ("[[], [1e400]]", 7, "/1/0"),
        ('{"messages": [{"role": "user", "content": "a", "content": "b"}]}', 48, "/messages/0/content"),
        ('{"a": {"b": 1}, "b": {"\\u0061": "a", "a": 2}}', 38, "/b/a"),
        ('{"messages": {"x": NaN}}', 20, "/messages/x"),
    ],
)
def test_numbers_that_are_none_and_keys_given_twice_are_told_with_their_place(
    line: str, column: int, pointer: str
) -> None:
    report = check_text(f"{GOOD}\n{line}\n")
    (finding,) = report.findings
    assert finding.message.startswith(f"Line 2: at column {column}: ")
    assert finding.pointer == pointer
    assert job_error(report, "file-1", 1, "supervised") is not None


@pytest.mark.parametrize(
    ("line", "column", "pointer"),
    [
        (chat(user("\U0001f600"), assistant("x[]")).replace("[]", "\\ud83d"), 82, "/messages/1/content"),
        ('{"messages": [{"role": "user", "content": "\\ud83d\\ude00 \\\\ud83d \\uDE00"}]}', 43, "/messages/0/content"),
        ('{"a": {"b\\udc00": 1}}', 8, "/a"),
        ('["\\ud83d\\ude00", ["\\ud83d"]]', 19, "/1/0"),
        ('{"\\ud83d": "x"}', 2, ""),
    ],
)
def test_half_a_character_is_told_with_the_text_that_holds_it(line: str, column: int, pointer: str) -> None:
    (finding,) = check_text(f"{GOOD}\n{line}\n").findings
    assert (finding.code, finding.pointer) == ("lone_surrogate", pointer)
    assert finding.message.startswith(f"Line 2: at column {column}: \\u")


def test_a_pointer_can_be_printed_whatever_the_keys_are() -> None:
    for line in ('{"\\ud83d": {"a": NaN}}', '{"\\ud83d": {"a": 1, "a": 2}}'):
        (finding,) = check_text(f"{GOOD}\n{line}").findings
        assert finding.pointer == "/?/a"


def test_blank_lines_are_one_warning_and_count_as_lines() -> None:
    report = check_text(f"{GOOD}\n\n  \n" + '{"messages": []}\n')
    assert [(finding.line, finding.code) for finding in report.findings] == [
        (2, "blank_lines"),
        (4, "invalid_messages"),
    ]
    assert "one of 2" in report.findings[0].message
    assert (report.errors, report.warnings) == (1, 1)


@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_repeated_example_is_a_warning_that_names_the_first(ending: str) -> None:
    report = check_text(f"{GOOD}\n{chat(user('2'), assistant())}\n{GOOD}{ending}")
    assert [(finding.line, finding.code) for finding in report.findings] == [(3, "duplicate_example")]
    assert "line 1" in report.findings[0].message
    assert report.ok


def test_findings_are_capped_but_counted_and_errors_outlast_warnings() -> None:
    repeated = f"{GOOD}\n" * (MAX_KEPT_FINDINGS + 6)
    report = check_text(repeated + '{"messages": []}\n' * 2)
    assert len(report.findings) == MAX_KEPT_FINDINGS
    assert (report.errors, report.warnings) == (2, MAX_KEPT_FINDINGS + 5)
    assert sum(finding.severity == "error" for finding in report.findings) == 2


def test_a_hopeless_file_is_given_up() -> None:
    report = check_bytes(b"1\n" * (MAX_ERRORS + 5))
    assert (report.errors, report.complete, len(report.findings)) == (MAX_ERRORS, False, MAX_KEPT_FINDINGS)


@pytest.mark.parametrize("line", [b"\n", b"1\n"])
def test_millions_of_tiny_lines_are_given_up_before_long(line: bytes) -> None:
    began = time.process_time()
    report = check_bytes(line * 10_000_000)
    assert not report.ok
    assert not report.complete
    assert time.process_time() - began < 10


def test_a_line_of_a_million_faults_is_given_up_before_long() -> None:
    began = time.process_time()
    report = check_bytes(b'{"messages":[' + b"1," * 900_000 + b"1]}")
    assert report.errors == MAX_ERRORS
    assert time.process_time() - began < 5


def test_a_monstrous_line_is_refused_without_being_read_whole() -> None:
    source = Endless(b"a", 400 * 1024 * 1024)
    began = time.process_time()
    report = check(io.BufferedReader(source))
    assert [finding.code for finding in report.findings] == ["line_too_long"]
    assert source.left > 300 * 1024 * 1024
    assert time.process_time() - began < 2


def test_a_line_made_of_millions_of_values_is_refused_before_it_fills_memory() -> None:
    line = b'{"messages":[' + b"{}," * 1_500_000 + b"{}]}"
    assert len(line) < MAX_LINE_BYTES
    assert codes(line) == ["json_too_large"]


def test_memory_stays_flat_over_a_long_file() -> None:
    def lines() -> Iterator[bytes]:
        for number in range(8_000):
            yield chat(user(f"{number}" + "x" * 1000), assistant()).encode() + b"\n"

    data = b"".join(lines())
    stream = io.BytesIO(data)
    tracemalloc.start()
    report = check(stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.examples == 8_000
    assert peak < len(data) / 4


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="known: openai"):
        check(io.BytesIO(), profile="acme")


def test_prose_is_told_once_and_broken_objects_line_by_line() -> None:
    prose = "".join(f"This is sentence {number} of a licence\n\n" for number in range(40))
    report = check_bytes(prose.encode())
    (finding,) = report.findings
    assert (finding.line, finding.code, finding.severity) == (1, "unsupported_file_type", "error")
    assert (report.errors, report.complete, report.examples) == (1, False, 0)
    broken = check_bytes(b'{"messages": [}\n' * 40)
    assert (broken.errors, broken.complete) == (40, True)
    late = check_bytes(b"a sentence\n" * 19 + b'{"messages": [}\n' + b"a sentence\n" * 19)
    assert (late.errors, late.complete) == (39, True)
