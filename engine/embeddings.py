"""Embeddings: texts as vectors of length one, within OpenAI's limits; it knows no Flask and starts no process."""

import base64
import functools
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.json import encode

from engine import token_ids
from engine.catalogue import BaseModel
from engine.serving.pool import Pool
from engine.serving.process import ModelProcess, ServedModel
from wire.embeddings import EmbeddingCreate
from wire.errors import BadRequest
from wire.waiting import Work

MOST_TOKENS = 300_000
"""Tokens of all texts of one request, as at OpenAI."""
BATCH_TOKENS = 2048
"""Tokens sent to the model at once: so often is it seen whether the caller is still there."""
PATIENCE = 600.0
"""Seconds that a batch may take, beside those of others and a training."""
# Who writes "[SEP]" means these five letters; only the tokenizer adds such tokens.
_AS_TEXT = {"add_special": True, "parse_special": False}
Tokens = list[int]
Vector = list[float]


def create(pool: Pool, base: BaseModel, path: Path, request: EmbeddingCreate) -> Work[bytes]:
    """Return the vectors of all texts as the wire's list in JSON, yielding in line and between batches.

    `base` makes embeddings, and its GGUF is at `path`. Closed before its end, it asks for no more.

    Raises:
        BadRequest: 400, a text or all together are too long, or the model's vectors cannot be cut so short.
        Unavailable: 503, the model's process ended.
    """
    dimensions = _dimensions(base, request)
    given = [one if isinstance(one, str) else token_ids.read(request.model, one) for one in request.texts]
    data: list[dict[str, Any]] = []
    with pool.lease(ServedModel(base.id, path, embedding_tokens=base.context), None, len(given)) as arrival:
        process = yield from arrival
        texts = list(_read(process, path, given))
        _check(texts, base)
        for batch in _batches(texts):
            for row in process.ask("/v1/embeddings", {"input": batch}, PATIENCE)["data"]:
                vector = _cut(row["embedding"], dimensions)
                shown = _packed(vector) if request.encoding_format == "base64" else vector
                data.append({"object": "embedding", "index": len(data), "embedding": shown})
            yield
    tokens = sum(map(len, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encode({"object": "list", "data": data, "model": base.id, "usage": usage})


def _dimensions(base: BaseModel, request: EmbeddingCreate) -> int:
    least, asked = base.least_dimensions or base.dimensions, request.dimensions or base.dimensions
    if not least <= asked <= base.dimensions:
        allowed = f"from {least} to {base.dimensions}" if least < base.dimensions else f"{least}, or be left out"
        raise BadRequest(
            f"Invalid value for 'dimensions': {asked}. For {base.id} it must be {allowed}.",
            code="invalid_value",
            param="dimensions",
        )
    return asked


def _read(process: ModelProcess, path: Path, texts: list[str]) -> Iterator[Tokens]:
    """Yield each text's token ids, by the tokenizer that lies beside the model if there is one, else by llama.cpp's."""
    own = path.with_name("tokenizer.json")
    tokenizer = _tokenizer(own) if own.is_file() else None
    for text in texts:
        if tokenizer is not None:
            yield tokenizer.encode(text).ids
        else:
            yield process.ask("/tokenize", {**_AS_TEXT, "content": text})["tokens"]


@functools.lru_cache(maxsize=8)
def _tokenizer(file: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()  # what is too long is refused
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # those in the text, as text
    return tokenizer


def _check(texts: list[Tokens], base: BaseModel) -> None:
    for place, tokens in enumerate(texts):
        if len(tokens) > base.context:
            raise BadRequest(
                f"This model's maximum context length is {base.context} tokens. However, input {place} resulted in "
                f"{len(tokens)} tokens. Please reduce the length of the input.",
                code="context_length_exceeded",
                param="input",
            )
    if (total := sum(map(len, texts))) > MOST_TOKENS:
        raise BadRequest(
            f"The input has {total} tokens, but at most {MOST_TOKENS} are taken in one request. Send it in parts.",
            code="max_tokens_per_request",
            param="input",
        )


def _batches(texts: list[Tokens]) -> Iterator[list[Tokens]]:
    """Yield the texts in their order, as many at a time as BATCH_TOKENS hold, and at least one."""
    batch: list[Tokens] = []
    for tokens in texts:
        if batch and sum(map(len, batch)) + len(tokens) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(tokens)
    yield batch


def _cut(vector: Vector, dimensions: int) -> Vector:
    """Return the vector's first `dimensions`, of length one again."""
    if len(vector) == dimensions:
        return vector
    kept = vector[:dimensions]
    length = math.hypot(*kept) or 1.0
    return [value / length for value in kept]


def _packed(vector: Vector) -> str:
    """Return little-endian float32 in base64, which OpenAI's client asks for and reads by itself."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
