"""The body of a chat request as both servers check it (wire reference 3.2); who answers it is not known here."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from wire.errors import BadRequest
from wire.requests import Id, Strict

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
MOST_MESSAGES = 10_000
Penalty = Annotated[float, Field(ge=-2, le=2)]


class ToolCallFunction(BaseModel):
    """The function an assistant called; `arguments` is JSON as text."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="allow")
    name: str
    arguments: str


class ToolCall(BaseModel):
    """One call in an assistant's message."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="allow")
    id: str
    type: Literal["function"]
    function: ToolCallFunction


class Message(BaseModel):
    """One turn; fields the wire knows but no model here reads are let through."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="allow")
    role: Role
    content: str | Annotated[list[dict[str, Any]], Field(min_length=1)] | None = Field(
        None, description="a string, a list of one part or more, or null"
    )
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


Messages = Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    """A turn as most are."""

    role: Role
    content: str


_PlainMessages = Annotated[list[_Plain], msgspec.Meta(min_length=1, max_length=MOST_MESSAGES)]


def _check_unless_plain(messages: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Leave `messages` as they came; a model for each would be most of what a long chat costs."""
    try:
        msgspec.convert(messages, _PlainMessages)
    except msgspec.ValidationError:
        check(messages)
    return messages


SentOn = Annotated[Messages, WrapValidator(_check_unless_plain)]
"""Messages that nobody here reads: they are checked as `Messages` are, and stay lists and dictionaries."""


class Drawing(Strict):
    """How a text is drawn from a model, whatever it answers to."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(None, description="a number from 0 to 2")
    top_p: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="a number from 0 to 1")
    n: Annotated[int, Field(ge=1, le=128)] | None = Field(None, description="a whole number from 1 to 128")
    stop: str | Annotated[list[str], Field(max_length=4)] | None = Field(
        None, description="a string or at most 4 strings"
    )
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="a whole number above 0")
    frequency_penalty: Penalty | None = Field(None, description="a number from -2 to 2")
    presence_penalty: Penalty | None = Field(None, description="a number from -2 to 2")
    seed: int | None = Field(None, description="a whole number")
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    user: str | None = None


class Sampling(Drawing):
    """How an answer is drawn, and its form."""

    max_completion_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="a whole number above 0")
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = Field(None, description="a whole number from 0 to 20")
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = Field(None, description="a string or an object")
    parallel_tool_calls: bool | None = None


class ChatCreate(Sampling):
    """`POST /v1/chat/completions`; unknown fields are ignored, which users of `extra_body` expect (reference 3.2)."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="ignore")
    model: Id
    messages: Messages
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    web_search_options: Any = None
    moderation: Any = None

    @model_validator(mode="after")
    def _refuse_unserved(self) -> Self:
        """Refuse what the answer would be another for, and might be taken for having: it would not show."""
        for param, way_out in self._unserved():
            message = f"'{param}' is not supported here: {way_out}."
            raise BadRequest(message, code="unsupported_parameter", param=param)
        return self

    def _unserved(self) -> Iterator[tuple[str, str]]:
        """Yield each parameter that asks for something which is not served, and what to do."""
        tools = "use 'tools', 'tool_choice' and 'tool_calls', which came after it"
        if self.function_call != "none":  # no call is wanted, so that nothing is lost
            yield from ((name, tools) for name in ("functions", "function_call") if getattr(self, name))
        for place, message in enumerate(self.messages):
            if (message.model_extra or {}).get("function_call"):
                yield f"messages.{place}.function_call", tools
            if (message.model_extra or {}).get("audio"):
                yield f"messages.{place}.audio", "send what was said as 'content'"
        for place, tool in enumerate(self.tools or []):
            if self.tool_choice != "none" and tool.get("type") == "custom":
                yield f"tools.{place}.type", "of type 'custom' none is called; describe it as a 'function'"
        if self.audio or (self.modalities or ["text"]) != ["text"]:
            yield "audio" if self.audio else "modalities", "answers are text"
        if self.web_search_options is not None:  # an empty one asks for a search, too
            yield "web_search_options", "nothing here searches the web"
        if self.moderation:
            yield "moderation", "this engine does not moderate"


class Question(Sampling):
    """What is asked: `text`, or `messages`; `system` goes before either."""

    text: Annotated[str, Field(min_length=1)] | None = None
    messages: SentOn | None = None
    system: str | None = None

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if (self.text is None) == (self.messages is None):
            both = " (not both)" if self.text is not None else ""
            raise ValueError(f"give either 'text' or 'messages'{both}")
        return self


class DocumentedChat(Question):
    """`POST /chat` of the service."""

    model: Id | None = None


class Comparison(Question):
    """`POST /compare` of the service: one question to several models."""

    models: Annotated[list[Id], Field(min_length=2, max_length=8, description="2 to 8 names of models")]
