"""Files upstream in the envelope: listed, read, downloaded, deleted; whose they are is said."""

import pytest
from flask.testing import FlaskClient

from services.makers import OWNER
from tests.fakes.openai_upstream import FILE_ID, RESULT_ID, FakeOpenAI, Fault
from tests.routes.conftest import Holder

CONTENT = f"GET /v1/files/{FILE_ID}/content"


@pytest.fixture(autouse=True)
def file(upstream: FakeOpenAI) -> None:
    upstream.new_file("train.jsonl", 300_000)


def test_files_are_listed_with_their_owner(client: FlaskClient, upstream: FakeOpenAI) -> None:
    page = client.get("/files?limit=5&purpose=fine-tune").get_json()["response"]
    assert page["data"] == [{**upstream.files[FILE_ID], "owner": None}]
    assert upstream.last("GET /v1/files").query == {"limit": ["5"], "purpose": ["fine-tune"]}


def test_a_name_is_shown_as_it_was_sent(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.files[FILE_ID]["filename"] = "key_0123456789ab.a.b.jsonl"
    file = client.get(f"/files/{FILE_ID}").get_json()["response"]
    assert (file["owner"], file["filename"]) == ("key_0123456789ab", "a.b.jsonl")


def test_a_name_that_looks_like_an_owners_mark_is_a_name(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.files[FILE_ID]["filename"] = "key_points.jsonl"
    assert client.get(f"/files/{FILE_ID}").get_json()["response"]["filename"] == "key_points.jsonl"


def test_bytes_come_as_a_download(client: FlaskClient) -> None:
    reply = client.get(f"/files/{FILE_ID}/content")
    assert (reply.status_code, len(reply.data)) == (200, 300_000)
    assert reply.headers["Content-Length"] == "300000"
    assert reply.headers["Content-Disposition"] == "attachment; filename*=UTF-8''train.jsonl"
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_a_download_is_not_held_in_memory(client: FlaskClient) -> None:
    pieces = list(client.get(f"/files/{FILE_ID}/content").iter_encoded())
    assert len(pieces) > 1


def test_a_download_that_finds_no_place_asks_the_upstream_nothing(client: FlaskClient, upstream: FakeOpenAI) -> None:
    crowd = client.application.extensions["crowd"]
    crowd.count = crowd.most
    assert client.get(f"/files/{FILE_ID}/content").status_code == 503
    assert upstream.seen == []


def test_a_download_gives_its_place_back(client: FlaskClient) -> None:
    crowd = client.application.extensions["crowd"]
    reply = client.get(f"/files/{FILE_ID}/content")
    assert crowd.count == 1
    reply.close()
    assert client.get("/files/file-nope/content").get_json()["info"] == "error"
    assert crowd.count == 0


def test_a_file_is_deleted(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = client.delete(f"/files/{FILE_ID}").get_json()
    assert reply == {"info": "ok", "response": {"id": FILE_ID, "object": "file", "deleted": True}}
    assert upstream.files == {}
    assert client.delete(f"/files/{FILE_ID}").status_code == 404


@pytest.mark.parametrize("path", ["/files/file-nope", "/files/file-nope/content", "/files/.", "/files/%2e%2e/content"])
def test_an_unknown_file_is_404(client: FlaskClient, path: str) -> None:
    reply = client.get(path)
    assert (reply.status_code, reply.get_json()["info"]) == (404, "error")


def test_an_upstream_that_does_not_send_the_bytes_is_told(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail(CONTENT, Fault("drop"))
    reply = client.get(f"/files/{FILE_ID}/content")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (502, "upstream_unreachable")


def test_ones_own_page_is_full_whatever_stands_between(holder: Holder, upstream: FakeOpenAI) -> None:
    for number in range(1500):
        upstream.new_file(f"{holder.id}.{number}.jsonl" if number % 500 == 0 else f"{number}.jsonl", 1)
    first = holder.ask("/files?limit=2").get_json()["response"]
    assert ([file["filename"] for file in first["data"]], first["has_more"]) == (["1000.jsonl", "500.jsonl"], True)
    rest = holder.ask(f"/files?after={first['last_id']}").get_json()["response"]
    assert ([file["filename"] for file in rest["data"]], rest["has_more"]) == (["0.jsonl"], False)


def test_anothers_file_is_as_if_it_did_not_exist(holder: Holder, upstream: FakeOpenAI) -> None:
    for path, method in (
        (f"/files/{FILE_ID}", "GET"),
        (f"/files/{FILE_ID}/content", "GET"),
        (f"/files/{FILE_ID}", "DELETE"),
    ):
        reply, unknown = holder.ask(path, method), holder.ask(path.replace(FILE_ID, "file-nope"), method)
        assert (reply.status_code, unknown.status_code) == (404, 404)
        told, expected = reply.get_json()["response"], unknown.get_json()["response"]
        assert told["message"].replace(FILE_ID, "") == expected["message"].replace("file-nope", "")
        assert (told["param"], told["code"]) == (expected["param"], expected["code"])
    assert FILE_ID in upstream.files


@pytest.mark.parametrize("owns_it", [True, False])
def test_a_result_file_belongs_to_its_jobs_owner(holder: Holder, upstream: FakeOpenAI, owns_it: bool) -> None:
    job = upstream.new_job({"model": "m", "training_file": FILE_ID, "metadata": {OWNER: holder.id if owns_it else "x"}})
    upstream.finish(job["id"])
    assert holder.ask(f"/files/{RESULT_ID}/content").status_code == (200 if owns_it else 404)
    listed = [file["id"] for file in holder.ask("/files").get_json()["response"]["data"]]
    assert listed == ([RESULT_ID] if owns_it else [])
