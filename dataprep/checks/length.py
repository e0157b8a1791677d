"""Warns of examples with more tokens than a target trains on, and says what it would cut off; it cuts nothing."""

from collections.abc import Mapping
from typing import Any

from dataprep.checks.report import Problem
from dataprep.checks.wording import point
from dataprep.tokens import TOKENS_PER_ANSWER, count_example, count_messages, sequences


def check_length(example: Mapping[str, Any], limit: int, target: str) -> Problem | None:
    """Return a warning if a sound example has more than `limit` tokens, those of `o200k_base`.

    No text has more tokens than bytes: an example whose line has at most `limit` bytes need not come here.
    """
    try:
        tokens = max(map(count_example, sequences(example)))
    except RecursionError:
        # Values can be nested just shallow enough to be read; a model reads none of them.
        return None
    if tokens <= limit:
        return None
    pointer = _cut_at(example, limit)
    rest = f"the rest, from {pointer} on," if pointer else "the rest"
    detail = (
        f"the example has {tokens} tokens, but {target} trains on {limit} at most: {rest} is lost."
        " Shorten it, or split it between two turns."
    )
    return Problem(pointer, "too_long", detail, "warning")


def _cut_at(example: Mapping[str, Any], limit: int) -> str:
    """The message in which the limit is passed; nothing where the example is no chat."""
    messages = example.get("messages")
    left = limit - count_example({**example, "messages": []})
    for at, message in enumerate(messages if isinstance(messages, list) else ()):
        left -= count_messages((message,)) - TOKENS_PER_ANSWER
        if left < 0:
            return point("messages", at)
    return ""
