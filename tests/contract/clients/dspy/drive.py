"""DSPy: a program compiled by BootstrapFinetune, which trains a model and puts it into the program."""

import os
from typing import Any

import dspy
from dspy.utils import DummyLM

question, taught = os.environ["QUESTION"], os.environ["TAUGHT"]
made: dict[str, Any] = {}


def compiles_a_program_by_fine_tuning() -> None:
    """`BootstrapFinetune`: data from a teacher, upload, job, DSPy's own polling, the tuned model in the program."""
    examples = [dspy.Example(question=question).with_inputs("question") for _ in range(8)]
    student = dspy.Predict("question -> answer")
    student.set_lm(dspy.LM(f"openai/{os.environ['MODEL']}", temperature=0, max_tokens=60, cache=False))
    teacher = dspy.Predict("question -> answer")
    teacher.set_lm(DummyLM([{"answer": taught}] * len(examples)))
    chosen = {"n_epochs": 25, "batch_size": 4, "learning_rate_multiplier": 10}
    made["program"] = dspy.BootstrapFinetune(train_kwargs=chosen, num_threads=1).compile(
        student, trainset=examples, teacher=teacher
    )
    assert ":personal:" in made["program"].lm.model


def runs_the_compiled_program() -> None:
    """The compiled program asks the tuned model, whose fields DSPy parses: they are what the teacher said."""
    assert made["program"](question=question).answer == taught


def streams_the_compiled_program() -> None:
    """`dspy.streamify`: the same, streamed field by field."""
    listener = dspy.streaming.StreamListener(signature_field_name="answer")
    stream = dspy.streamify(made["program"], stream_listeners=[listener], async_streaming=False)
    *pieces, last = stream(question=question)
    assert len(pieces) > 1
    # It looks ten pieces ahead for the mark that ends a field, which is longer where every piece is a byte.
    assert "".join(piece.chunk for piece in pieces).startswith(taught), pieces
    assert last.answer == taught
