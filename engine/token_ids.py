"""The texts behind OpenAI's token ids, which LangChain sends instead of texts; it knows one encoding."""

import functools
from collections.abc import Sequence
from typing import Any

from wire.errors import BadRequest

ENCODING = "cl100k_base"
OPENAIS = "text-embedding-"
"""How the names of OpenAI's embedding models begin; the ids of every one of them are of ENCODING."""


def read(model: str, ids: Sequence[int]) -> str:
    """Return the text that `ids` stand for when they are sent to `model`, as the caller calls it.

    Raises:
        BadRequest: 400, `model` is no name of OpenAI's, so nobody knows whose ids they are, or one is none of theirs.
    """
    if not model.startswith(OPENAIS):
        raise BadRequest(
            f"Token ids are read under OpenAI's own names alone, such as {OPENAIS}3-small, whose ids are known; for "
            f"'{model}' send texts (LangChain does with check_embedding_ctx_length=False).",
            code="invalid_value",
            param="input",
        )
    try:
        text: str = _tokenizer().decode(list(ids))
    except (KeyError, TypeError):  # a number that is none of its ids; or negative, or above 32 bits
        raise BadRequest(
            f"Invalid value for 'input': its token ids are not all of {ENCODING}, as they are for '{model}'.",
            code="invalid_value",
            param="input",
        ) from None
    return text


@functools.lru_cache(maxsize=1)
def _tokenizer() -> Any:
    """The vocabulary takes a quarter of a second and 33 MB, and stays: whoever sends ids sends many."""
    import quicktok

    return quicktok.Tokenizer(ENCODING, "")
