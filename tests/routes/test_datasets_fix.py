"""Mending training data over HTTP: what was changed is told, what is sent is never touched."""

import json

import pytest
from flask.testing import FlaskClient

from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI
from tests.routes.test_datasets import response, send
from tests.routes.test_documented_calls import LINE

TRAILING = LINE.strip()[:-1] + b",}\r\n"


def test_a_file_is_mended_in_a_copy(client: FlaskClient, upstream: FakeOpenAI) -> None:
    broken = b"\xef\xbb\xbf" + TRAILING + b"\n" + LINE + LINE
    [entry] = response(send(client, "fix", (broken, "mine.json")))
    assert set(entry) == {"filename", "size", "content", "status", "response"}
    assert (entry["filename"], entry["status"]) == ("mine.jsonl", "passed")
    assert json.loads(entry["content"]) == json.loads(LINE)
    told = entry["response"]
    assert {"drop_bom", "drop_trailing_comma", "drop_blank_lines", "crlf_to_lf"} <= set(told["counts"])
    assert told["records"] == told["written"] + sum(told["dropped"].values()) == 4
    assert told["left"]["errors"] == 0
    assert upstream.seen == []


def test_an_encoding_can_be_given_and_personal_data_masked(client: FlaskClient) -> None:
    line = LINE.decode().replace("Hi", "我的电话是13912345678")
    [entry] = response(send(client, "fix", (line.encode("gb18030"), "a.jsonl"), encoding="gb18030", mask="true"))
    assert (entry["response"]["encoding"], entry["status"]) == ("gb18030", "passed")
    assert "我的电话是[PHONE_1]" in entry["content"]
    assert sum(entry["response"]["masked"].values()) == 1


def test_what_passes_once_mended_goes_upstream(client: FlaskClient, upstream: FakeOpenAI) -> None:
    files = (TRAILING, "a.jsonl"), (b'{"messages": []}\n', "b.jsonl")
    mended, hopeless = response(send(client, "fix", *files, upload="true"))
    assert (mended["status"], mended["file"]["id"]) == ("passed", FILE_ID)
    assert (hopeless["status"], "file" in hopeless) == ("failed", False)
    [sent] = [one for one in upstream.seen if one.path == "/v1/files"]
    assert LINE.strip() in sent.body


def test_a_copy_with_fewer_examples_than_the_target_trains_on_is_not_sent_on(
    client: FlaskClient, upstream: FakeOpenAI
) -> None:
    [entry] = response(send(client, "fix", (TRAILING, "a.jsonl"), upload="true", profile="openai"))
    assert (entry["status"], "file" in entry, upstream.seen) == ("failed", False, [])
    assert "too_few_examples" in [one["code"] for one in entry["response"]["left"]["findings"]]


def test_a_mended_copy_is_downloaded_one_at_a_time(client: FlaskClient) -> None:
    reply = send(client, "fix", (TRAILING, "灯.json"), download="true")
    assert json.loads(reply.data) == json.loads(LINE)
    assert reply.headers["Content-Disposition"].endswith("%E7%81%AF.jsonl")
    refused = send(client, "fix", (TRAILING, "a.jsonl"), (TRAILING, "b.jsonl"), download="true")
    assert (refused.status_code, response(refused)["param"]) == (400, "download")


@pytest.mark.parametrize(
    ("data", "fields", "code", "param"),
    [
        (b"%PDF-1.7 ...", {}, "unfixable", "files"),
        (LINE, {"encoding": "martian"}, "invalid_value", "encoding"),
        (LINE, {"encoding": "utf\0-8"}, "invalid_value", "encoding"),
        (LINE, {"encoding": "rot13"}, "invalid_value", "encoding"),
        (LINE, {"mask": "FALSE"}, "invalid_value", "mask"),
        (LINE, {"profile": "martian"}, "invalid_value", "profile"),
        (LINE, {"mask": "perhaps"}, "invalid_value", "mask"),
    ],
)
def test_what_cannot_be_mended_is_refused(
    client: FlaskClient, data: bytes, fields: dict[str, str], code: str, param: str
) -> None:
    reply = send(client, "fix", (data, "a.jsonl"), **fields)
    assert (reply.status_code, response(reply)["code"], response(reply)["param"]) == (400, code, param)
