"""Moderation is refused so that the official SDK raises it at once, with the sentence and the code."""

from pathlib import Path

import httpx2
import openai
import pytest
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine


@pytest.mark.parametrize("model", [openai.omit, "omni-moderation-latest"])
def test_moderation_is_refused_once_and_says_that_nothing_was_checked(tmp_path: Path, model: str | openai.Omit) -> None:
    app = create_engine(EngineConfig(data_dir=tmp_path))
    asked: list[str] = []
    app.before_request(lambda: asked.append("one"))
    http = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    with (
        OpenAI(api_key="unused", base_url="http://localhost/v1", http_client=http, max_retries=2) as client,
        pytest.raises(openai.BadRequestError, match=r"does not moderate.*nothing was checked") as refused,
    ):
        client.moderations.create(input="Is this allowed?", model=model)
    assert (refused.value.code, refused.value.param) == ("moderation_not_supported", None)
    assert asked == ["one"]
