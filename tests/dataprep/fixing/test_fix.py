"""What a fix mends, what it leaves alone, and that it accounts for everything."""

import codecs
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.checks.checker import check as check_stream
from dataprep.checks.profiles import TARGETS
from dataprep.checks.report import Report
from dataprep.fixing.fix import Unfixable, fix
from tests.dataprep.fixing.copied import GOOD, run
from tests.dataprep.lines import assistant, chat, user

TEXT = "\n".join(GOOD) + "\n"
ARRAY = [json.loads(line) for line in GOOD]


def check(text: str, profile: str) -> Report:
    """What a check finds in this text."""
    return check_stream(io.BytesIO(text.encode()), profile=profile)


def spread(objects: list[Any], indent: int, between: str = "\n") -> str:
    """These objects pretty-printed."""
    return between.join(json.dumps(one, indent=indent, ensure_ascii=False) for one in objects)


WHOLE: dict[str, tuple[bytes | str, set[str]]] = {
    "as it is": (TEXT, set()),
    "without the last line break": (TEXT[:-1], set()),
    "byte order mark": (codecs.BOM_UTF8 + TEXT.encode(), {"drop_bom"}),
    "CRLF": (TEXT.replace("\n", "\r\n"), {"crlf_to_lf"}),
    "UTF-16": (TEXT.encode("utf-16"), {"recode"}),
    "UTF-16 without mark": (TEXT.encode("utf-16-le"), {"recode"}),
    "UTF-16 array": (json.dumps(ARRAY, ensure_ascii=False).encode("utf-16"), {"recode", "array_to_lines"}),
    "GB18030": (
        TEXT.replace("问题", "请问明天几点开会").replace("回答", "上午九点在会议室").encode("gb18030"),
        {"recode"},
    ),
    "Big5": (TEXT.replace("问题", "請問明天幾點開會").replace("回答", "上午九點在會議室").encode("big5"), {"recode"}),
    "array on a line": (json.dumps(ARRAY, ensure_ascii=False), {"array_to_lines"}),
    "array, an element a line": ("[\n" + ",\n".join(GOOD) + "\n]\n", {"array_to_lines"}),
    "array, comma at its end": ("[\n" + ",\n".join(GOOD) + ",\n]\n", {"array_to_lines"}),
    "array, pretty": (json.dumps(ARRAY, ensure_ascii=False, indent=2), {"array_to_lines"}),
    "array, indent 0": (json.dumps(ARRAY, ensure_ascii=False, indent=0), {"array_to_lines"}),
    "objects, pretty": (spread(ARRAY, 2), {"join_lines"}),
    "objects, pretty, glued": (spread(ARRAY, 2, ""), {"join_lines"}),
    "objects, pretty, commas": (spread(ARRAY, 4, ",\n"), {"join_lines"}),
    "objects, indent 0": (spread(ARRAY, 0), {"join_lines"}),
    "a pretty object among lines": ("\n".join([*GOOD[:5], spread(ARRAY[5:6], 1), *GOOD[6:]]), {"join_lines"}),
    "objects on one line": ("".join(GOOD), {"split_lines"}),
    "objects on one line with blanks": (" ".join(GOOD), {"split_lines"}),
    "a comma behind each object": (TEXT.replace("}\n", "},\n"), {"drop_trailing_comma"}),
    "trailing commas": (TEXT.replace("]}", ", ], }"), {"drop_trailing_comma"}),
    "raw tabs in strings": (TEXT.replace("回答", "回\t答"), {"escape_control"}),
    "roles of other tools": (TEXT.replace('"assistant"', '"gpt"').replace('"user"', '"Human"'), {"rename_role"}),
    "keys of other tools": (TEXT.replace('"role"', '"timestamp": 1, "role"'), {"drop_key"}),
    "an id beside the messages": (TEXT.replace('{"messages"', '{"id": 7, "messages"'), {"drop_key"}),
    "weights on questions": (TEXT.replace('"role": "user"', '"weight": 1, "role": "user"'), {"drop_weight"}),
    "a system prompt beside the messages": (TEXT.replace('{"messages"', '{"system": "S", "messages"'), {"move_system"}),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_mended_passes_the_check_with_nothing_lost(name: str, tmp_path: Path) -> None:
    data, codes = WHOLE[name]
    report, lines = run(tmp_path, data)
    assert set(report.counts) == codes
    assert report.left.errors == 0
    assert (report.written, report.dropped.total()) == (12, 0)
    contents = [json.loads(line)["messages"][-1]["content"] for line in lines]
    assert [content.replace("\t", "")[-1] for content in contents] == [str(number)[-1] for number in range(12)]
    again, same = run(tmp_path, "\n".join(lines))
    assert (same, again.changes) == (lines, [])


def test_a_good_line_is_copied_to_the_letter(tmp_path: Path) -> None:
    odd = '{"messages" : [{"role":"user","content":"\\u4f60 \\/ \u3000"} ,{"role":"assistant","content":"1e5"}]}  '
    assert run(tmp_path, odd + "\n")[1] == [odd]


def test_an_array_of_examples_in_the_middle_becomes_a_line_each(tmp_path: Path) -> None:
    report, lines = run(tmp_path, f"{GOOD[0]}\n[{GOOD[1]}, {GOOD[0]}, {GOOD[2]},]\n{GOOD[3]}\n")
    assert lines == GOOD[:4]
    assert report.counts == {"array_to_lines": 3, "drop_trailing_comma": 1, "drop_duplicates": 1}
    assert (report.records, report.left.examples) == (5, 4)


def test_line_ends_of_unicodes_in_texts_become_lf(tmp_path: Path) -> None:
    report, (line,) = run(tmp_path, chat(user("a\u2028b\u2029\x85c"), assistant("d")))
    assert json.loads(line)["messages"][0]["content"] == "a\nb\n\nc"
    assert [change.what for change in report.changes] == ["line ends of Unicode's became LF in 'content'"]
    assert report.left.findings == []


def test_blank_lines_and_exact_duplicates_are_dropped_and_told(tmp_path: Path) -> None:
    report, lines = run(tmp_path, f"{GOOD[0]}\n\n{GOOD[1]}\n \t\n{GOOD[0]}\n")
    assert lines == GOOD[:2]
    assert report.dropped == {"drop_blank_lines": 2, "drop_duplicates": 1}
    assert [(change.line, change.code) for change in report.changes] == [
        (2, "drop_blank_lines"),
        (4, "drop_blank_lines"),
        (5, "drop_duplicates"),
    ]
    assert (report.lines, report.records, report.written) == (5, 5, 2)


def test_what_was_mended_before_is_a_duplicate_without_being_mended_again(tmp_path: Path) -> None:
    report, lines = run(tmp_path, f"{GOOD[0]},\n{GOOD[1]}\n{GOOD[0]},\n{GOOD[0]}\n")
    assert lines == GOOD[:2]
    assert report.counts == {"drop_trailing_comma": 1, "drop_duplicates": 2}


MESSY = [
    *GOOD,
    chat(user(), user("又"), assistant(), assistant("再"), user("还")),
    chat(user("零\u200b宽"), assistant("响\x07铃")),
    chat({"role": "human", "content": "x", "time": 1}, {"role": "GPT", "content": "y", "weight": 1}),
    chat(user(weight=1), assistant(), text="<s>"),
    '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},]}',
    GOOD[0],
    "",
]


@pytest.mark.parametrize("profile", TARGETS)
def test_whatever_a_check_calls_mendable_is_mended(profile: str, tmp_path: Path) -> None:
    before = check("\ufeff" + "\n".join(MESSY), profile)
    assert len({finding.fix for finding in before.findings if finding.fix}) >= 7
    report, _ = run(tmp_path, "\ufeff" + "\n".join(MESSY), profile=profile)
    assert report.left.errors == 0
    assert [one for one in report.left.findings if one.fix] == []
    assert {one.fix for one in before.findings if one.fix} <= report.counts.keys()


def test_an_unknown_profile_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown profile 'nobody'"):
        run(tmp_path, TEXT, profile="nobody")
    assert [path.name for path in tmp_path.iterdir()] == ["source.jsonl"]


LEFT = [
    "{'messages': []}",
    '{"messages": [',
    '{"messages": [{"role": "user", "content": "cut off',
    "[1, 2",
    "not json",
    '{"a": [1,, 2]}',
    '{"a": [1,,]}',
    '{"a": 1, "a": 2}',
    '{"messages": [{"role": "wizard", "content": "x"}, {"role": "assistant", "content": "y"}]}',
    chat({"role": "user", "contnet": "x"}, assistant()),
    chat(user(), assistant(wieght=0)),
    chat(user(), {"role": "assistant", "id": "kept"}),
    '{"text": "\\ud83d"}',
    '{"n": NaN}',
    '{"messages": []} trailing words',
    "1" * 5000,
    '{"a":' * 3000 + "1" + "}" * 3000,
]


@pytest.mark.parametrize("line", LEFT)
def test_what_is_unclear_stays_as_it_is_and_is_reported(line: str, tmp_path: Path) -> None:
    report, lines = run(tmp_path, f"{GOOD[0]}\n{line}\n{GOOD[1]}\n")
    assert lines == [GOOD[0], line, GOOD[1]]
    assert report.counts == {}
    assert report.left.errors > 0
    assert {finding.line for finding in report.left.findings if finding.severity == "error"} == {2}


def test_bytes_that_are_no_text_stay_in_their_line(tmp_path: Path) -> None:
    data = "\n".join(GOOD).encode().replace("回答3".encode(), b"caf\xe9")
    report, lines = run(tmp_path, data)
    assert report.encoding == "utf-8"
    assert lines[3].encode("utf-8", "surrogateescape") == data.split(b"\n")[3]
    assert [finding.code for finding in report.left.findings if finding.severity == "error"] == ["invalid_utf8"]


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    line = chat(user("café"), assistant("crème"))
    report, lines = run(tmp_path, line.encode("latin-1"), encoding="latin-1")
    assert lines == [line]
    assert report.counts == {"recode": 1}
    with pytest.raises(LookupError):
        run(tmp_path, line, encoding="no-such-encoding")
    assert not list(tmp_path.glob("*target*"))


def test_tool_arguments_become_json_in_a_string(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"city": "上海"}}}
    tools = [{"type": "function", "function": {"name": "f"}}]
    _, lines = run(tmp_path, chat(user(), assistant(None, tool_calls=[call]), tools=tools))
    mended = json.loads(lines[0])["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(mended) == {"city": "上海"}


def test_masks_are_put_only_when_asked_and_the_same_throughout(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"phone": 13812345678}'}}
    first = chat(user("我的电话是13812345678，记得打"), assistant("好"))
    second = chat(user([{"type": "text", "text": "a@b.org"}]), assistant(None, tool_calls=[call]))
    assert run(tmp_path, f"{first}\n{second}\n")[1] == [first, second]
    report, lines = run(tmp_path, f"{first}\n{second}\n", mask=True)
    assert json.loads(lines[0])["messages"][0]["content"] == "我的电话是[PHONE_1]，记得打"
    messages = json.loads(lines[1])["messages"]
    assert messages[0]["content"][0]["text"] == "[EMAIL_1]"
    assert json.loads(messages[1]["tool_calls"][0]["function"]["arguments"]) == {"phone": "[PHONE_1]"}
    assert report.masked == {"PHONE": 2, "EMAIL": 1}
    assert report.counts == {"mask": 2}


def test_a_picture_is_no_place_for_a_mask(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,A/13812345678+AAA="}}
    line = chat(user([picture]), assistant())
    assert run(tmp_path, line, mask=True)[1] == [line]


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    source, target = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text(TEXT, encoding="utf-8")
    target.write_text("mine", encoding="utf-8")
    for taken in (source, target):
        before = taken.read_bytes()
        with pytest.raises(FileExistsError, match="Name a new file"):
            fix(source, taken)
        assert taken.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl"]


@pytest.mark.parametrize("data", [b"PK\x03\x04rest", b"%PDF-1.7\n", b"\x1f\x8b\x08\x00" + bytes(99)])
def test_what_is_no_text_is_refused_and_leaves_no_file(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(Unfixable, match="not JSONL"):
        run(tmp_path, data)
    assert [path.name for path in tmp_path.iterdir()] == ["source.jsonl"]


TOKENS = [
    "\n",
    "\r\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    '"',
    "\\",
    "\ufeff",
    " ",
    GOOD[0],
    GOOD[1],
    "1",
    "\u2028",
    "\x00",
    "\t",
]


@settings(max_examples=150, deadline=None)
@given(text=st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=12).map("".join), mask=st.booleans())
def test_any_text_is_fixed_or_left_and_every_line_counted(
    text: str, mask: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("fuzz")
    report, _ = run(tmp_path, text.encode("utf-8", "surrogatepass"), encoding="utf-8", mask=mask)
    assert report.lines == text.count("\n") + (text[-1:] not in ("", "\n"))
