"""docs/wire.md says of every field inside the fields of a chat what becomes of it, and that is what becomes of it."""

import re
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest
from openai.types import FileListParams, UploadCompleteParams, completion_create_params
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.fine_tuning import JobCreateParams, JobListEventsParams, JobListParams
from openai.types.fine_tuning.jobs import CheckpointListParams
from openai.types.uploads import PartCreateParams
from openai.types.webhooks import (
    WebhookCreateParams,
    WebhookListParams,
    WebhookRotateSecretParams,
    WebhookTestParams,
    WebhookUpdateParams,
)
from typing_extensions import is_typeddict

from engine.serving.dialect import to_llama
from tests.wire.test_fields import CHAT, COMPLETIONS, JOBS, ROUTES, named, section
from wire.chat import ChatCreate
from wire.errors import BadRequest
from wire.requests import parse

VERDICTS = {"": ("served", "ignored", "refused"), "zh": ("支持", "忽略", "拒绝")}
# As wholes they are refused or ignored, which `test_fields` holds.
WHOLE = {
    "audio",
    "function_call",
    "functions",
    "moderation",
    "prediction",
    "prompt_cache_options",
    "web_search_options",
}
LISTS = (FileListParams, JobListParams, JobListEventsParams, CheckpointListParams)
BODIES = (UploadCompleteParams, PartCreateParams, WebhookCreateParams, WebhookListParams, WebhookUpdateParams)
MORE = (WebhookTestParams, WebhookRotateSecretParams)
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def paths(kind: Any, before: str = "", above: frozenset[Any] = frozenset()) -> Iterator[str]:
    """Every field inside a type of the SDK's; lists leave no trace in a path."""
    if not is_typeddict(kind):
        for arm in get_args(kind):
            yield from paths(arm, before, above)
        return
    for name, held in get_type_hints(kind).items() if kind not in above else ():
        yield before + name
        yield from paths(held, f"{before}{name}.", above | {kind})


def told(language: str) -> dict[str, str]:
    """The verdict on each path in the table of what is inside a chat's fields, as `served`, `ignored`, `refused`."""
    rows = re.findall(r"^\| (`\w+(?:\[\])?\.[^|]+) \| ([^|]+) \|$", section(language, CHAT), re.MULTILINE)
    found = {}
    for cell, verdict in rows:
        word = next(one for one in VERDICTS[language] if verdict.startswith(one))
        for path in re.findall("`([^`]+)`", cell):
            found[path.replace("[]", "")] = VERDICTS[""][VERDICTS[language].index(word)]
    return found


def message(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": "Hi", **fields}]}


def part(kind: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": kind, **fields}]}]}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "messages.content.image_url": (
        part("image_url", image_url={"url": "data:image/png;base64,AA=="}),
        "unsupported_content",
        "messages.0.content.0",
    ),
    "messages.content.input_audio": (
        part("input_audio", input_audio={"data": "AA==", "format": "wav"}),
        "unsupported_content",
        "messages.0.content.0",
    ),
    "messages.content.file": (part("file", file={"file_id": "file-1"}), "unsupported_content", "messages.0.content.0"),
    "messages.audio": (message(content=None, audio={"id": "audio_1"}), "unsupported_parameter", "messages.0.audio"),
    "messages.function_call": (
        message(function_call={"name": "look", "arguments": "{}"}),
        "unsupported_parameter",
        "messages.0.function_call",
    ),
    "messages.tool_calls.custom": (
        message(tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "look", "input": ""}}]),
        "invalid_value",
        "messages.0.tool_calls.0.type",
    ),
    "tools.custom": (
        {"tools": [TOOL, {"type": "custom", "custom": {"name": "look"}}]},
        "unsupported_parameter",
        "tools.1.type",
    ),
    "tool_choice.custom": (
        {"tools": [TOOL], "tool_choice": {"type": "custom", "custom": {"name": "look"}}},
        "invalid_value",
        "tool_choice",
    ),
}
# With it and without it.
IGNORED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "messages.content.prompt_cache_breakpoint": (
        part("text", text="Hi", prompt_cache_breakpoint={"mode": "explicit"}),
        part("text", text="Hi"),
    ),
    "stream_options.include_obfuscation": ({"stream": True, "stream_options": {"include_obfuscation": True}}, {}),
}
# They go to llama.cpp, which reads them not.
PASSED_ON = {
    *(f"response_format.json_schema.{name}" for name in ("name", "description", "strict")),
    "tools.function.strict",
}


def asked(**fields: Any) -> dict[str, Any]:
    return to_llama(
        parse(ChatCreate, {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **fields}), context_tokens=256
    )


def test_every_field_inside_a_chats_is_named_once_with_its_verdict() -> None:
    sent = {path for path in paths(chat_create_params.CompletionCreateParamsBase) if "." in path}
    sent = {path for path in sent if path.partition(".")[0] not in WHOLE}
    verdicts = told("")
    whole = tuple(f"{path}." for path, verdict in verdicts.items() if verdict != "served")
    assert {path for path in sent if not path.startswith(whole)} == verdicts.keys()


def test_both_languages_say_the_same() -> None:
    assert told("zh") == told("")


@pytest.mark.parametrize("language", ["", "zh"])
def test_what_stands_in_lists_and_other_bodies_is_named(language: str) -> None:
    fields = {name for params in (*LISTS, *BODIES, *MORE) for name in params.__annotations__}
    assert fields - named(section(language, ROUTES)) == set()
    inside = {path for path in paths(JobCreateParams) if not path.startswith("method.reinforcement.")}
    assert {name for path in inside for name in path.split(".")} - named(section(language, JOBS)) == set()
    inside = set(paths(completion_create_params.CompletionCreateParamsBase))
    assert {name for path in inside for name in path.split(".")} - named(section(language, COMPLETIONS)) == set()


def test_each_verdict_is_tried() -> None:
    verdicts = told("")
    assert {path for path, verdict in verdicts.items() if verdict == "refused"} == REFUSED.keys()
    assert {path for path, verdict in verdicts.items() if verdict == "ignored"} == IGNORED.keys() | PASSED_ON


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_said_to_be_refused_is(path: str) -> None:
    fields, code, param = REFUSED[path]
    with pytest.raises(BadRequest) as refused:
        asked(**fields)
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize("path", IGNORED)
def test_what_is_said_to_be_ignored_changes_nothing(path: str) -> None:
    with_it, without_it = IGNORED[path]
    assert asked(**with_it) == asked(**without_it)


def test_a_custom_tool_that_shall_not_be_used_is_no_obstacle() -> None:
    assert asked(tools=[{"type": "custom", "custom": {"name": "look"}}], tool_choice="none")["tool_choice"] == "none"


def test_what_was_refused_once_is_the_text_of_its_message() -> None:
    for said in (message(content=None, refusal="No."), message(content=[{"type": "refusal", "refusal": "No."}])):
        assert asked(**said)["messages"] == [{"role": "assistant", "content": "No."}]
    assert asked(**message(refusal="No."))["messages"][0]["content"] == "Hi"
