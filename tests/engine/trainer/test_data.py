"""What is learned from an example: its tokens, spans and weights, as rendered for the model."""

from pathlib import Path
from typing import Any

import pytest

from engine.trainer.base_model import load_tokenizer
from engine.trainer.data import encode, load
from engine.trainer.errors import InvalidTrainingFile, UnsupportedBaseModel
from tests.engine.trainer.conftest import chat, write_rows
from tests.tiny_models import write_tiny_gguf

END = "<|im_end|>"


def trained_text(example: Any, tokenizer: Any) -> str:
    return str(tokenizer.decode([i for i, on in zip(example.ids, example.trained, strict=True) if on]))


def test_only_the_answer_and_its_end_mark_are_trained(tokenizer: Any) -> None:
    (example,) = encode(chat("Where?", "Here."), tokenizer, 1)
    assert trained_text(example, tokenizer) == "Here." + END


def test_the_prompt_is_encoded_as_a_server_encodes_it(tokenizer: Any) -> None:
    (example,) = encode(chat("Where?", "\n\nHere."), tokenizer, 1)
    prompt = tokenizer.apply_chat_template(example.messages, tokenize=False, add_generation_prompt=True)
    assert example.prompt == prompt
    assert example.ids[: example.prompt_length] == tokenizer(prompt, add_special_tokens=False)["input_ids"]


def test_every_answer_of_a_conversation_is_trained_but_those_of_weight_zero(tokenizer: Any) -> None:
    row = chat("A?", "first")
    row["messages"] += chat("B?", "second")["messages"] + chat("C?", "third")["messages"]
    row["messages"][3]["weight"] = 0
    row["messages"][5]["weight"] = 1
    (example,) = encode(row, tokenizer, 1)
    assert trained_text(example, tokenizer) == f"first{END}third{END}"
    assert "second" in tokenizer.decode(example.ids)


def test_an_answer_without_an_end_mark_gets_one(tokenizer: Any, tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    plain = load_tokenizer(write_tiny_gguf(tmp_path / "plain.gguf", chat_template=template))
    (example,) = encode(chat("Where?", "Here."), plain, 1)
    assert trained_text(example, plain) == "Here." + END


def test_a_template_that_rewrites_earlier_answers_gives_one_example_per_answer(tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
        "{% if m['role'] == 'assistant' and loop.last %}<think></think>{% endif %}"
        "{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    thinking = load_tokenizer(write_tiny_gguf(tmp_path / "thinking.gguf", chat_template=template))
    row = chat("A?", "first")
    row["messages"] += chat("B?", "second")["messages"]
    first, second = encode(row, thinking, 1)
    assert trained_text(first, thinking) == f"<think></think>first{END}"
    assert trained_text(second, thinking) == f"<think></think>second{END}"
    assert "first" in thinking.decode(second.ids)


def test_text_parts_are_joined_and_names_do_not_disturb(tokenizer: Any) -> None:
    row = chat("x", "Here.")
    row["messages"][0] = {
        "role": "user",
        "name": "Nell",
        "content": [{"type": "text", "text": "Wh"}, {"type": "text", "text": "ere?"}],
    }
    (example,) = encode(row, tokenizer, 1)
    assert example.ids == encode(chat("Where?", "Here."), tokenizer, 1)[0].ids


CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
CANNOT_BE_CARRIED = {
    "a tool call": {
        "messages": [
            {"role": "user", "content": "?"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
        ]
    },
    "a function call": {
        "messages": [
            {"role": "user", "content": "?"},
            {"role": "assistant", "function_call": CALL["function"]},
        ]
    },
    "a tool": chat("?", "!", tools=[{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]),
    "a picture": {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            {"role": "assistant", "content": "!"},
        ]
    },
}


@pytest.mark.parametrize("row", CANNOT_BE_CARRIED.values(), ids=list(CANNOT_BE_CARRIED))
def test_what_the_template_cannot_carry_is_refused_with_its_line(
    row: dict[str, Any], tokenizer: Any, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [chat("Where?", "Here."), row])
    with pytest.raises(InvalidTrainingFile, match="Line 2"):
        load(path, tokenizer, 256)


def test_a_template_that_raises_is_a_clear_error(tmp_path: Path) -> None:
    picky = load_tokenizer(
        write_tiny_gguf(tmp_path / "picky.gguf", chat_template="{{ raise_exception('no system here') }}")
    )
    with pytest.raises(InvalidTrainingFile, match=r"Line 3 .*no system here"):
        encode(chat("?", "!"), picky, 3)


def test_a_template_runs_in_the_sandbox(tmp_path: Path) -> None:
    template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    hostile = load_tokenizer(write_tiny_gguf(tmp_path / "hostile.gguf", chat_template=template))
    with pytest.raises(InvalidTrainingFile, match=r"unsafe|access"):
        encode(chat("?", "!"), hostile, 1)


def test_a_model_without_a_template_is_refused(tmp_path: Path) -> None:
    bare = load_tokenizer(write_tiny_gguf(tmp_path / "bare.gguf", chat_template=None))
    with pytest.raises(UnsupportedBaseModel, match="no chat template"):
        load(write_rows(tmp_path / "rows.jsonl", [chat("?", "!")]), bare, 256)


def test_long_rows_lose_their_end_and_those_without_an_answer_left_are_counted_out(
    tokenizer: Any, tmp_path: Path
) -> None:
    rows = [chat("?", "short"), chat("?", "a" * 400), chat("a" * 400, "never reached")]
    dataset = load(write_rows(tmp_path / "rows.jsonl", rows), tokenizer, 100)
    assert [len(example) <= 100 for example in dataset.examples] == [True, True]
    assert (dataset.truncated, dataset.left_out) == (2, 1)
    assert dataset.tokens == sum(len(example.ids) for example in dataset.examples)


@pytest.mark.parametrize("text", ["{", "[]", '{"messages": []}', '{"messages": [{"content": "x"}]}'])
def test_a_line_that_is_no_chat_is_refused_with_its_number(text: str, tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n" + text + "\n", encoding="utf-8")
    with pytest.raises(InvalidTrainingFile, match="Line 2"):
        load(path, tokenizer, 100)


def persona(system: str, question: str, answer: str) -> dict[str, Any]:
    row = chat(question, answer)
    return row | {"messages": [{"role": "system", "content": system}, *row["messages"]]}


def test_rows_are_also_kept_without_their_system_message(tokenizer: Any, tmp_path: Path) -> None:
    rows = [persona("Be Nell.", "Where?", "Here."), chat("When?", "Now.")]
    dataset = load(write_rows(tmp_path / "rows.jsonl", rows), tokenizer, 256)
    assert [example.ids for example in dataset.bare] == [
        encode(row, tokenizer, 1)[0].ids for row in (chat("Where?", "Here."), rows[1])
    ]


def test_rows_that_only_their_system_message_tells_apart_keep_it(tokenizer: Any, tmp_path: Path) -> None:
    rows = [persona("Be Nell.", "Where?", "Here."), persona("Be Ned.", "Where?", "There.")]
    assert load(write_rows(tmp_path / "rows.jsonl", rows), tokenizer, 256).bare == []


def test_rows_without_system_messages_have_no_second_form(tokenizer: Any, tmp_path: Path) -> None:
    assert load(write_rows(tmp_path / "rows.jsonl", [chat("Where?", "Here.")]), tokenizer, 256).bare == []
