"""What a check says of a file that is no training data: which export it is, or which encoding."""

import io
import json

import pytest

from dataprep import check
from tests.dataprep.lines import assistant, chat, check_bytes, check_text, user

TELEGRAM = json.dumps({"name": "Bei", "type": "personal_chat", "id": 1, "messages": [{"id": 1}]}, indent=1)
ALPACA = json.dumps([{"instruction": "Lit?", "input": "", "output": "Yes."}], indent=1)
SHAREGPT = json.dumps({"conversations": [{"from": "human", "value": "Lit?"}, {"from": "gpt", "value": "Yes."}]})
WHATSAPP = "2026/11/18 09:01 - 林小北: 差不多了\n2026/11/18 09:02 - 阿哲: 好\n2026/11/18 09:03 - 林小北: 走吧\n"
CHINESE = [chat(user(f"灯塔的第{number}盏灯亮了吗？"), assistant("亮了，整夜都亮着。")) for number in range(12)]


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (TELEGRAM.encode(), "Telegram Desktop JSON"),
        (ALPACA.encode(), "Alpaca"),
        (f"{SHAREGPT}\n{SHAREGPT}\n".encode(), "ShareGPT"),
        (WHATSAPP.encode(), "WhatsApp text export"),
        (WHATSAPP.encode("utf-16"), "WhatsApp text export"),
        (b"\xef\xbb\xbf" + ALPACA.replace("\n", "\r\n").encode(), "Alpaca"),
    ],
)
def test_an_export_is_called_by_its_name_and_to_be_converted(data: bytes, title: str) -> None:
    report = check_bytes(data)
    assert [(one.line, one.code, one.fix) for one in report.findings] == [(1, "unsupported_file_type", None)]
    assert f"looks like {title}" in report.findings[0].message
    assert "Convert it" in report.findings[0].message
    assert (report.kind, report.examples, report.errors, report.warnings, report.complete) == (None, 0, 1, 0, False)


def test_a_stream_is_looked_at_from_where_the_check_began() -> None:
    stream = io.BytesIO(b"head of a form\n" + WHATSAPP.encode())
    stream.seek(len(b"head of a form\n"))
    assert "WhatsApp" in check(stream).findings[0].message


@pytest.mark.parametrize(
    "data",
    [
        f"[{CHINESE[0]},\n{CHINESE[1]}]",
        "{'messages': [{'role': 'user', 'content': 'const chatMessages = ['}]}\n" * 12,
        '{"messages": [{"role": "user", "content": "see \\"chatlab\\": {"}}\n' * 12,
        '{"x": "const chatMessages = ["}\n',
        "# Keeping the light\n",
    ],
)
def test_what_no_conversion_is_needed_for_or_helps_keeps_its_findings(data: str) -> None:
    assert "looks like" not in " ".join(one.message for one in check_text(data).findings)


def test_a_file_with_good_examples_stays_training_data() -> None:
    report = check_text("\n".join([CHINESE[0], SHAREGPT]))
    assert [(one.line, one.code) for one in report.findings] == [(2, "missing_messages")]


@pytest.mark.parametrize("encoding", ["gb18030", "big5"])
def test_an_encoding_that_a_fix_settles_on_is_told_with_it(encoding: str) -> None:
    lines = "\n".join(CHINESE).translate(str.maketrans("灯盏吗着", "燈盞嗎著"))
    report = check_bytes(lines.encode(encoding))
    assert {(one.code, one.fix) for one in report.findings} == {("invalid_utf8", "recode")}
    assert f"The file seems to be in {encoding}" in report.findings[0].message


def test_single_lines_that_are_no_utf8_promise_no_fix() -> None:
    data = "\n".join(CHINESE).encode() + b"\n" + chat(user("caf\xe9?"), assistant()).encode("latin-1")
    (finding,) = check_bytes(data).findings
    assert (finding.line, finding.code, finding.fix) == (13, "invalid_utf8", None)
    assert "seems to be" not in finding.message
