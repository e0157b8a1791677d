"""Counts are the trainer's own: the same sequences, the same trained tokens, line by line."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from engine.trainer import preference
from engine.trainer.base_model import load_tokenizer
from engine.trainer.count import count
from engine.trainer.data import encode, load
from engine.trainer.errors import InvalidTrainingFile, UnsupportedBaseModel
from tests.engine.trainer.conftest import PAIRS, ROWS, chat, pair, write_rows
from tests.tiny_models import write_tiny_gguf

ROOT = Path(__file__).resolve().parents[3]
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.last %}<think></think>{% endif %}"
    "{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def two_answers() -> dict[str, Any]:
    row = chat("A?", "first")
    return row | {"messages": row["messages"] + chat("B?", "second")["messages"]}


def test_the_counts_are_those_of_what_is_trained(tokenizer: Any, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [*ROWS, two_answers()])
    found, trained = count(path, tokenizer, 256), load(path, tokenizer, 256).examples
    assert found["tokens"] == [len(example) for example in trained]
    assert found["answer_tokens"] == [sum(example.trained) for example in trained]
    assert found["truncated"] == 0


def test_the_counts_of_preferences_are_those_of_both_their_sequences(tokenizer: Any, tmp_path: Path) -> None:
    rows = [*PAIRS, pair("?", "a" * 300, "b" * 300)]
    path = write_rows(tmp_path / "pairs.jsonl", rows)
    found, trained = count(path, tokenizer, 256), preference.load(path, tokenizer, 1000).examples
    assert found["tokens"] == [len(one) for one in trained]
    assert found["answer_tokens"] == [sum(one.preferred.trained) + sum(one.other.trained) for one in trained]
    assert found["truncated"] == preference.load(path, tokenizer, 256).truncated == 1


def test_an_answer_of_weight_zero_is_a_token_but_not_a_learned_one(tokenizer: Any, tmp_path: Path) -> None:
    row = two_answers()
    row["messages"][1]["weight"] = 0
    found = count(write_rows(tmp_path / "rows.jsonl", [two_answers(), row]), tokenizer, 256)
    assert found["tokens"][0] == found["tokens"][1]
    assert found["answer_tokens"][0] - found["answer_tokens"][1] == len(tokenizer("first")["input_ids"]) + 1


def test_lines_are_counted_before_they_are_cut(tokenizer: Any, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [chat("?", "short"), chat("?", "a" * 400)])
    found = count(path, tokenizer, 100)
    assert found["tokens"][1] > 400
    assert found["truncated"] == load(path, tokenizer, 100).truncated == 1


def test_what_the_template_makes_several_sequences_of_counts_their_sum(tmp_path: Path) -> None:
    thinking = load_tokenizer(write_tiny_gguf(tmp_path / "thinking.gguf", chat_template=THINKING))
    lengths = [len(example) for example in encode(two_answers(), thinking, 1)]
    found = count(write_rows(tmp_path / "rows.jsonl", [two_answers()]), thinking, max(lengths))
    assert len(lengths) == 2
    assert (found["tokens"], found["truncated"]) == ([sum(lengths)], 0)


def test_every_example_line_has_its_count_and_blank_lines_none(tokenizer: Any, tmp_path: Path) -> None:
    unlearned = chat("?", "!")
    unlearned["messages"][1]["weight"] = 0
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(row) for row in (chat("?", "!"), unlearned, chat("?", "!"))]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n \r\n".join(lines).encode())
    found = count(path, tokenizer, 256)
    assert found["tokens"][1:2] == [0]
    assert found["tokens"][0] == found["tokens"][2] > 0


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": 5}]}',
        b'{"messages": [{"role": "user", "content": 5}, {"role": "assistant", "content": "x"}]}',
        b'{"messages": [{"role": "assistant", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "assistant", "content": "x"}], "tools": "x"}',
    ],
)
def test_a_line_that_cannot_be_encoded_is_told_with_its_number(line: bytes, tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps(chat("?", "!")).encode() + b"\n" + line + b"\n")
    with pytest.raises(InvalidTrainingFile, match="Line 2"):
        count(path, tokenizer, 256)


def test_a_model_without_a_template_is_refused(tmp_path: Path) -> None:
    bare = load_tokenizer(write_tiny_gguf(tmp_path / "bare.gguf", chat_template=None))
    with pytest.raises(UnsupportedBaseModel, match="no chat template"):
        count(write_rows(tmp_path / "rows.jsonl", ROWS), bare, 256)


def test_a_count_steps_back_behind_the_chats_in_its_session_too() -> None:
    script = """
        import atexit, pathlib, sys
        from engine.trainer import count
        session = pathlib.Path("/proc/self/autogroup")
        atexit.register(lambda: print(session.read_text() if session.exists() else "nice 10", file=sys.stderr))
        count.main(pathlib.Path("absent.gguf"), pathlib.Path("absent.jsonl"), 8)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, start_new_session=True, check=False)
    assert done.stderr.rstrip().endswith("nice 10")
