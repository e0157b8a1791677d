"""Token counts: known values, special strings, and the formula for chats."""

import sys
from collections.abc import Iterator
from subprocess import run

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.tokens import Encoding, count, count_answers, count_example, count_messages, encoding_for, load
from tests.dataprep.lines import assistant, user

# Counted with tiktoken 0.14, in a place of its own: the text, its tokens in cl100k_base and in o200k_base.
KNOWN = [
    ("", 0, 0),
    ("hello world", 2, 2),
    ("The quick brown fox jumps over the lazy dog.", 10, 10),
    ("def f(x):\n    return x+1", 9, 9),
    ("  \n\n x", 2, 2),
    ("你好，世界", 6, 3),
    ("我的电话是13812345678", 7, 7),
    ("こんにちは世界", 4, 2),
    ("안녕하세요", 5, 2),
    ("Привет мир", 5, 3),
    ("مرحبا بالعالم", 10, 4),
    ("👍🏽", 6, 3),
    ("<|endoftext|>", 7, 7),
    ("<|im_start|>system", 7, 7),
]


@pytest.fixture(autouse=True, scope="module")
def vocabularies() -> Iterator[None]:
    """Both, held: each test wants now one, now the other."""
    held = load("cl100k_base"), load("o200k_base")
    yield
    del held


@pytest.mark.parametrize(("text", "cl100k", "o200k"), KNOWN)
def test_counts_are_those_of_tiktoken(text: str, cl100k: int, o200k: int) -> None:
    assert (count(text, "cl100k_base"), count(text, "o200k_base")) == (cl100k, o200k)


@pytest.mark.parametrize("special", ["<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>", "<|im_end|>", "<|return|>"])
def test_a_special_token_in_a_text_is_text(special: str) -> None:
    for encoding in ("cl100k_base", "o200k_base"):
        assert count(f"a{special}b", encoding) > 3


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-3.5-turbo-1106", "cl100k_base"),
        ("gpt-4-0613", "cl100k_base"),
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("ft:gpt-4.1-mini-2025-04-14:org:suffix:abc", "o200k_base"),
        ("o4-mini-2025-04-16", "o200k_base"),
        ("smollm2-135m-instruct", None),
        ("", None),
    ],
)
def test_a_model_has_its_encoding_or_none_is_known(model: str, encoding: Encoding | None) -> None:
    assert encoding_for(model) == encoding


def test_a_chat_counts_by_the_formula() -> None:
    messages = [{"role": "user", "name": "hello world", "content": "你好，世界"}, assistant("hello world", weight=1)]
    assert count_messages(messages, "cl100k_base") == (3 + 1 + 2 + 1 + 6) + (3 + 1 + 2) + 3
    assert count_messages([], "cl100k_base") == 3
    assert count_answers(messages, "cl100k_base") == 2
    assert count_answers([assistant("hello world", weight=0)]) == 0


def test_what_stops_the_formula_counts_for_what_it_is() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    parts = user([{"type": "text", "text": "hello world"}, picture])
    assert count_messages([parts]) == count_messages([user("hello world")])
    assert count_messages([assistant(None, tool_calls=[call])]) > count_messages([assistant(None)])
    assert count_answers([assistant(None, tool_calls=[call])]) > 0


def test_every_kind_of_example_counts() -> None:
    chat = {"messages": [user("hello world")]}
    tool = {"type": "function", "function": {"name": "f"}}
    assert count_example(chat) == 3 + 1 + 2 + 3
    assert count_example({**chat, "tools": [tool]}) > count_example(chat)
    pair = {"input": chat, "preferred_output": [assistant("hello world")]}
    assert count_example(pair) == count_messages([*chat["messages"], assistant("hello world")])
    assert count_example({"prompt": "hello world", "completion": "hello"}) == 3


@pytest.mark.parametrize("key", ["output", "completion"])
def test_a_preference_counts_both_of_its_answers_and_the_prompt_and_tools_with_each(key: str) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    good, bad = assistant("The wind rose."), assistant("No.")
    pair = {
        "input": {"messages": [user()], "tools": tools, "parallel_tool_calls": True},
        f"preferred_{key}": [good],
        f"non_preferred_{key}": [bad],
    }
    sides = [count_example({"messages": [user(), answer], "tools": tools}) for answer in (good, bad)]
    assert count_example(pair) == sum(sides)


def test_the_vocabulary_is_loaded_at_the_first_count_only() -> None:
    script = "import sys, dataprep.tokens; assert 'quicktok' not in sys.modules"
    assert run([sys.executable, "-c", script], check=False).returncode == 0


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters()) | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_any_text_counts_at_most_its_bytes(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    for encoding in ("cl100k_base", "o200k_base"):
        assert (size > 0) <= count(text, encoding) <= size
