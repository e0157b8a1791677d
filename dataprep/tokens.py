"""Counts tokens as OpenAI's tokenizers do, offline; prices and epochs are in `estimate`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, Protocol
from weakref import WeakValueDictionary

Encoding = Literal["o200k_base", "cl100k_base"]
# The longest beginning of a model's name decides.
_ENCODINGS: Mapping[str, Encoding] = {
    "gpt-3.5": "cl100k_base",
    "gpt-4": "cl100k_base",
    "gpt-4o": "o200k_base",
    "gpt-4.1": "o200k_base",
    "gpt-4.5": "o200k_base",
    "gpt-5": "o200k_base",
    "chatgpt-4o": "o200k_base",
    "o1": "o200k_base",
    "o3": "o200k_base",
    "o4": "o200k_base",
    "davinci-002": "cl100k_base",
    "babbage-002": "cl100k_base",
}
# The formula of OpenAI's cookbook: what frames a message, a name, and the answer to come.
TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_ANSWER = 3
FORMULA = "3 per message + the tokens of each of its values + 1 per name, + 3 per example; a preference is two examples"
OUTPUTS = ("preferred_output", "non_preferred_output", "preferred_completion", "non_preferred_completion")


class Tokenizer(Protocol):
    """Counts the tokens of a text."""

    def count(self, text: str) -> int:
        """Return the number of tokens."""
        ...


_LOADED: WeakValueDictionary[Encoding, Tokenizer] = WeakValueDictionary()


def encoding_for(model: str) -> Encoding | None:
    """Return the encoding of a model, fine-tuned or not; None where it is not one of OpenAI's known ones."""
    name = model.removeprefix("ft:")
    known = [prefix for prefix in _ENCODINGS if name == prefix or name.startswith((prefix, prefix + "-"))]
    return _ENCODINGS[max(known, key=len)] if known else None


def count(text: str, encoding: Encoding = "o200k_base") -> int:
    """Return the number of tokens; `<|endoftext|>` and its like count as the text that they are.

    The counts are tiktoken's, but for letters, marks and numbers that Unicode has only had since its version 17.
    """
    tokenizer = load(encoding)
    try:
        return tokenizer.count(text)
    except TypeError:
        # Half a character (a lone surrogate) is no text; as with tiktoken U+FFFD counts, and fitting halves are whole.
        return tokenizer.count(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def count_messages(messages: Iterable[Any], encoding: Encoding = "o200k_base") -> int:
    """Return the tokens of a chat by the cookbook's formula, which `FORMULA` says in words.

    Where the formula fails, sense decides: weights count nothing, of content parts the texts count (images are not
    known), tool calls count as the JSON that they are.
    """
    total = TOKENS_PER_ANSWER
    for message in messages:
        total += TOKENS_PER_MESSAGE
        for key, value in message.items() if isinstance(message, dict) else ():
            total += _count_value(value, encoding) + TOKENS_PER_NAME * (key == "name")
    return total


def count_answers(messages: Iterable[Any], encoding: Encoding = "o200k_base") -> int:
    """Return the tokens of what the assistant says, the part that is learned: weight 0 does not count."""
    spoken = [one for one in messages if isinstance(one, dict) and one.get("role") == "assistant"]
    learned = [one.get(key) for one in spoken if one.get("weight") != 0 for key in ("content", "tool_calls")]
    return sum(_count_value(value, encoding) for value in learned)


def count_example(example: Mapping[str, Any], encoding: Encoding = "o200k_base") -> int:
    """Return the tokens of one training example of any kind, its tool definitions included.

    A preference counts the prompt with the one answer and again with the other, as both go through the model.
    """
    if any(key in example for key in OUTPUTS):
        return sum(count_example(one, encoding) for one in sequences(example))
    if not isinstance(example.get("messages"), list):
        return sum(_count_anything(value, encoding) for value in example.values())
    beside = [example.get("tools"), example.get("functions")]
    return count_messages(example["messages"], encoding) + sum(_count_value(one, encoding) for one in beside)


def sequences(example: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what a model reads in one go: the example itself, or a preference's prompt as a chat with either answer."""
    outputs = [example[key] for key in OUTPUTS if key in example]
    given = example.get("input")
    prompt = given if isinstance(given, dict) else {}
    messages = prompt.get("messages")
    before = messages if isinstance(messages, list) else []
    for output in outputs:
        yield {**prompt, "messages": [*before, *(output if isinstance(output, list) else ())]}
    if not outputs:
        yield example


def _count_anything(value: object, encoding: Encoding) -> int:
    """The tokens of a text, a list of messages, or an object that holds either."""
    if isinstance(value, dict):
        return sum(_count_anything(inner, encoding) for inner in value.values())
    if isinstance(value, list) and any(isinstance(one, dict) and "role" in one for one in value):
        return count_messages(value, encoding)
    return _count_value(value, encoding)


def _count_value(value: object, encoding: Encoding) -> int:
    if isinstance(value, str):
        return count(value, encoding)
    if isinstance(value, list) and all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in value):
        texts = [part["text"] for part in value if isinstance(part.get("text"), str)]
        calls = [part for part in value if "function" in part]
        return sum(count(text, encoding) for text in (*texts, *map(_as_json, calls)))
    return count(_as_json(value), encoding) if isinstance(value, dict | list) else 0


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load(encoding: Encoding) -> Tokenizer:
    """Return the tokenizer, some 80 MB; whoever counts much holds it, for of all others only the newest is kept."""
    return _LOADED.get(encoding) or _load(encoding)


@lru_cache(maxsize=1)
def _load(encoding: Encoding) -> Tokenizer:
    # Loaded at the first count only: the vocabulary takes a moment, and most commands count nothing.
    import quicktok

    tokenizer: Tokenizer = quicktok.Tokenizer(encoding, "")  # its own get_encoding keeps every vocabulary for good
    _LOADED[encoding] = tokenizer
    return tokenizer
