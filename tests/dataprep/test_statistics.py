"""A file in numbers: what is counted, and that nothing stops the counting."""

import io
import json
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.statistics import Bin, Statistics, distribution, histogram, statistics
from dataprep.tokens import count, count_messages, load
from tests.dataprep.lines import assistant, chat, user


def describe(*lines: str) -> Statistics:
    """The statistics of these lines."""
    return statistics(io.BytesIO("\n".join(lines).encode()))


def test_examples_turns_roles_speakers_and_answers_are_counted() -> None:
    system = {"role": "system", "content": "S"}
    first = [system, user("问", name="a"), assistant("一二三"), user("问", name="b"), assistant("四", weight=0)]
    second = [system, user("q", name="a"), assistant("hello world")]
    found = describe(chat(*first), "", chat(*second), "not json", "[]")
    assert (found.examples, found.unread, found.system_prompts) == (2, 2, 1)
    assert found.roles == {"system": 2, "user": 3, "assistant": 3}
    assert found.speakers == {"a": 2, "b": 1}
    assert (found.turns.least, found.turns.most) == (2, 4)
    assert (found.characters.total, found.characters.most) == (3 + 1 + 11, 11)
    assert list(found.lengths) == [count_messages(first), count_messages(second)]
    assert found.tokens.total == sum(found.lengths)
    assert found.answer_tokens.total == count("一二三") + count("hello world")
    assert sum(one.examples for one in found.histogram) == 2


def test_quantiles_are_what_they_are_called() -> None:
    found = distribution(range(101))
    assert (found.p5, found.p50, found.p95) == (5, 50, 95)
    assert distribution([1, 2]).p50 == 1.5
    assert distribution([1, 2]).mean == 1.5
    assert distribution([]).most == 0


def test_the_histogram_doubles_and_leaves_no_gap() -> None:
    assert histogram([0, 1, 3, 3, 4, 9]) == [Bin(0, 1, 1), Bin(1, 2, 1), Bin(2, 4, 2), Bin(4, 8, 1), Bin(8, 16, 1)]
    assert histogram([]) == []


def test_examples_count_under_their_main_language() -> None:
    found = describe(
        chat(user("你好"), assistant("好")),
        chat(user("Where is the boat?"), assistant("It is in the harbour.")),
        chat(user("漢字とかな"), assistant("はい")),
        chat(user("hm"), assistant("42")),
    )
    assert found.languages == {"zh": 1, "en": 1, "ja": 1, "und": 1}
    assert sum(found.scripts.values()) == pytest.approx(1)


def test_pairs_and_preferences_are_examples_too() -> None:
    pair = json.dumps({"prompt": "你好", "completion": "hello"})
    preference = json.dumps({"input": {"messages": [user()]}, "preferred_output": [assistant()]})
    found = describe(pair, preference)
    assert (found.examples, found.unread) == (2, 0)
    assert found.roles == {"user": 1, "assistant": 1}
    assert found.scripts["Han"] > 0


@pytest.mark.parametrize("key", ["output", "completion"])
def test_of_a_preference_both_answers_are_learned_and_those_before_are_not(key: str) -> None:
    before = [user("Lit?"), assistant("Since dusk."), user("By whom?")]
    pair = {
        "input": {"messages": before},
        f"preferred_{key}": [assistant("The keeper.")],
        f"non_preferred_{key}": [assistant("No.")],
    }
    found = describe(json.dumps(pair))
    assert found.roles == {"user": 2, "assistant": 3}
    assert found.answer_tokens.total == count("The keeper.") + count("No.")
    sides = [count_messages([*before, assistant(answer)]) for answer in ("The keeper.", "No.")]
    assert found.tokens.total == sum(sides)


def test_a_completion_is_what_is_learned_of_a_pair_and_a_developer_is_no_turn() -> None:
    found = describe(json.dumps({"prompt": "Lit?", "completion": "Since dusk."}))
    assert (found.turns.total, found.characters.total) == (2, len("Since dusk."))
    assert found.answer_tokens.total == count("Since dusk.")
    found = describe(chat({"role": "developer", "content": "Be kind."}, user(), assistant()))
    assert (found.turns.total, found.system_prompts) == (2, 1)


def test_an_empty_file_has_statistics() -> None:
    found = describe("")
    assert (found.examples, found.tokens.total, found.scripts) == (0, 0, {})


words = st.sampled_from(["messages", "role", "content", "name", "input", "tools", "tool_calls", "type", "text", "user"])
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(words, anything, max_size=3) | anything | st.just("deep"))
def test_no_json_stops_the_counting(value: Any) -> None:
    line = json.dumps(value) if value != "deep" else '{"input":' * 600 + "1" + "}" * 600
    found = statistics(io.BytesIO(line.encode("utf-8", "replace")))
    assert found.examples + found.unread == 1


def test_one_vocabulary_is_kept_and_another_only_while_somebody_holds_it() -> None:
    held = load("cl100k_base")
    assert count("hello world", "o200k_base") == 2
    assert load("cl100k_base") is held
    left = weakref.ref(load("o200k_base"))
    del held
    assert count("hello world", "cl100k_base") == 2
    assert left() is None
