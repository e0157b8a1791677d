"""The page of data: whatever is dropped is looked at, mended or converted, and sent on; nothing is kept between."""

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from config import ServiceConfig
from tests.dashboard.conftest import ENGLISH, Reader
from tests.dashboard.harbour import TALK as TALK_OF_THE_HARBOUR
from tests.dashboard.harbour import chat_export
from tests.fakes.forms import written
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI
from tests.fakes.service import NO_DATA

PAGE = "/dashboard/data"
PARTS = ("training", "validation")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GOOD = (EXAMPLES / "lighthouse.jsonl").read_bytes()
WECHAT = (EXAMPLES / "data" / "wxid_mia2026_0_19.csv").read_bytes()


def talk(*people: str) -> bytes:
    """A chat of 24 messages in ChatLab's form, in which one speaks after the other."""
    start = 1_700_000_000
    messages = [
        {"sender": who, "accountName": who, "timestamp": start + at * 30, "type": 0, "content": f"words {at}"}
        for at, who in enumerate(people * (24 // len(people)))
    ]
    meta = {"name": "g", "platform": "wechat", "type": "private"}
    return json.dumps({"chatlab": {"version": "0.0.1"}, "meta": meta, "messages": messages}).encode()


TALK = talk("Ann", "Bob")
CHATLAB = b"".join(
    json.dumps(line).encode() + b"\n"
    for line in [
        {"_type": "header", **{name: part for name, part in json.loads(TALK).items() if name != "messages"}},
        *({"_type": "message", **message} for message in json.loads(TALK)["messages"]),
    ]
)
SHAREGPT = 12 * (
    b'{"conversations": [{"from": "human", "value": "Is the lamp lit?"},'
    b' {"from": "gpt", "value": "Since dusk, and so am I."}]}\n'
)
ALPACA = 12 * b'{"instruction": "Is the lamp lit?", "input": "", "output": "Since dusk, and so am I."}\n'


def drop(reader: Reader, name: str, content: bytes, **fields: Any) -> str:
    """The part of the page that says what became of a file."""
    form = written(fields, (name, content))
    reply = reader.client.post(PAGE, **form, headers=ENGLISH | {"HX-Request": "true"})
    assert reply.status_code == 200, reply.get_data(as_text=True)
    page = reply.get_data(as_text=True)
    assert "<html" not in page
    return page


def keep(reader: Reader, name: str, content: bytes, **fields: Any) -> tuple[str, bytes]:
    """What a browser saves of a file that was made, and under which name."""
    reply = reader.client.post(f"{PAGE}/file", data={"files": (BytesIO(content), name), **fields}, headers=ENGLISH)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    assert (reply.mimetype, reply.headers["X-Content-Type-Options"]) == ("application/jsonl", "nosniff")
    attached, _, label = reply.headers["Content-Disposition"].partition("; filename*=UTF-8''")
    assert attached == "attachment"
    return label, reply.data


def test_a_good_training_file_is_described_and_may_be_uploaded(reader: Reader, upstream: FakeOpenAI) -> None:
    page = drop(reader, "bees.jsonl", GOOD)
    assert "may be trained on" in page
    assert 'value="upload"' in page
    assert upstream.files == {}, "looking sends nothing on"
    page = drop(reader, "bees.jsonl", GOOD, step="upload")
    assert f'href="/dashboard/new-job?training_file={FILE_ID}"' in page


def test_a_fault_is_shown_with_its_line_and_mended_by_one_click(reader: Reader, upstream: FakeOpenAI) -> None:
    broken = b"\xef\xbb\xbf" + GOOD.replace(b'"assistant"', b'"Assistant"', 1)
    page = drop(reader, "bees.jsonl", broken)
    assert "not fit yet" in page
    assert "&#34;Assistant&#34;" in page
    assert 'value="fix"' in page
    page = drop(reader, "bees.jsonl", broken, step="fix")
    assert "Mended:" in page
    assert FILE_ID in page


def test_how_many_findings_are_not_shown_is_said(reader: Reader) -> None:
    lines = [b'{"massages": [%d]}\n' % number for number in range(130)]
    broken = b"".join(lines)
    assert "The first 20 of 130, errors before warnings." in drop(reader, "bees.jsonl", broken)
    assert "The first" not in drop(reader, "bees.jsonl", b"".join(lines[:15]))
    assert "The first 20 of 130" in drop(reader, "bees.jsonl", broken, step="fix")
    assert "The first 1 of 130" in drop(reader, "bees.jsonl", broken, step="upload")


def test_an_export_that_says_who_its_owner_is_is_converted(reader: Reader, upstream: FakeOpenAI) -> None:
    page = drop(reader, "wxid_mia2026_0_19.csv", WECHAT)
    assert "recall_dropped" in page
    assert 'value="convert"' in page


def test_a_fault_of_what_was_converted_is_said_in_words_with_its_line(reader: Reader) -> None:
    page = drop(reader, "wxid_mia2026_0_19.csv", WECHAT)
    assert "few_examples" in page.partition("What a check says of it")[2].partition("</ol>")[0]
    table = "question,answer\nWhich boat?,The blue one\nWhich boat?,The red one\n"
    page = drop(reader, "boats.csv", table.encode())
    said = page.partition("What a check says of it")[2].partition("</ol>")[0]
    contradiction = said.partition("contradicts that of line 1")[2].partition("</li>")[0]
    assert '<code class="hint">contradiction</code>' in contradiction
    assert re.search(r'aria-label="Line 2"><code>\{&#34;messages&#34;.*?The red one', contradiction)


@pytest.mark.parametrize(("valid_share", "is_told"), [("0.5", True), ("", False)])
def test_a_fault_of_the_part_for_validation_is_said_with_its_line(
    reader: Reader, valid_share: str, is_told: bool
) -> None:
    answers = ("The blue one", "The red one", "Neither of them", "Ask the keeper")
    rows = [f"Which {thing}?,{answer}" for thing in ("boat", "lamp", "rope") for answer in answers]
    table = "\n".join(["question,answer", *rows])
    page = drop(reader, "boats.csv", table.encode(), valid_share=valid_share)
    training, _, validation = page.partition("What a check says of the part for validation")
    fault = r'contradiction</code>\s*<pre[^>]* aria-label="Line \d+"><code>[^<]*Which'
    assert [bool(re.search(fault, part)) for part in (training, validation)] == [True, is_told]


@pytest.mark.parametrize("me", ["", "Bob"])
def test_one_that_does_not_asks_who_is_the_assistant(reader: Reader, upstream: FakeOpenAI, me: str) -> None:
    page = drop(reader, "talk.json", TALK, **({"me": me} if me else {}))
    if not me:
        assert "Who is the assistant?" in page
        assert 'name="me" value="Ann"' in page
        return
    assert '<input type="hidden" name="me" value="Bob">' in page
    assert FILE_ID in drop(reader, "talk.json", TALK, me=me, step="convert")


def test_several_may_be_the_assistant(reader: Reader) -> None:
    group = talk("Ann", "Bob", "Ann", "Bea")
    page = drop(reader, "talk.json", group)
    assert len(re.findall(r'type="checkbox" name="me"', page)) == 3
    assert "Choose at least one person." not in page
    assert "Choose at least one person." in drop(reader, "talk.json", group, step="choose")
    both = ["Bob", "Bea"]
    page = drop(reader, "talk.json", group, me=both, step="choose")
    assert re.findall(r'type="hidden" name="me" value="(\w+)"', page) == both
    _, made = keep(reader, "talk.json", group, me=both, part="training")
    said = [message for line in made.splitlines() for message in json.loads(line)["messages"]]
    answers = [message["content"] for message in said if message["role"] == "assistant"]
    assert answers == [f"words {at}" for at in range(1, 24, 2)]


@pytest.mark.parametrize("content", [CHATLAB, SHAREGPT, ALPACA])
def test_an_export_of_lines_is_converted_whatever_it_is_called(
    reader: Reader, upstream: FakeOpenAI, content: bytes
) -> None:
    page = drop(reader, "export.jsonl", content, me="Bob")
    assert "not fit yet" not in page
    assert 'value="convert"' in page
    assert "Tokens of an example" in drop(reader, "export.jsonl", content, me="Bob", step="outlook")
    assert FILE_ID in drop(reader, "export.jsonl", content, me="Bob", step="convert")


def test_what_is_chosen_of_the_conversion_counts(reader: Reader, upstream: FakeOpenAI) -> None:
    page = drop(reader, "harbour.csv", chat_export(), me="Nell")
    assert "[PHONE_1]" in page
    assert "Kept for validation" not in page
    chosen = {"me": "Nell", "mask": "false", "valid_share": "0.2", "system": "Be Nell.", "session_gap": ""}
    page = drop(reader, "harbour.csv", chat_export(), **chosen)
    assert "13800138000" in page
    assert "Be Nell." in page
    assert "Kept for validation" in page
    # A minute is not waited for.
    assert "No example came out of it" in drop(reader, "harbour.csv", chat_export(), me="Nell", reply_gap="0.5")


def test_a_choice_that_cannot_be_is_said(reader: Reader) -> None:
    data = {"files": (BytesIO(chat_export()), "harbour.csv"), "session_gap": "long"}
    reply = reader.client.post(PAGE, data=data, headers=ENGLISH | {"HX-Request": "true"})
    assert (reply.status_code, reply.headers["HX-Retarget"]) == (400, "#notice")
    assert "session_gap" in reply.get_data(as_text=True)


def test_what_is_kept_for_validation_goes_along_to_the_job(reader: Reader, upstream: FakeOpenAI) -> None:
    page = drop(reader, "harbour.csv", chat_export(), me="Nell", valid_share="0.1", step="convert")
    [link] = re.findall(r'href="(/dashboard/new-job[^"]*)"', page)
    assert set(re.findall(r"file-\w+", link)) == upstream.files.keys()
    assert len(upstream.files) == 2
    form = reader.get(link.replace("&amp;", "&")).get_data(as_text=True)
    assert len(re.findall(r"<option value=\"file-\w+\" selected>", form)) == 2


def test_what_would_be_sent_on_can_be_kept_and_nothing_is_sent(reader: Reader, upstream: FakeOpenAI) -> None:
    page = drop(reader, "harbour.csv", chat_export(), me="Nell", valid_share="0.2")
    assert re.findall(r'name="part" value="(\w+)"', page) == ["training", "validation"]
    kept = [keep(reader, "harbour.csv", chat_export(), me="Nell", valid_share="0.2", part=part) for part in PARTS]
    assert [name for name, _ in kept] == ["harbour.jsonl", "harbour.valid.jsonl"]
    assert sum(len(made.splitlines()) for _, made in kept) == len(TALK_OF_THE_HARBOUR)
    broken = b"\xef\xbb\xbf" + GOOD.replace(b'"assistant"', b'"Assistant"', 1)
    assert 'name="part" value="0"' in drop(reader, "bees.jsonl", broken)
    assert keep(reader, "bees.jsonl", broken, part="0") == ("bees.jsonl", GOOD)
    assert upstream.files == {}


@pytest.mark.parametrize("part", ["validation", "1", ""])
def test_a_part_that_is_not_made_is_refused(reader: Reader, part: str) -> None:
    form = written({"me": "Nell", "part": part}, ("harbour.csv", chat_export()))
    reply = reader.client.post(f"{PAGE}/file", **form, headers=ENGLISH)
    assert (reply.status_code, reply.mimetype) == (400, "text/html")
    assert "must be one that is made of these files" in reply.get_data(as_text=True)


def test_what_was_sent_on_can_be_downloaded(reader: Reader, upstream: FakeOpenAI) -> None:
    page = drop(reader, "harbour.csv", chat_export(), me="Nell", valid_share="0.2", step="convert")
    links = re.findall(r'href="(/files/[^"]+/content)" download="([^"]+)"', page)
    assert [name for _, name in links] == ["harbour.jsonl", "harbour.valid.jsonl"]
    assert {link.split("/")[2] for link, _ in links} == upstream.files.keys()


def test_lengths_are_drawn_for_what_was_converted_too(reader: Reader) -> None:
    assert "Tokens of an example" in drop(reader, "bees.jsonl", GOOD, step="outlook")
    page = drop(reader, "harbour.csv", chat_export(), me="Nell", step="outlook")
    bars = re.findall(r'<li><span class="number">(\d*)</span>\s*<svg', page)
    assert sum(int(count or 0) for count in bars) == len(TALK_OF_THE_HARBOUR)
    assert 'height="100.0"' in page
    assert "style=" not in page


def test_an_estimate_shows_its_sum_and_the_day_of_the_price(upstream: FakeOpenAI) -> None:
    config = ServiceConfig(data_dir=NO_DATA, openai_api_key="sk-x", default_model="gpt-4.1-mini-2025-04-14")
    page = drop(Reader(create_app(config).test_client()), "bees.jsonl", GOOD, step="outlook")
    assert "price of 2026-07" in page
    assert "epochs, at most 65536 of an example x $5 per million" in page
    assert " x 3 &lt; 100: min(25, 100 // " in page
    assert "unknown: nobody has measured" in page


def test_what_cannot_be_read_is_said(reader: Reader) -> None:
    reply = reader.client.post(PAGE, data={"files": (BytesIO(b"\x00\x01"), "a.bin")}, headers=ENGLISH)
    assert (reply.status_code, reply.mimetype) == (400, "text/html")


def test_it_works_without_a_script(reader: Reader) -> None:
    data = {"files": (BytesIO(GOOD), "bees.jsonl"), "step": "outlook"}
    page = reader.client.post(PAGE, data=data, headers=ENGLISH).get_data(as_text=True)
    assert "<html" in page
    assert "may be trained on" in page
    assert "Tokens of an example" in page


def test_what_a_file_says_stays_text(reader: Reader) -> None:
    page = drop(reader, "<b>x</b>.jsonl", b'{"messages": [{"role": "<script>", "content": "<script>"}]}\n')
    assert "<script>" not in page
    assert "<b>x" not in page
