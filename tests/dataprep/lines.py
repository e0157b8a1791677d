"""Small training data for the tests of dataprep, made on the spot."""

import io
import json

from dataprep import Report, check

GREETING = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ahoy!"}]}


def chat(*messages: object, **beside: object) -> str:
    """One chat line of these messages, with further keys beside them."""
    return json.dumps({"messages": list(messages), **beside}, ensure_ascii=False)


def user(content: object = "Hi", **more: object) -> dict[str, object]:
    """A user message."""
    return {"role": "user", "content": content, **more}


def assistant(content: object = "Ahoy!", **more: object) -> dict[str, object]:
    """An assistant message."""
    return {"role": "assistant", "content": content, **more}


def check_text(text: str) -> Report:
    """Check this text as a file in UTF-8."""
    return check_bytes(text.encode("utf-8"))


def check_bytes(data: bytes) -> Report:
    """Check these bytes as a file."""
    return check(io.BytesIO(data))
