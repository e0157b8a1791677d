"""`python -m engine.trainer.count GGUF FILE MAX_TOKENS`: a file's tokens as the trainer has them; it trains nothing.

One line of JSON on stdout: `counts`, or `error` with its code and message, and the exit code is 0 or 1.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lifeline
import limits
import unpickling
from engine.trainer import lean
from engine.trainer.errors import InvalidTrainingFile, TrainingError
from engine.trainer.progress import take_stdout

if TYPE_CHECKING:
    from engine.trainer.data import Example


def main(base: Path, file: Path, max_tokens: int) -> int:
    """Count the examples of `file` with the tokenizer of `base` and say the counts."""
    lifeline.watch()
    limits.take(limits.LOG_BYTES)
    unpickling.refuse()
    progress = take_stdout()
    lifeline.step_back(10)  # chats come first, trainings last
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with lean.imports():  # after the lifeline, for they take seconds
        from engine.trainer.base_model import load_tokenizer

    try:
        progress.send("counts", **count(file, load_tokenizer(base), max_tokens))
    except TrainingError as error:
        progress.send("error", code=error.code, message=str(error))
        return 1
    return 0


def count(file: Path, tokenizer: Any, max_tokens: int) -> dict[str, Any]:
    """Return `tokens` and `answer_tokens` (the trained ones) of each example line, and how many rows are `truncated`.

    A line without an answer to train on counts 0; one that the template makes several sequences of counts their sum.
    A preference counts both of its sequences, the prompt in each, and is truncated once.

    Raises:
        InvalidTrainingFile: a line cannot be encoded; the message has its number.
        UnsupportedBaseModel: the model cannot be read, or has no chat template.
    """
    from engine.trainer.data import records

    tokens, answers, truncated = list[int](), list[int](), 0
    for line, row in records(file, tokenizer):
        try:
            examples, is_pair = _encoded(row, tokenizer, line)
        except (TypeError, AttributeError, ValueError, RecursionError) as error:  # shapes that no check has looked at
            raise InvalidTrainingFile(f"Line {line} cannot be encoded: {error}") from error
        tokens.append(sum(map(len, examples)))
        answers.append(sum(sum(example.trained) for example in examples))
        too_long = sum(len(example) > max_tokens for example in examples)
        truncated += min(1, too_long) if is_pair else too_long
    return {"tokens": tokens, "answer_tokens": answers, "truncated": truncated}


def _encoded(row: dict[str, Any], tokenizer: Any, line: int) -> tuple[list["Example"], bool]:
    """The sequences of one line, uncut, and whether they are the two of a preference."""
    from engine.trainer.data import chat_of, encode

    if "input" in row and "messages" not in row:
        from engine.trainer.preference import encode_pair  # with all of its method, which chats do without

        pair = encode_pair(row, tokenizer, line)
        return [pair.preferred, pair.other], True
    return encode(chat_of(row, line), tokenizer, line), False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
