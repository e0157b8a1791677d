"""Converting training data over HTTP, describing it, and on to the upstream in the same call."""

import io
import json
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dataprep.conversion.options import ALIASES, Options
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI, Fault, refusal
from tests.routes.test_documented_calls import LINE

FILES = "POST /v1/files"
# No fault at all; the next one in the queue is for the next request.
AS_ASKED = Fault("raw", raw=json.dumps({"id": FILE_ID}).encode(), after_work=True)
TEXTS = [("Mira", "Lit?"), ("Otto", "Since dusk."), ("Mira", "Loud?"), ("Otto", "Very, call 13912345678.")]


WIRE = Path(__file__).parents[2] / "docs" / "wire.md"


def chat(owner: str | None) -> bytes:
    """A small chat of two sessions as ChatLab has it; `owner` is who exported it."""
    messages = [
        {
            "sender": who,
            "accountName": who,
            "timestamp": 1_800_000_000 + 9000 * (at // 2) + at,
            "type": 0,
            "content": text,
        }
        for at, (who, text) in enumerate(TEXTS)
    ]
    meta = {"name": "Mira", "platform": "wechat", "type": "private"} | ({"ownerId": owner} if owner else {})
    members = [{"platformId": name, "accountName": name} for name in ("Mira", "Otto")]
    whole = {"chatlab": {"version": "0.0.2", "exportedAt": 1_800_009_000}, "meta": meta, "members": members}
    return json.dumps(whole | {"messages": messages}).encode()


def send(client: FlaskClient, call: str, *files: tuple[bytes, str], **fields: Any) -> TestResponse:
    return client.post(
        f"/datasets/{call}", data={"files": [(io.BytesIO(data), name) for data, name in files], **fields}
    )


def response(reply: TestResponse) -> Any:
    return reply.get_json()["response"]


def test_a_chat_becomes_examples_with_report_and_provenance(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = send(client, "convert", (chat("Otto"), "talk.json"))
    told = response(reply)
    assert (reply.status_code, reply.get_json()["info"]) == (200, "ok")
    assert set(told) == {"report", "text", "training", "validation", "provenance"}
    lines = [json.loads(line) for line in told["training"]["content"].splitlines()]
    assert [line["messages"][1]["content"] for line in lines] == ["Since dusk.", "Very, call [PHONE_1]."]
    assert told["report"]["rows"] == {"in": 4, "used": 4, "left": {}}
    assert "4  rows in" in told["text"]
    assert told["provenance"][1]["from"] == [{"file": "talk.json", "rows": [[3, 4]]}]
    assert told["validation"] is None
    assert upstream.seen == []


def test_an_unknown_me_lists_the_senders(client: FlaskClient) -> None:
    reply = send(client, "convert", (chat(None), "talk.json"))
    told = response(reply)
    assert (reply.status_code, told["code"], told["param"]) == (400, "me_needed", "me")
    assert "Mira: 2 messages; Otto: 2 messages" in told["message"]
    assert told["senders"] == [{"name": name, "id": name, "messages": 2} for name in ("Mira", "Otto")]
    assert send(client, "convert", (chat(None), "talk.json"), me="Otto").status_code == 200


def test_upload_hands_the_examples_on(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = send(client, "convert", (chat("Otto"), "talk.json"), upload="true", valid_share="0.5")
    told = response(reply)
    assert told["training"]["file"]["id"] == FILE_ID
    assert told["validation"]["filename"] == "talk.valid.jsonl"
    assert told["validation"]["file"]["id"] != FILE_ID
    assert upstream.count(FILES) == 2
    assert b'filename="talk.valid.jsonl"' in upstream.last(FILES).body
    job = client.post("/fine_tuning", json={"training_file": told["training"]["file"]["id"]})
    assert job.status_code == 200


def test_the_check_of_what_was_made_is_in_the_report(client: FlaskClient) -> None:
    told = response(send(client, "convert", (chat("Otto"), "talk.json")))
    verdict = told["report"]["check"]
    assert verdict["training"]["errors"] == {}
    assert verdict["validation"] is None
    assert f"Checked for {verdict['profile']}: no errors, " in told["text"]


def test_a_refusal_of_the_upstream_comes_through(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(FILES, refusal(403, "No more files for you.", "quota"))
    reply = send(client, "convert", (chat("Otto"), "talk.json"), upload="true")
    assert (reply.status_code, response(reply)["code"]) == (403, "quota")


def test_the_first_part_goes_again_if_the_second_is_refused(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(FILES, AS_ASKED, refusal(403, "No more files for you.", "quota"))
    reply = send(client, "convert", (chat("Otto"), "talk.json"), upload="true", valid_share="0.5")
    assert (reply.status_code, response(reply)["code"]) == (403, "quota")
    assert response(reply)["message"] == "No more files for you."
    assert upstream.count(FILES) == 2
    assert upstream.files == {}


def test_a_part_that_cannot_be_taken_back_is_named(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(FILES, AS_ASKED, refusal(403, "No more files for you.", "quota"))
    upstream.fail(f"DELETE /v1/files/{FILE_ID}", Fault("drop"))
    reply = send(client, "convert", (chat("Otto"), "talk.json"), upload="true", valid_share="0.5")
    assert (reply.status_code, response(reply)["code"]) == (403, "quota")
    assert response(reply)["message"].startswith("No more files for you. ")
    assert FILE_ID in response(reply)["message"]
    assert list(upstream.files) == [FILE_ID]


def test_download_gives_the_examples_as_a_file(client: FlaskClient) -> None:
    reply = send(client, "convert", (chat("Otto"), "灯塔.json"), download="true")
    assert reply.content_type == "application/jsonl"
    assert reply.headers["Content-Disposition"].endswith("%E7%81%AF%E5%A1%94.jsonl")
    assert [len(json.loads(line)["messages"]) for line in reply.data.splitlines()] == [2, 2]


def test_files_of_the_same_name_are_told_apart(client: FlaskClient) -> None:
    reply = send(client, "convert", (LINE, "a.jsonl"), (LINE.replace(b"Hi", b"Ho"), "a.jsonl"))
    assert [one["file"] for one in response(reply)["report"]["files"]] == ["a.jsonl", "2 a.jsonl"]


def test_options_are_form_fields_and_so_are_weclones(client: FlaskClient) -> None:
    fields = {"session_gap": "9000", "reply_gap": "200", "mask": "false", "messages_max_length": "4000"}
    told = response(send(client, "convert", (chat("Otto"), "talk.json"), **fields))
    assert told["report"]["sessions"] == 1
    assert told["report"]["options"]["max_length"] == 4000
    assert "13912345678" in told["training"]["content"]


def test_options_may_stand_in_the_query(client: FlaskClient, upstream: FakeOpenAI) -> None:
    data = {"files": (io.BytesIO(chat(None)), "talk.json")}
    reply = client.post("/datasets/convert?me=Otto&upload=true", data=data)
    assert response(reply)["training"]["file"]["id"] == FILE_ID
    unknown = client.post("/datasets/check?profle=engine", data={"files": (io.BytesIO(LINE), "a.jsonl")})
    assert response(unknown)["message"] == "Unknown parameter: 'profle'. Did you mean 'profile'?"


def test_a_slack_zip_is_one_input(client: FlaskClient) -> None:
    packed = io.BytesIO()
    users = [{"id": "U1", "name": "mira"}, {"id": "U2", "name": "otto"}]
    said = [
        {"type": "message", "text": text, "user": user, "ts": f"18000000{at}0.000200"}
        for at, (user, text) in enumerate([("U1", "Lit?"), ("U2", "Yes.")])
    ]
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("users.json", json.dumps(users))
        archive.writestr("channels.json", json.dumps([{"id": "C1", "name": "lamp", "members": ["U1", "U2"]}]))
        archive.writestr("lamp/2027-01-15.json", json.dumps(said))
    told = response(send(client, "convert", (packed.getvalue(), "slack.zip"), me="otto"))
    assert told["report"]["inputs"][0]["format"].startswith("slack")
    assert told["report"]["rows"]["used"] == 2


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"session_gap": "soon"}, "invalid_value", "session_gap"),
        ({"valid_share": "2"}, "invalid_value", "valid_share"),
        ({"rules": "x"}, "invalid_value", "rules"),
        ({"include_type": "text,x"}, "invalid_value", "include_type"),
        ({"include_type": "image"}, "no_examples", "files"),
        ({"sesion_gap": "5"}, "unknown_parameter", "sesion_gap"),
        ({"upload": "perhaps"}, "invalid_value", "upload"),
        ({"format": "nonsense"}, "unreadable_source", "files"),
        ({"me": "Nobody"}, "me_needed", "me"),
        ({"blocked_words": "Lit,Loud,Since,Very"}, "no_examples", "files"),
    ],
)
def test_what_is_wrong_is_400_and_says_where(client: FlaskClient, fields: Any, code: str, param: str) -> None:
    reply = send(client, "convert", (chat("Otto"), "talk.json"), **fields)
    told = response(reply)
    assert (reply.status_code, told["code"], told["param"]) == (400, code, param)


def test_a_file_of_no_known_format_is_400(client: FlaskClient) -> None:
    told = response(send(client, "convert", (bytes(range(256)) * 20, "noise.bin")))
    assert told["code"] == "unreadable_source"
    assert "noise.bin" in told["message"]


@pytest.mark.parametrize("call", ["check", "convert"])
def test_no_files_is_told_with_the_fields_name(client: FlaskClient, call: str) -> None:
    reply = client.post(f"/datasets/{call}", data={"upload": "false"}, content_type="multipart/form-data")
    assert (reply.status_code, response(reply)["code"]) == (400, "missing_required_parameter")


def test_every_option_stands_in_the_documentation_as_the_code_has_it() -> None:
    rows = [line.split(" | ") for line in WIRE.read_text("utf-8").splitlines() if line.startswith("| `")]
    documented = {row[0].removeprefix("| "): row[-1].removesuffix(" |") for row in rows}
    for one in fields(Options):
        names = [one.name, *(alias for alias, name in ALIASES.items() if name == one.name)]
        assert documented.get(", ".join(f"`{name}`" for name in names)) == one.metadata["help"]


def test_statistics_describe_each_file_and_estimate_a_training(client: FlaskClient) -> None:
    entry = response(send(client, "statistics", (LINE * 12, "a.jsonl"), model="gpt-4o-mini", epochs="3"))[0]
    assert entry["filename"] == "a.jsonl"
    assert entry["response"]["statistics"]["examples"] == 12
    assert entry["response"]["epochs"] == {"epochs": 3, "formula": "as given"}
