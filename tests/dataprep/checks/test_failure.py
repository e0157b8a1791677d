"""The codes and texts a job fails with, as OpenAI words them."""

import json

import pytest

from dataprep import job_error
from tests.dataprep.lines import assistant, chat, check_bytes, check_text, user

GOOD = chat(user(), assistant())
PREFIX = "The job failed due to a file format error in the training file. Invalid file format. "


def fail(text: str, minimum: int = 1, method: str = "supervised") -> tuple[str, str] | None:
    """How a job on this text fails."""
    return job_error(check_text(text), "file-X", minimum, method)


def test_a_good_file_fails_no_job() -> None:
    assert fail(f"{GOOD}\n") is None


def test_too_few_examples_are_counted() -> None:
    expected = "Training file has 7 example(s), but must have at least 10 examples"
    text = "".join(chat(user(str(number)), assistant()) + "\n" for number in range(7))
    assert fail(text, 10) == ("invalid_n_examples", expected)


def test_an_empty_file_has_too_few_examples() -> None:
    expected = "Training file has 0 example(s), but must have at least 1 examples"
    assert fail("", 0) == ("invalid_n_examples", expected)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (chat(user(), {"content": "x"}), "Example 3, message 2 Discriminator 'role' is missing in value"),
        (chat(user(), assistant(), weight=1), 'Example 3 contains an extra "weight".'),
        (chat(user(), assistant(ts=1)), 'Example 3, message 2 contains an extra "ts".'),
        ('{"conversations": []}', "Example 3 is missing key 'messages'"),
        (chat(user(weight=1), assistant()), "Example 3, message 1: 'weight' belongs to assistant messages only"),
        ('{"messages": [],}', "Example 3: not valid JSON at column 17: trailing comma."),
    ],
)
def test_a_faulty_example_is_named_by_its_line(line: str, text: str) -> None:
    failure = fail(f"{GOOD}\n\n{line}\n")
    assert failure is not None
    assert failure[0] == "invalid_file_format"
    assert failure[1].startswith(PREFIX + text)


def test_the_first_error_counts_even_after_warnings() -> None:
    failure = fail(f"{GOOD}\n{GOOD}\n" + '{"messages": []}\n')
    assert failure is not None
    assert "Example 3" in failure[1]


def test_a_file_of_another_format_is_told_so() -> None:
    failure = job_error(check_bytes(b"a,b\n1,2\n"), "file-X", 1, "supervised")
    assert failure is not None
    assert failure[1].startswith(
        PREFIX + "Unexpected file format, expected either prompt/completion pairs or chat messages. Line 1: "
    )


def test_a_method_that_does_not_fit_the_file_is_refused() -> None:
    expected = (
        "Input file file-X is in the fine-tune-chat format, but the specified fine-tuning job is not using"
        " 'supervised' as the training method (provided method=dpo)."
    )
    assert fail(f"{GOOD}\n", method="dpo") == ("invalid_file_format", expected)
    outputs = {"preferred_output": [assistant()], "non_preferred_output": [assistant("No.")]}
    preference = json.dumps({"input": {"messages": [user()]}, **outputs})
    failure = fail(preference)
    assert failure is not None
    assert "fine-tune-preference format" in failure[1]
    assert fail(preference, method="dpo") is None


def test_a_validation_file_is_called_by_its_name() -> None:
    failure = job_error(check_text("{}"), "file-X", 1, "supervised", split="validation")
    assert failure is not None
    assert "in the validation file" in failure[1]


def test_what_only_we_refuse_fails_no_job_and_hides_nothing_that_does() -> None:
    ours = [chat(user(str(number)), assistant(f"sk-test-Q7W8E9R0T1Y2U3I4O5P6{number}")) for number in range(150)]
    text = "\n".join([chat(user(), assistant("[图片]")), *ours])
    assert not check_text(text).ok
    assert fail(text) is None
    failure = fail(f"{text}\n" + '{"messages": []}')
    assert failure is not None
    assert "Example 152" in failure[1]
