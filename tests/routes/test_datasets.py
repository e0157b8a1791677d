"""Checking and converting training data over HTTP, and on to the upstream in the same call."""

import io
import json
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from config import ServiceConfig
from dataprep.conversion.options import ALIASES, Options
from services.embedded import EmbeddedEngine
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI, Fault, refusal
from tests.fakes.ports import free_port
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
    assert "Mira: 2 message(s); Otto: 2 message(s)" in told["message"]
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


def test_a_check_tells_of_each_file_whether_it_passes(client: FlaskClient, upstream: FakeOpenAI) -> None:
    bad = LINE.replace(b'"assistant"', b'"asistant"')
    reply = send(client, "check", (LINE, "good.jsonl"), (bad, "bad.jsonl"), profile="engine")
    good, bad_entry = response(reply)
    assert reply.status_code == 200
    assert [one["status"] for one in (good, bad_entry)] == ["passed", "failed"]
    assert good["response"]["examples"] == 1
    assert any("asistant" in finding["message"] for finding in bad_entry["response"]["findings"])
    assert upstream.seen == []


def test_what_passes_a_check_can_be_sent_on(client: FlaskClient, upstream: FakeOpenAI) -> None:
    bad = LINE.replace(b'"assistant"', b'"asistant"')
    good, failed = response(send(client, "check", (LINE, "good.jsonl"), (bad, "bad.jsonl"), upload="true"))
    assert good["file"]["id"] == FILE_ID
    assert "file" not in failed
    assert LINE in upstream.last(FILES).body


def against(client: FlaskClient, training: bytes, *files: tuple[bytes, str], **fields: Any) -> Any:
    """The entries of a check of these files against a training file."""
    reply = send(client, "check", *files, against=(io.BytesIO(training), "train.jsonl"), **fields)
    assert reply.status_code == 200
    return response(reply)


def test_validation_files_are_held_against_a_training_file(client: FlaskClient, upstream: FakeOpenAI) -> None:
    other = LINE.replace(b"Hi", b"Who goes there")
    files = [(LINE, "leaks.jsonl"), (other, "clean.jsonl"), (other + LINE, "both.jsonl")]
    entries = against(client, LINE.replace(b"Hi", b"HI") + LINE, *files, upload="true", profile="engine")
    assert [one["status"] for one in entries] == ["failed", "passed", "failed"]
    report = entries[0]["response"]
    leaked = [(one["line"], one["code"], one["severity"]) for one in report["findings"] if "leak" in one["code"]]
    assert (leaked, report["errors"]) == ([(1, "leak", "error")], 1)
    assert not any("leak" in one["code"] for one in entries[1]["response"]["findings"])
    assert ["file" in one for one in entries] == [False, True, False]
    assert upstream.count(FILES) == 1
    assert other in upstream.last(FILES).body


def test_what_only_looks_like_a_leak_is_sent_on(client: FlaskClient, upstream: FakeOpenAI) -> None:
    (entry,) = against(client, LINE.replace(b"Hi", b"HI"), (LINE, "a.jsonl"), upload="true", profile="engine")
    assert "similar_leak" in [one["code"] for one in entry["response"]["findings"]]
    assert (entry["status"], entry["file"]["id"]) == ("passed", FILE_ID)
    assert LINE in upstream.last(FILES).body


def test_what_is_checked_against_must_be_one_file(client: FlaskClient) -> None:
    for value, code in (
        ("train.jsonl", "invalid_type"),
        ([(io.BytesIO(LINE), "t.jsonl") for _ in "12"], "invalid_value"),
    ):
        reply = send(client, "check", (LINE, "a.jsonl"), against=value)
        told = response(reply)
        assert (reply.status_code, told["code"], told["param"]) == (400, code, "against")
    reply = client.post("/datasets/check?against=t.jsonl", data={"files": (io.BytesIO(LINE), "a.jsonl")})
    assert (reply.status_code, response(reply)["code"]) == (400, "invalid_type")


def test_a_training_file_over_the_limit_is_413_with_its_field(client: FlaskClient) -> None:
    reply = send(client, "check", (LINE, "a.jsonl"), against=(io.BytesIO(b" " * (1024 * 1024 + 1)), "t.jsonl"))
    told = response(reply)
    assert (reply.status_code, told["code"], told["param"]) == (413, "file_too_large", "against")


@pytest.mark.parametrize("call", ["convert", "statistics"])
def test_only_a_check_takes_a_training_file(client: FlaskClient, call: str) -> None:
    reply = send(client, call, (LINE, "a.jsonl"), against=(io.BytesIO(LINE), "t.jsonl"))
    assert (reply.status_code, response(reply)["code"]) == (400, "unknown_parameter")


def test_an_unknown_profile_is_told_with_those_there_are(client: FlaskClient) -> None:
    told = response(send(client, "check", (LINE, "a.jsonl"), profile="opneai"))
    assert (told["code"], told["param"]) == ("invalid_value", "profile")
    assert "openai, engine" in told["message"]


def test_the_embedded_engines_context_is_how_long_an_example_may_be() -> None:
    service = create_app(ServiceConfig(), EmbeddedEngine("127.0.0.1", free_port()), context_tokens=64).test_client()
    findings = response(send(service, "check", (LINE.replace(b"Hi", b"word " * 100), "a.jsonl")))[0]["response"][
        "findings"
    ]
    assert [one["severity"] for one in findings if one["code"] == "too_long"] == ["warning"]


def test_a_check_holds_examples_to_the_limit_of_the_model(client: FlaskClient) -> None:
    (entry,) = response(send(client, "check", (LINE, "a.jsonl"), profile="mistral", model="gpt-3.5-turbo-0125"))
    assert entry["response"]["max_tokens"] == 16_385


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
