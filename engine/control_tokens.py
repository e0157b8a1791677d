"""Takes the power from control tokens in other people's texts: what only the chat template may write ends no turn.

llama.cpp and the trainer's tokenizer read a rendered chat in one piece, so the spelling of a control token counts
wherever it stands. Here a letter that is not seen parts it, in training and in serving alike (decision 0040).
"""

import functools
import json
import mmap
import re
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

PARTER = "\u200c"
"""ZERO WIDTH NON-JOINER: these two letters are not one."""
_UNKNOWN, _CONTROL, _OWN = 2, 3, 4  # types of tokens (ggml's docs/gguf.md)
# Marks of turns by their looks: converters that overlooked them have made them the model's own, like <think>.
_MARK = re.compile(rb"<(\||\xef\xbd\x9c).*(\||\xef\xbd\x9c)>", re.DOTALL)
# llama.cpp takes them for control tokens, whatever type a file gives them (its llama-vocab.cpp).
_BY_NAME = {
    *("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<|end_of_text|>"),
    *("<end_of_turn>", "<turn|>", "<|tool_response>", "<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>", "<|EOT|>"),
    *("[EOT]", "[EOS]", "<|user|>", "<|END_OF_TURN_TOKEN|>", "<｜end▁of▁sentence｜>", "</s>", "<eos>"),
}
_TOKENS, _TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_NUMBER_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _LIST = 8, 9


class ControlTokens:
    """The control tokens of one vocabulary, by their spelling."""

    def __init__(self, spellings: Iterable[str]) -> None:
        # One letter cannot be parted.
        self._spellings = frozenset(spelling for spelling in spellings if len(spelling) > 1)
        self._lengths = sorted({len(spelling) for spelling in self._spellings})
        seconds = defaultdict[str, set[str]](set)
        for spelling in self._spellings:
            seconds[spelling[0]].add(re.escape(spelling[1]))
        begun = (f"{re.escape(first)}(?=[{''.join(sorted(second))}])" for first, second in sorted(seconds.items()))
        self._begun = re.compile("|".join(begun) or "(?!)")

    def plain(self, value: Any) -> Any:
        """Return a text, or all texts of JSON, keys too, with a PARTER behind the first letter of each control token.

        Arguments of calls, which are JSON in a text, are read first: a template may write them unescaped.
        """
        match value:
            case str():
                return self._begun.sub(self._parted, value)
            case list():
                return [self.plain(one) for one in value]
            case dict():
                return {self.plain(name): self._of(name, one) for name, one in value.items()}
        return value

    def _of(self, name: str, value: Any) -> Any:
        value = self.plain(value)
        if name != "arguments" or not isinstance(value, str) or "\\" not in value:
            return value
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            return value
        plain = self.plain(read)
        return value if plain == read else json.dumps(plain, ensure_ascii=False)

    def _parted(self, begun: re.Match[str]) -> str:
        text, at = begun.string, begun.start()
        whole = any(text[at : at + length] in self._spellings for length in self._lengths)
        return text[at] + PARTER if whole else text[at]


def of(path: Path) -> ControlTokens:
    """Return the control tokens of the GGUF at `path`, read once. Raises ValueError: it has no vocabulary to read."""
    there = path.stat()
    return _of(path, there.st_mtime_ns, there.st_size)


@functools.lru_cache(maxsize=16)
def _of(path: Path, *_: int) -> ControlTokens:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            found = dict(islice(_lists(held), 2))
    except struct.error as error:
        raise ValueError(f"{path.name} ends within its vocabulary") from error
    tokens, types = found.get(_TOKENS), found.get(_TYPES, ())
    if tokens is None:
        raise ValueError(f"{path.name} has no vocabulary")
    typed = zip(tokens, types, strict=False)
    by_type = {
        token for token, kind in typed if kind in (_UNKNOWN, _CONTROL) or (kind == _OWN and _MARK.fullmatch(token))
    }
    by_name = {name.encode() for name in _BY_NAME}.intersection(tokens)
    return ControlTokens(token.decode(errors="replace") for token in by_type | by_name)


def _lists(held: mmap.mmap) -> Iterator[tuple[str, Any]]:
    """Yield the tokens and their types, whichever comes first, of a header that was judged (`model_file`)."""
    *_, count = struct.unpack_from("<IIQQ", held)
    at = 24
    for _ in range(count):
        (name,), at = _texts(held, at, 1)
        (kind,), at = struct.unpack_from("<I", held, at), at + 4
        length = 1
        if is_list := kind == _LIST:
            (kind, length), at = struct.unpack_from("<IQ", held, at), at + 12
        begin = at
        if kind == _TEXT:
            value, at = _texts(held, at, length)
        else:
            value, at = None, at + length * _NUMBER_BYTES[kind]
        if is_list and name == _TOKENS.encode():
            yield _TOKENS, value
        elif is_list and name == _TYPES.encode():
            yield _TYPES, struct.unpack_from(f"<{length}i", held, begin)


def _texts(held: mmap.mmap, at: int, count: int) -> tuple[list[bytes], int]:
    """Return `count` texts that begin at `at`, and where they end."""
    texts = []
    for _ in range(count):
        begin = at + 8
        at = begin + int.from_bytes(held[at:begin], "little")
        texts.append(held[begin:at])
    return texts, at
