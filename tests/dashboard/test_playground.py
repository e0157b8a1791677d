"""The playground offers the models that answer, and begins with the newest of one's own beside its base."""

import re
from typing import Any

from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import CHECKPOINT, FINE_TUNED, FakeOpenAI


def boxes(reader: Reader, path: str = "/dashboard/playground") -> dict[str, bool]:
    """The models to choose from, and whether each is chosen."""
    reply = reader.get(path)
    assert reply.status_code == 200
    found = re.findall(r'name="model" value="([^"]*)" (checked)?', reply.get_data(as_text=True))
    return {name: bool(checked) for name, checked in found}


def test_with_base_models_alone_one_is_chosen(reader: Reader) -> None:
    assert boxes(reader) == {"gpt-4o": True}


def test_ones_own_model_is_chosen(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    assert boxes(reader) == {FINE_TUNED: True, CHECKPOINT: False, "gpt-4o": False}


def test_a_link_chooses(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    assert boxes(reader, f"/dashboard/playground?model={CHECKPOINT}")[CHECKPOINT]
    assert boxes(reader, "/dashboard/playground?model=nobody")[FINE_TUNED]


def test_what_does_not_chat_is_not_offered(reader: Reader, upstream: FakeOpenAI) -> None:
    upstream.others = ["whisper-1", "text-embedding-3-small", "dall-e-3", "gpt-4o-mini-tts", "o3"]
    assert boxes(reader) == {"gpt-4o": True, "o3": False}
    page = reader.get("/dashboard/models").get_data(as_text=True)
    assert page.count("does not chat") == 3
