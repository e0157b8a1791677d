"""docs/wire.md says of every field that OpenAI's SDK can send what becomes of it: served, ignored or refused."""

import re
from pathlib import Path
from typing import Any

import pytest
from openai.types import (
    EmbeddingCreateParams,
    FileCreateParams,
    ModerationCreateParams,
    UploadCreateParams,
    completion_create_params,
)
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.fine_tuning import JobCreateParams
from openai.types.responses import response_create_params

from wire.chat import ChatCreate
from wire.completions import CompletionCreate
from wire.embeddings import EmbeddingCreate
from wire.errors import BadRequest
from wire.requests import Strict, parse
from wire.responses import ResponseCreate

DOCS = Path(__file__).resolve().parents[2] / "docs"
HI = [{"role": "user", "content": "Hi"}]
# By the place of a section among the sections, which are the same in both languages.
ROUTES, JOBS, CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS = range(1, 7)
SENT: dict[int, tuple[Any, ...]] = {
    ROUTES: (FileCreateParams, UploadCreateParams),
    JOBS: (JobCreateParams,),
    CHAT: (chat_create_params.CompletionCreateParamsBase,),
    COMPLETIONS: (completion_create_params.CompletionCreateParamsBase,),
    RESPONSES: (response_create_params.ResponseCreateParamsBase,),
    EMBEDDINGS: (EmbeddingCreateParams,),
}
ASKED: dict[int, tuple[type[Strict], dict[str, Any]]] = {
    CHAT: (ChatCreate, {"model": "m", "messages": HI}),
    COMPLETIONS: (CompletionCreate, {"model": "m", "prompt": "Hi"}),
    RESPONSES: (ResponseCreate, {"model": "m", "input": "Hi"}),
    EMBEDDINGS: (EmbeddingCreate, {"model": "m", "input": "Hi"}),
}


def section(language: str, place: int) -> str:
    return (DOCS / language / "wire.md").read_text("utf-8").split("\n## ")[place]


def named(text: str) -> set[str]:
    """The words in a code's letters."""
    return {word for code in re.findall("`([^`]+)`", text) for word in re.findall(r"\w+", code)}


def ignored(place: int) -> set[str]:
    """What the last row of a section's fields lists."""
    return named(section("", place).partition("\n| every other field: ")[2].partition(" | ignored")[0])


@pytest.mark.parametrize("language", ["", "zh"])
@pytest.mark.parametrize("place", SENT)
def test_every_field_of_the_sdk_is_named(language: str, place: int) -> None:
    fields = {name for params in SENT[place] for name in params.__annotations__}
    assert fields - named(section(language, place)) == set()


def test_moderations_have_no_field_that_is_served() -> None:
    assert {*ModerationCreateParams.__annotations__} == {"input", "model"}


@pytest.mark.parametrize("place", ASKED)
def test_what_is_said_to_be_ignored_is_let_through_whatever_it_is(place: int) -> None:
    model, asked = ASKED[place]
    fields = ignored(place)
    assert fields
    for value in ("x", None):
        told = parse(model, asked | dict.fromkeys(fields, value) | {"no_field_of_openais": [1]})
        assert told.model_dump(exclude=fields) == parse(model, asked).model_dump(exclude=fields)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"modalities": ["text", "audio"], "audio": {"voice": "ash", "format": "wav"}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"moderation": {"model": "omni-moderation-latest"}}, "moderation"),
    ],
)
def test_what_an_answer_would_lack_without_showing_it_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest, match=f"'{param}' is not supported here") as refused:
        parse(ChatCreate, {"model": "m", "messages": HI, **fields})
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", param)
    nothing: dict[str, Any] = {"modalities": ["text"], "audio": None, "web_search_options": None, "moderation": None}
    assert parse(ChatCreate, {"model": "m", "messages": HI, **nothing}).model == "m"
