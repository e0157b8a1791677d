"""Before a server that only answers (Ollama, vLLM) every page works, and says what there cannot be."""

import pytest

from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import FakeOpenAI, refusal

PAGES = ("/", "/dashboard/jobs", "/dashboard/files", "/dashboard/new-job")
CHAT = ("/dashboard/models", "/dashboard/playground", "/dashboard/data")


@pytest.fixture(autouse=True)
def _chat_only(upstream: FakeOpenAI) -> None:
    upstream.trains = False


@pytest.mark.parametrize("path", PAGES)
def test_what_there_cannot_be_is_said_with_the_way_on(reader: Reader, path: str) -> None:
    reply = reader.get(path)
    assert reply.status_code == 200
    page = reply.get_data(as_text=True)
    assert "This upstream does not train" in page
    assert 'href="/dashboard/playground"' in page
    assert "It does not answer" not in page


@pytest.mark.parametrize("path", CHAT)
def test_what_needs_no_training_works(reader: Reader, path: str) -> None:
    assert reader.get(path).status_code == 200


def test_its_models_are_listed_to_programs(reader: Reader) -> None:
    reply = reader.client.get("/models")
    assert [model["id"] for model in reply.get_json()["response"]["data"]] == ["gpt-4o"]


def test_an_address_with_nothing_behind_it_is_told_as_a_failure(reader: Reader, upstream: FakeOpenAI) -> None:
    upstream.fail("GET /v1/models", *[refusal(404, "Not Found", None)] * 2)
    assert "It does not answer" in reader.get("/").get_data(as_text=True)
