"""The five calls give the document's replies, field for field, when the upstream gives the document's objects."""

import io
import re

from flask.testing import FlaskClient

from tests.fakes.openai_upstream import ANSWER, CHAT_ID, FILE_ID, FINE_TUNED, JOB_ID, ORGANIZATION, FakeOpenAI

LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'


def test_status_is_an_empty_object(client: FlaskClient) -> None:
    reply = client.get("/status")
    assert (reply.status_code, reply.json) == (200, {"info": "ok", "response": {}})


def test_upload_files_replies_as_documented(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = client.post("/upload_files", data={"files": (io.BytesIO(LINE), "test.jsonl", "application/octet-stream")})
    assert reply.status_code == 200
    assert reply.json == {
        "info": "ok",
        "response": [
            {
                "content_type": "application/octet-stream",
                "filename": "test.jsonl",
                "response": {
                    "bytes": len(LINE),
                    "created_at": 1704527071,
                    "filename": "test.jsonl",
                    "id": FILE_ID,
                    "object": "file",
                    "purpose": "fine-tune",
                },
                "size": len(LINE),
                "status": "uploaded",
            }
        ],
    }


def test_fine_tuning_replies_as_documented(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.new_file("test.jsonl", 1)
    reply = client.post("/fine_tuning", json={"training_file": FILE_ID})
    assert reply.status_code == 200
    response = reply.get_json()["response"]
    assert re.fullmatch(r"suffix:[a-z0-9]{6}", response.pop("suffix"))
    assert response == {
        "id": JOB_ID,
        "model": "gpt-3.5-turbo-1106",
        "organization_id": ORGANIZATION,
        "status": "validating_files",
        "training_file": FILE_ID,
    }


def test_retrieve_replies_as_documented(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.new_job({"model": "gpt-3.5-turbo-1106", "training_file": FILE_ID})
    upstream.finish()
    reply = client.post("/retrieve", json={"fine_tuning_job_id": JOB_ID})
    assert reply.status_code == 200
    assert reply.json == {
        "info": "ok",
        "response": {
            "fine_tuned_model": FINE_TUNED,
            "id": JOB_ID,
            "status": "succeeded",
            "trained_tokens": 22732,
            "training_file": FILE_ID,
        },
    }


def test_chat_replies_as_documented(client: FlaskClient, upstream: FakeOpenAI) -> None:
    reply = client.post("/chat", json={"text": "你来自哪里", "model": FINE_TUNED})
    assert reply.status_code == 200
    assert reply.json == {"info": "ok", "response": {"content": ANSWER, "id": CHAT_ID, "model": FINE_TUNED}}
    assert ANSWER in reply.get_data(as_text=True), "Chinese is sent as it is, not escaped"
    sent = upstream.last("POST /v1/chat/completions").json
    assert sent == {"model": FINE_TUNED, "messages": [{"role": "user", "content": "你来自哪里"}]}


def test_chat_uses_the_default_model_when_none_is_named(client: FlaskClient, upstream: FakeOpenAI) -> None:
    assert client.post("/chat", json={"text": "Hi"}).status_code == 200
    assert upstream.last("POST /v1/chat/completions").json["model"] == "gpt-3.5-turbo-1106"
