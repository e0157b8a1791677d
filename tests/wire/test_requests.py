"""Refusals name the field, the value and the way out."""

from typing import Any

import pytest

from routes.retrieve import JobRetrieve
from wire.chat import ChatCreate, DocumentedChat
from wire.errors import BadRequest
from wire.requests import JobCreate, parse

JOB: dict[str, Any] = {"training_file": "file-1", "model": "m"}
ASK = {"role": "user", "content": "Hi"}


def refusal(model: type[Any], body: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as refused:
        parse(model, body)
    return refused.value


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"suffix": "x" * 65}, ["at most 64", "it has 65"]),
        ({"suffix": 7}, ["'suffix': 7", "a string"]),
        ({"seed": -1}, ["'seed': -1", "a whole number from 0 to 2147483647."]),
        ({"hyperparameters": {"n_epochs": "3"}}, ["'hyperparameters.n_epochs': \"3\"", "from 1 to 50"]),
        ({"hyperparameters": {"learning_rate_multiplier": 1e308}}, ["learning_rate_multiplier", "at most 1000"]),
        ({"hyperparameters": 3}, ["an object"]),
        ({"method": {"type": "sft"}}, ["'method.type': \"sft\"", "'supervised'"]),
        ({"metadata": {str(n): "" for n in range(17)}}, ["at most 16 pairs; it has 17."]),
        ({"integrations": {}}, ["an array"]),
        ({"sufix": "x"}, ["'sufix'", "Did you mean 'suffix'?"]),
        ({"zzz": 1}, ["'zzz'", "Known parameters:", "training_file"]),
    ],
)
def test_a_refusal_names_the_value_and_the_way_out(fields: dict[str, Any], words: list[str]) -> None:
    message = refusal(JobCreate, {**JOB, **fields}).message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"messages": []}, "invalid_value", "It must have at least 1 message; it has 0."),
        ({"stream": "true"}, "invalid_type", "It must be true or false, without quotation marks."),
        ({"stop": ["a"] * 5}, "invalid_value", "It must be a string or at most 4 strings."),
        ({"stop": [1]}, "invalid_type", "It must be a string or at most 4 strings."),
        ({"logit_bias": {"1": 101}}, "invalid_value", "It must be at most 100."),
        ({"logit_bias": {"1": "x"}}, "invalid_type", "It must be a number."),
    ],
)
def test_a_chats_refusal_says_what_the_value_must_be(fields: dict[str, Any], code: str, words: str) -> None:
    refused = refusal(ChatCreate, {"model": "m", "messages": [ASK], **fields})
    assert (refused.code, refused.param) == (code, next(iter(fields)) + ".1" * ("logit_bias" in fields))
    assert refused.message.endswith(words)


def test_an_empty_list_of_parts_is_refused() -> None:
    refused = refusal(ChatCreate, {"model": "m", "messages": [{"role": "user", "content": []}]})
    assert (refused.code, refused.param) == ("invalid_value", "messages.0.content")


@pytest.mark.parametrize(
    ("model", "path", "meant"),
    [
        (JobCreate, "n_epochs", "hyperparameters.n_epochs"),
        (JobCreate, "epochs", "hyperparameters.n_epochs"),
        (JobCreate, "learning_rate", "hyperparameters.learning_rate_multiplier"),
        (JobCreate, "beta", "method.dpo.hyperparameters.beta"),
        (JobCreate, "method.hyperparameters", "supervised.hyperparameters"),
        (JobCreate, "file", "training_file"),
        (JobCreate, "file_id", "training_file"),
        (JobRetrieve, "job_id", "fine_tuning_job_id"),
        (JobRetrieve, "id", "fine_tuning_job_id"),
        (DocumentedChat, "prompt", "text"),
        (DocumentedChat, "message", "text"),
        (DocumentedChat, "content", "text"),
    ],
)
def test_a_field_in_the_wrong_place_or_called_as_elsewhere_is_known(model: type[Any], path: str, meant: str) -> None:
    outer, _, inner = path.rpartition(".")
    refused = refusal(model, {outer: {"type": "supervised", inner: {}}} if outer else {inner: 3})
    assert (refused.code, refused.param) == ("unknown_parameter", path)
    assert f"Did you mean '{meant}'?" in refused.message


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "true"), ([None], "[null]"), ({"模型": 1.5}, '{"模型": 1.5}'), ("x" * 100, f'"{"x" * 79}...')],
)
def test_a_value_is_shown_as_the_json_it_was(value: object, shown: str) -> None:
    message = refusal(JobCreate, {**JOB, "suffix": value}).message
    assert message.startswith(f"Invalid value for 'suffix': {shown}. ")


def test_a_misspelt_field_is_told_before_the_one_it_leaves_out() -> None:
    refused = refusal(JobCreate, {"model": "m", "trainingfile": "file-1"})
    assert (refused.code, refused.param) == ("unknown_parameter", "trainingfile")


def test_a_long_value_is_shown_in_part() -> None:
    assert len(refusal(JobCreate, {**JOB, "suffix": "x" * 10_000}).message) < 250


@pytest.mark.parametrize("epochs", ["auto", 1, 50, None])
def test_epochs_that_are_taken(epochs: object) -> None:
    assert parse(JobCreate, {**JOB, "hyperparameters": {"n_epochs": epochs}}).hyperparameters is not None


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "3", 1e9, 51, True, [], "AUTO"])
def test_epochs_that_are_refused(epochs: object) -> None:
    refused = refusal(JobCreate, {**JOB, "hyperparameters": {"n_epochs": epochs}})
    assert refused.param == "hyperparameters.n_epochs"


def test_null_is_taken_wherever_the_sdk_sends_it() -> None:
    nulls = dict.fromkeys(
        ["suffix", "validation_file", "hyperparameters", "method", "seed", "metadata", "integrations"]
    )
    assert parse(JobCreate, {**JOB, **nulls}) == parse(JobCreate, JOB)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Give either 'text' or 'messages'."),
        ({"text": "x", "messages": [ASK]}, "Give either 'text' or 'messages' (not both)."),
    ],
)
def test_a_chat_has_one_question(body: dict[str, Any], words: str) -> None:
    assert refusal(DocumentedChat, body).message == words


def test_the_wires_chat_ignores_unknown_fields_and_the_documented_one_does_not() -> None:
    assert parse(ChatCreate, {"model": "m", "messages": [ASK], "min_p": 0.1}).model == "m"
    assert refusal(DocumentedChat, {"text": "x", "min_p": 0.1}).code == "unknown_parameter"


def test_what_a_message_may_hold_beside_the_known_is_let_through() -> None:
    parts = [{"type": "text", "text": "Hi"}]
    body = {"model": "m", "messages": [{"role": "user", "content": parts, "extra": 1}]}
    assert parse(ChatCreate, body).messages[0].model_dump(exclude_unset=True) == body["messages"][0]


def test_messages_that_are_sent_on_stay_as_they_came() -> None:
    plain: list[dict[str, Any]] = [ASK, {"role": "assistant", "content": "Hello"}]
    parts: list[dict[str, Any]] = [ASK, {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "mia"}]
    for messages in (plain, parts):
        sent_on: Any = parse(DocumentedChat, {"messages": messages}).messages
        assert sent_on is messages


@pytest.mark.parametrize(
    ("turn", "param"),
    [
        ({"role": "user", "content": 7}, "messages.1.content"),
        ({"role": "usr", "content": "Hi"}, "messages.1.role"),
        ({"content": "Hi"}, "messages.1.role"),
        ("Hi", "messages.1"),
    ],
)
def test_of_messages_that_are_sent_on_the_wrong_one_is_named(turn: Any, param: str) -> None:
    assert refusal(DocumentedChat, {"messages": [ASK, turn]}).param == param
