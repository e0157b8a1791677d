"""When the service stops, the streams that it relays end with an event that says so, whatever their upstream does."""

import json
import threading
import time
from dataclasses import replace

import pytest

from services.address import Address
from services.chat import Chat
from services.client import Upstream
from tests.fakes.openai_upstream import FakeOpenAI
from wire.errors import ApiError

QUESTION = {"messages": [{"role": "user", "content": "Hi"}], "stream": True}


@pytest.fixture(params=["on this machine", "by the SDK's client"])
def chat(upstream: FakeOpenAI, request: pytest.FixtureRequest) -> Chat:
    upstream.gap = 60
    address = Address(upstream.base_url, api_key="sk-x", read=60)
    if request.param == "by the SDK's client":
        address = replace(address, base_url=upstream.base_url.replace("//", "//user:word@"))
    return Chat(Upstream(address), "gpt-x")


def test_a_stop_ends_a_silent_stream_with_an_event_that_says_so(chat: Chat) -> None:
    stream = chat.stream(QUESTION)
    assert b'"role": "assistant"' in next(stream)
    threading.Timer(0.2, chat.stop).start()
    begun = time.monotonic()
    last = next(stream)
    assert time.monotonic() - begun < 5
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "server_stopping"
    assert list(stream) == []
    assert chat.streams_open == 0


def test_a_stream_that_begins_after_the_stop_is_refused(chat: Chat) -> None:
    chat.stop()
    with pytest.raises(ApiError) as refused:
        chat.stream(QUESTION)
    assert (refused.value.status, refused.value.code) == (503, "server_stopping")
    assert chat.streams_open == 0
