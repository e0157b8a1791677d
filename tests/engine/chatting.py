"""Questions to the engine through the official SDK, as the tests of chats ask them."""

from typing import Any

from msgspec.json import decode
from openai import OpenAI

from wire.waiting import Work

HI: Any = [{"role": "user", "content": "Tell me about the sea."}]
ENDLESS: Any = {"logit_bias": {"2": -100, "0": -100}}


def ask(client: OpenAI, messages: Any = HI, **fields: Any) -> Any:
    return client.chat.completions.create(model="base", messages=messages, **{"max_tokens": 8, **fields})


def text(answer: Any) -> str:
    return str(answer.choices[0].message.content)


def finished(work: Work[bytes]) -> Any:
    """Return the reply that `work` ends with."""
    try:
        while True:
            next(work)
    except StopIteration as done:
        return decode(done.value)
