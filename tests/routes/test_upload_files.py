"""Uploads: checked before a byte goes upstream, one or many, and never half."""

import hashlib
import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.fakes.forms import written
from tests.fakes.openai_upstream import FakeOpenAI
from tests.routes.test_documented_calls import LINE

FILES = "POST /v1/files"
ENTRY_KEYS = {"content_type", "filename", "response", "size", "status"}
BAD_FILES = {
    "empty": (b"", "empty_file", "empty"),
    "only a BOM": (b"\xef\xbb\xbf", "empty_file", "empty"),
    "JSON array": (b"[" + LINE.strip() + b"]", "json_array", "JSON array"),
    "CSV": (b"question,answer\nHi,Hello\n", "csv", "CSV"),
    "UTF-16": (LINE.decode().encode("utf-16"), "invalid_encoding", "UTF-16"),
    "BOM": (b"\xef\xbb\xbf" + LINE, "byte_order_mark", "BOM"),
    "trailing comma": (LINE.strip() + b",\n", "invalid_json", "trailing comma"),
    "a line that is no object": (LINE + b'"hello"\n', "not_an_object", "a string"),
    "unknown role": (LINE.replace(b'"assistant"', b'"asistant"'), "unknown_role", "asistant"),
    "no assistant turn": (b'{"messages": [{"role": "user", "content": "Hi"}]}\n', "no_assistant_message", "assistant"),
}


def upload(client: FlaskClient, *files: tuple[bytes, str], **fields: str) -> TestResponse:
    return client.post("/upload_files", **written(fields, *((name, data) for data, name in files)))


def code(reply: TestResponse) -> Any:
    return reply.get_json()["response"]["code"]


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_rejected_with_its_findings_and_not_sent(
    client: FlaskClient, upstream: FakeOpenAI, name: str
) -> None:
    data, code, words = BAD_FILES[name]
    reply = upload(client, (data, "bad.jsonl"))
    body = reply.get_json()
    failure = body["response"]
    (entry,) = failure["files"]
    assert (failure["code"], failure["message"]) == ("invalid_training_file", entry["response"]["message"])
    assert (reply.status_code, body["info"]) == (400, "error")
    assert set(entry) == ENTRY_KEYS
    assert (entry["status"], entry["filename"], entry["size"]) == ("rejected", "bad.jsonl", len(data))
    finding = next(one for one in entry["response"]["findings"] if one["severity"] == "error")
    assert set(finding) == {"line", "pointer", "code", "severity", "message", "fix"}
    assert finding["message"] == entry["response"]["message"]
    assert (finding["code"], words in finding["message"]) == (code, True)
    assert finding["line"] is None or finding["message"].startswith(f"Line {finding['line']}: ")
    assert upstream.seen == []


def test_the_message_names_the_line_the_value_and_the_way_out(client: FlaskClient) -> None:
    (entry,) = upload(client, (LINE * 3 + BAD_FILES["unknown role"][0], "a.jsonl")).get_json()["response"]["files"]
    assert entry["response"]["message"].startswith("Line 4: ")
    assert "asistant" in entry["response"]["message"]


def test_good_files_go_through_beside_a_bad_one(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = upload(client, (LINE, "a.jsonl"), (b"nonsense", "b.jsonl"), (LINE * 2, "c.jsonl"))
    body = reply.get_json()
    assert (reply.status_code, body["info"]) == (207, "ok")
    assert [entry["status"] for entry in body["response"]] == ["uploaded", "rejected", "uploaded"]
    assert [entry["size"] for entry in body["response"]] == [len(LINE), 8, 2 * len(LINE)]
    assert upstream.count(FILES) == 2


def test_many_good_files_are_200(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = upload(client, (LINE, "名前.jsonl"), (LINE, "名前.jsonl"))
    assert reply.status_code == 200
    assert len({entry["response"]["id"] for entry in reply.get_json()["response"]}) == 2


@pytest.mark.parametrize("how", ["form", "query"])
def test_validate_false_skips_the_check(client: FlaskClient, upstream: FakeOpenAI, how: str) -> None:
    data = {"files": (io.BytesIO(b"nonsense"), "a.jsonl")}
    if how == "form":
        reply = client.post("/upload_files", data={**data, "validate": "false"})
    else:
        reply = client.post("/upload_files?validate=false", data=data)
    assert reply.status_code == 200
    assert b"nonsense" in upstream.last(FILES).body


def test_a_validate_that_is_neither_is_refused(client: FlaskClient) -> None:
    assert code(upload(client, (LINE, "a.jsonl"), validate="perhaps")) == "invalid_value"


def test_no_files_is_told_with_the_fields_name(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = client.post("/upload_files", data={"validate": "true"}, content_type="multipart/form-data")
    told = reply.get_json()["response"]
    assert (reply.status_code, told["code"], told["param"]) == (400, "missing_required_parameter", "files")
    assert "'files'" in told["message"]


def test_a_misspelt_field_is_told_which_one_was_meant(client: FlaskClient) -> None:
    reply = client.post("/upload_files", data={"file": (io.BytesIO(LINE), "a.jsonl")})
    assert reply.get_json()["response"]["message"] == "Unknown parameter: 'file'. Did you mean 'files'?"


def test_files_as_text_is_told_how_postman_sends_a_file(client: FlaskClient) -> None:
    reply = client.post("/upload_files", data={"files": "a.jsonl"}, content_type="multipart/form-data")
    assert (code(reply), "Postman" in reply.get_json()["response"]["message"]) == ("invalid_type", True)


@pytest.mark.parametrize(
    ("sent", "label", "upstream_name"),
    [
        ("train.jsonl", "train.jsonl", "train.jsonl"),
        ("train.JSONL", "train.JSONL", "train.JSONL.jsonl"),
        ("train.txt", "train.txt", "train.txt.jsonl"),
        ("名前", "名前", "名前.jsonl"),
        ("../../etc/passwd", "passwd", "passwd.jsonl"),
        ("a\u202egpj.jsonl", "agpj.jsonl", "agpj.jsonl"),
        ("..", "upload", "upload.jsonl"),
        ("x" * 5000 + ".jsonl", "x" * 249 + ".jsonl", "x" * 249 + ".jsonl"),
    ],
)
def test_a_file_name_is_only_a_label(
    client: FlaskClient, upstream: FakeOpenAI, sent: str, label: str, upstream_name: str
) -> None:
    reply = upload(client, (LINE, sent))
    (entry,) = reply.get_json()["response"]
    assert (reply.status_code, entry["filename"]) == (200, label)
    assert f'filename="{upstream_name}"'.encode() in upstream.last(FILES).body


def test_the_bytes_arrive_as_they_were_sent(client: FlaskClient, upstream: FakeOpenAI) -> None:
    data = LINE.replace(b"\n", b"\r\n") * 3000
    assert upload(client, (data, "a.jsonl")).status_code == 200
    assert data in upstream.last(FILES).body
    assert upstream.files[next(iter(upstream.files))]["bytes"] == len(data)


def test_a_file_over_the_limit_is_413(client: FlaskClient, upstream: FakeOpenAI) -> None:
    limit = 1024 * 1024
    fits = upload(client, (b" " * limit, "a.jsonl"), validate="false")
    assert fits.status_code == 200
    too_large = upload(client, (b" " * (limit + 1), "a.jsonl"), validate="false")
    assert (too_large.status_code, code(too_large)) == (413, "file_too_large")
    far_too_large = upload(client, (b" " * (3 * limit), "a.jsonl"), validate="false")
    assert (far_too_large.status_code, code(far_too_large)) == (413, "body_too_large")
    assert upstream.count(FILES) == 1


def form(*files: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jsonl"\r\n\r\n'
    return b"".join(head + data + b"\r\n" for data in files) + b"--b--\r\n"


@pytest.mark.parametrize("lost", [3, 4, 5, 7, 20, len(LINE) + 30])
def test_a_cut_upload_is_refused_whole(client: FlaskClient, upstream: FakeOpenAI, lost: int) -> None:
    whole = form(LINE, LINE)
    reply = client.post(
        "/upload_files",
        input_stream=io.BytesIO(whole[:-lost]),
        content_length=len(whole),
        content_type="multipart/form-data; boundary=b",
    )
    assert (reply.status_code, code(reply)) == (400, "incomplete_upload")
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", form(LINE)),
        ("multipart/form-data; boundary=b", b"--b\r\nX: y\r\n\r\nz\r\n--b--\r\n"),
    ],
    ids=["no boundary", "a part without a name"],
)
def test_a_broken_form_is_refused(client: FlaskClient, content_type: str, body: bytes) -> None:
    reply = client.post("/upload_files", data=body, content_type=content_type)
    assert (reply.status_code, code(reply)) == (400, "invalid_multipart")


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"bytes": "1"}])
def test_a_file_that_is_not_what_was_declared_is_refused_with_all_others(
    client: FlaskClient, upstream: FakeOpenAI, wrong: dict[str, str]
) -> None:
    right = {"sha256": hashlib.sha256(LINE).hexdigest(), "bytes": str(len(LINE))}
    files = [(io.BytesIO(LINE), "a.jsonl"), (io.BytesIO(LINE), "b.jsonl")]
    reply = client.post("/upload_files", data={"files": files, **{name: [right[name], wrong[name]] for name in wrong}})
    assert (reply.status_code, code(reply)) == (400, "checksum_mismatch")
    assert upstream.seen == []


def test_a_file_that_is_what_was_declared_is_taken(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = upload(client, (LINE, "a.jsonl"), sha256=hashlib.sha256(LINE).hexdigest().upper(), bytes=str(len(LINE)))
    assert reply.status_code == 200
    assert LINE in upstream.last(FILES).body
