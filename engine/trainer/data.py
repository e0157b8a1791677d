"""Chat rows to token ids and assistant masks, through the model's own chat template; it batches nothing.

Templates run in the Jinja sandbox of transformers. A text is cut where an assistant turn begins and ends and each
piece is encoded by itself, so the prompt's ids are the ones that a server computes for the same prompt.
"""

import json
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from jinja2 import TemplateError

from engine.trainer import rendering
from engine.trainer.errors import InvalidTrainingFile, UnsupportedBaseModel

Message = dict[str, Any]
Item = TypeVar("Item", bound=Sized)


@dataclass(frozen=True)
class Example:
    """One sequence: token ids, which of them are trained on, and where its first trained answer begins."""

    ids: list[int]
    trained: list[bool]
    line: int
    messages: list[Message]  # the prompt of the first trained answer
    prompt: str  # the same, rendered
    prompt_length: int  # tokens
    tools: list[dict[str, Any]] | None = None  # what the prompt's template was given

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Dataset(Generic[Item]):
    """What one file is trained on, and how many of its rows had to be cut or left out; `len` of an item: its tokens."""

    examples: list[Item]
    bare: list[Item]  # the same rows without their system message; empty if that would blur what they teach
    truncated: int
    left_out: int

    @property
    def tokens(self) -> int:
        """Tokens of one pass over the file."""
        return sum(len(example) for example in self.examples)


def load(path: Path, tokenizer: Any, max_tokens: int, working: Callable[[], None] = lambda: None) -> Dataset[Example]:
    """Encode every row of a chat JSONL file; rows longer than `max_tokens` lose their end, as the wire has it."""
    pairs, truncated = [], 0
    for line, row in rows(path, tokenizer):
        working()
        for example, bare in zip(encode(row, tokenizer, line), encode(_bare(row), tokenizer, line), strict=False):
            truncated += len(example) > max_tokens
            pairs.append((cut(example, max_tokens), cut(bare, max_tokens)))
    kept = [pair for pair in pairs if any(pair[0].trained)]
    examples = [example for example, _ in kept]
    if not examples:
        raise InvalidTrainingFile("No line has an assistant message to train on within the model's token limit.")
    return Dataset(examples, _unless_blurred(kept), truncated, len(pairs) - len(kept))


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    messages = row["messages"]
    has_system = isinstance(messages[0], dict) and messages[0].get("role") in ("system", "developer")
    return row | {"messages": messages[1:]} if has_system and len(messages) > 2 else row


def _unless_blurred(pairs: list[tuple[Example, Example]]) -> list[Example]:
    """The bare side of `pairs`, or nothing if no row differs there, or the same prompt would have two answers."""
    bare = [bare if any(bare.trained) else example for example, bare in pairs]
    answers = {(example.prompt, tuple(example.ids)) for example in bare}
    unchanged = all(one.ids == other.ids for (one, _), other in zip(pairs, bare, strict=True))
    return [] if unchanged or len({prompt for prompt, _ in answers}) < len(answers) else bare


def rows(path: Path, tokenizer: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row of a chat JSONL file with the number of its line, once the model is known to have a template."""
    for number, row in records(path, tokenizer):
        yield number, chat_of(row, number)


def chat_of(row: dict[str, Any], line: int) -> dict[str, Any]:
    """Return the row, or raise InvalidTrainingFile if it has no messages."""
    if not isinstance(row.get("messages"), list) or not row["messages"]:
        raise InvalidTrainingFile(f"Line {line} has no list of messages.")
    return row


def records(path: Path, tokenizer: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each object of a JSONL file with the number of its line, once the model is known to have a template."""
    if not tokenizer.chat_template:
        raise UnsupportedBaseModel("The base model carries no chat template, so chats cannot be trained on.")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            row = _read(line, number)
            if row is not None:
                yield number, row


def _read(line: bytes, number: int) -> dict[str, Any] | None:
    """The object on one line, or None if the line is blank."""
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        row = json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        raise InvalidTrainingFile(f"Line {number} is not valid JSON: {error}.") from error
    if not text:
        return None
    if not isinstance(row, dict):
        raise InvalidTrainingFile(f"Line {number} is no JSON object.")
    return row


def encode(row: dict[str, Any], tokenizer: Any, line: int) -> list[Example]:
    """Encode one row: one example, or one per answer if the template rewrites earlier turns as a chat goes on."""
    plain = tokenizer.control_tokens.plain
    messages = [plain(_plain(message, line)) for message in row["messages"]]
    tools = plain(row.get("tools"))
    answers = [i for i, m in enumerate(messages) if m["role"] == "assistant" and _weight(row["messages"][i]) != 0]
    render = _Renderer(tokenizer, tools, line)
    whole = render(messages)
    spans = [(i, *render.span(messages, i)) for i in answers]
    if all(whole.startswith(prompt + answer) for _, prompt, answer in spans):
        found = [_example(whole, spans, messages, tokenizer, line)] if spans else []
    else:
        alone = ((prompt + answer, [(i, prompt, answer)]) for i, prompt, answer in spans)
        found = [_example(text, span, messages, tokenizer, line) for text, span in alone]
    return [replace(example, tools=tools) for example in found]


def _example(
    whole: str, spans: list[tuple[int, str, str]], messages: list[Message], tokenizer: Any, line: int
) -> Example:
    ids: list[int] = leading_ids(tokenizer, whole)
    trained = [False] * len(ids)
    done = 0
    prompt_length = 0
    for _, prompt, answer in spans:
        before = _ids(tokenizer, whole[done : len(prompt)])
        inside = _ids(tokenizer, answer)
        if inside[-1] not in tokenizer.all_special_ids:  # no end-of-turn mark: without one an answer never ends
            inside = [*inside, tokenizer.eos_token_id]
        prompt_length = prompt_length or len(ids) + len(before)
        ids += before + inside
        trained += [False] * len(before) + [True] * len(inside)
        done = len(prompt) + len(answer)
    rest = _ids(tokenizer, whole[done:])
    first = spans[0]
    return Example(ids + rest, trained + [False] * len(rest), line, messages[: first[0]], first[1], prompt_length)


def leading_ids(tokenizer: Any, text: str) -> list[int]:
    """The beginning-of-text id, if the tokenizer adds one and the template has not."""
    ids = tokenizer("")["input_ids"][:1]
    has_one = ids == [tokenizer.bos_token_id] and not text.startswith(tokenizer.bos_token)
    return list(ids) if has_one else []


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def cut(example: Example, max_tokens: int) -> Example:
    """The example without what lies behind `max_tokens`."""
    if len(example) <= max_tokens:
        return example
    ids, trained = example.ids[:max_tokens], example.trained[:max_tokens]
    return replace(example, ids=ids, trained=trained)


def _weight(message: Message) -> Any:
    weight = message.get("weight")
    return 1 if weight is None else weight


def _plain(message: Any, line: int) -> Message:
    """A message as templates expect it: text content in one string, and no `weight`."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise InvalidTrainingFile(f"Line {line} has a message without a role.")
    content = message.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
            raise InvalidTrainingFile(f"Line {line} has a content part that is not text.")
        content = "".join(part["text"] for part in content)
    plain = {name: value for name, value in message.items() if name != "weight" and value is not None}
    # Templates know no developer; serving takes it for the system too.
    role = "system" if message["role"] == "developer" else message["role"]
    return plain | {"role": role, "content": content if content is not None else ""}


class _Renderer:
    """The chat template applied to one row's chats; refuses what the template silently drops."""

    def __init__(self, tokenizer: Any, tools: list[dict[str, Any]] | None, line: int) -> None:
        self._tokenizer, self._tools, self._line = tokenizer, tools, line

    def __call__(self, messages: list[Message], answer_next: bool = False) -> str:
        try:
            with rendering.bounded():
                text: str = self._tokenizer.apply_chat_template(
                    messages, tools=self._tools, tokenize=False, add_generation_prompt=answer_next
                )
        except (TemplateError, TypeError, KeyError, ValueError) as error:
            raise InvalidTrainingFile(
                f"Line {self._line} cannot be written in the base model's chat template: {error}"
            ) from error
        except rendering.TooMuch as much:
            raise self._too_much(str(much)) from None
        if len(text) > rendering.LONGEST:
            raise self._too_much(f"makes {len(text)} letters")
        for name in _tool_names(messages, self._tools):
            if name not in text:
                raise InvalidTrainingFile(
                    f"Line {self._line} uses the tool {name!r}, which the base model's chat template cannot carry."
                )
        return text

    def _too_much(self, what: str) -> UnsupportedBaseModel:
        return UnsupportedBaseModel(f"The base model's chat template {what} for the chat of line {self._line}.")

    def span(self, messages: list[Message], index: int) -> tuple[str, str]:
        """The prompt of the assistant message at `index` and its answer with its end mark, both rendered."""
        prompt = self(messages[:index], answer_next=True)
        through = self(messages[: index + 1])
        if not through.startswith(prompt):
            raise InvalidTrainingFile(
                f"Line {self._line}: the base model's chat template does not continue the prompt with the answer."
            )
        return prompt, through[len(prompt) :].rstrip()


def _tool_names(messages: list[Message], tools: list[dict[str, Any]] | None) -> Iterator[str]:
    for tool in tools or []:
        yield str(tool.get("function", tool).get("name", ""))
    for message in messages:
        for call in message.get("tool_calls", []):
            yield str(call.get("function", {}).get("name", ""))
        if "function_call" in message:
            yield str(message["function_call"].get("name", ""))
