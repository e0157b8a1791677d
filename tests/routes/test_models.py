"""Models of an OpenAI in the envelope: what each is, whose, by which job; deletion; weights that nobody gives out."""

import pytest
from flask.testing import FlaskClient

from services.makers import OWNER
from tests.fakes.openai_upstream import CHECKPOINT, FILE_ID, FINE_TUNED, JOB_ID, FakeOpenAI, refusal
from tests.routes.conftest import Holder


@pytest.fixture
def tuned(upstream: FakeOpenAI) -> None:
    """Somebody's job has ended well."""
    upstream.new_job({"model": "gpt-3.5-turbo-1106", "training_file": FILE_ID, "metadata": {OWNER: "key_0123456789ab"}})
    upstream.finish()


def test_each_model_says_what_it_is_and_whose(client: FlaskClient, tuned: None) -> None:
    models = {one["id"]: one for one in client.get("/models").get_json()["response"]["data"]}
    of_job = {"base": "gpt-3.5-turbo-1106", "job_id": JOB_ID, "owner": "key_0123456789ab"}
    assert models[FINE_TUNED] == models[FINE_TUNED] | of_job | {"kind": "tuned", "step_number": None}
    assert models[CHECKPOINT] == models[CHECKPOINT] | of_job | {"kind": "checkpoint", "step_number": 44}
    assert (models["gpt-4o"]["kind"], models["gpt-4o"]["owner"]) == ("base", None)


def test_one_model_is_found_by_its_name(client: FlaskClient, tuned: None) -> None:
    assert client.get(f"/models/{FINE_TUNED}").get_json()["response"]["job_id"] == JOB_ID
    reply = client.get("/models/nope")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (404, "model_not_found")


def test_a_model_is_deleted(client: FlaskClient, tuned: None) -> None:
    reply = client.delete(f"/models/{FINE_TUNED}").get_json()["response"]
    assert reply == {"id": FINE_TUNED, "object": "model", "deleted": True}
    assert client.get(f"/models/{FINE_TUNED}").status_code == 404


@pytest.mark.parametrize("path", ["/models/.", "/models/%2e%2e", "/models/nope"])
def test_what_there_is_not_cannot_be_deleted(client: FlaskClient, path: str) -> None:
    reply = client.delete(path)
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (404, "model_not_found")


def test_openai_gives_out_no_weights(client: FlaskClient, tuned: None) -> None:
    reply = client.get(f"/models/{FINE_TUNED}/export?format=gguf")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (501, "not_served_upstream")


def test_a_keys_holder_sees_base_models_and_their_own(holder: Holder, upstream: FakeOpenAI, tuned: None) -> None:
    assert [one["id"] for one in holder.ask("/models").get_json()["response"]["data"]] == ["gpt-4o"]
    upstream.jobs[JOB_ID]["metadata"] = {OWNER: holder.id}
    listed = [one["id"] for one in holder.ask("/models").get_json()["response"]["data"]]
    assert listed == ["gpt-4o", FINE_TUNED, CHECKPOINT]


@pytest.mark.parametrize("name", [FINE_TUNED, CHECKPOINT])
def test_anothers_model_is_as_if_it_did_not_exist(holder: Holder, upstream: FakeOpenAI, tuned: None, name: str) -> None:
    for path, method in ((f"/models/{name}", "GET"), (f"/models/{name}", "DELETE"), (f"/models/{name}/export", "GET")):
        reply = holder.ask(path, method)
        assert (reply.status_code, reply.get_json()["response"]["code"]) == (404, "model_not_found")
    upstream.jobs[JOB_ID]["metadata"] = {OWNER: holder.id}
    assert holder.ask(f"/models/{name}", "DELETE").status_code == 200


def test_ones_own_checkpoint_answers(holder: Holder, upstream: FakeOpenAI, tuned: None) -> None:
    question = {"text": "Hi", "model": CHECKPOINT}
    assert holder.ask("/chat", "POST", json=question).status_code == 404
    upstream.jobs[JOB_ID]["metadata"] = {OWNER: holder.id}
    assert holder.ask("/chat", "POST", json=question).status_code == 200


def test_a_keys_holder_deletes_no_base_model(holder: Holder, upstream: FakeOpenAI) -> None:
    reply = holder.ask("/models/gpt-4o", "DELETE")
    assert (reply.status_code, reply.get_json()["response"]["code"]) == (400, "not_fine_tuned")


def test_an_upstream_that_lists_nonsense_is_told(client: FlaskClient, upstream: FakeOpenAI) -> None:
    upstream.fail("GET /v1/models", refusal(503, "later", "overloaded"))
    assert client.get("/models").status_code == 503


@pytest.mark.parametrize(("path", "methods"), [("export", "GET, HEAD"), ("a/export/b", "DELETE, GET, HEAD")])
def test_what_ends_in_export_is_that_calls_path_for_every_method(client: FlaskClient, path: str, methods: str) -> None:
    """As `Allow` says: deleting `/models/NAME/export` would delete a model of that name."""
    reply = client.put(f"/models/{FINE_TUNED}/{path}")
    assert (reply.status_code, ", ".join(sorted(reply.headers["Allow"].split(", ")))) == (405, methods)
