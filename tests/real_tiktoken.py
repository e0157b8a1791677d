"""The real tiktoken without a network: quicktok's vocabularies in its own format, whose hashes it checks itself."""

import base64
import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

import quicktok
import tiktoken

from dataprep.tokens import Encoding

_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
_CACHE = "TIKTOKEN_CACHE_DIR"


@cache
def load(encoding: Encoding) -> tiktoken.Encoding:
    """Return tiktoken's own tokenizer; bytes other than OpenAI's would have it look for the network."""
    before = os.environ.get(_CACHE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= cached_in(Path(folder), encoding)
        try:
            return tiktoken.get_encoding(encoding)
        finally:
            os.environ.pop(_CACHE)
            os.environ.update({} if before is None else {_CACHE: before})


def cached_in(folder: Path, encoding: Encoding) -> dict[str, str]:
    """Write an encoding where tiktoken would keep it, and return the environment that has it looked for there."""
    folder.mkdir(exist_ok=True)
    name = hashlib.sha1(_URL.format(encoding).encode()).hexdigest()
    (folder / name).write_bytes(vocabulary(encoding))
    return {_CACHE: str(folder)}


def vocabulary(encoding: Encoding) -> bytes:
    """Return quicktok's vocabulary as the file that OpenAI publishes: a token in base 64 and its rank on each line."""
    tokenizer = quicktok.get_encoding(encoding)
    tokens = (tokenizer.decode_single_token_bytes(rank) for rank in range(len(tokenizer.token_byte_values())))
    return b"".join(b"%b %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens))
