"""The body of a Responses request, its text subset (wire reference 3.6), and the chat it means; it answers nothing."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from wire.chat import ChatCreate, Message
from wire.errors import BadRequest
from wire.requests import Id, Metadata, Strict

LOGPROBS = "message.output_text.logprobs"
_ROLES = ("user", "assistant", "system", "developer")
_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}


class Format(BaseModel):
    """`text.format`; a schema is checked by llama.cpp's grammar."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="allow")
    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema", description="a JSON schema, as an object")


class TextConfig(BaseModel):
    """`text`; what else it says, such as `verbosity`, is let through."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="allow")
    format: Format | None = None


class ResponseCreate(Strict):
    """`POST /v1/responses`; what would change the answer and is not served is refused, the rest is ignored."""

    model_config = ConfigDict(strict=True, defer_build=True, extra="ignore")
    model: Id
    input: str | Annotated[list[dict[str, Any]], Field(min_length=1, max_length=10_000)] = Field(
        description="a text, or a list of one message item or more"
    )
    instructions: str | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="a whole number above 0")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(None, description="a number from 0 to 2")
    top_p: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="a number from 0 to 1")
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = Field(None, description="a whole number from 0 to 20")
    include: list[str] | None = None
    text: TextConfig | None = None
    metadata: Metadata | None = None
    stream: bool | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = Field(None, description="a string or an object")
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = Field(None, description="a string or an object")
    background: bool | None = None
    prompt: dict[str, Any] | None = None
    moderation: dict[str, Any] | None = None

    def to_chat(self) -> ChatCreate:
        """Return the chat request that asks the same.

        Raises:
            BadRequest: 400, it asks for what is not served here, or an item is no message of text.
        """
        _refuse_unserved(self)
        first = [] if self.instructions is None else [Message(role="system", content=self.instructions)]
        asks_logprobs = LOGPROBS in (self.include or [])
        return ChatCreate.model_construct(
            model=self.model,
            messages=[*first, *self._messages()],
            max_completion_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            logprobs=asks_logprobs,
            top_logprobs=self.top_logprobs if asks_logprobs else None,
            response_format=_response_format(self.text.format if self.text else None),
        )

    def _messages(self) -> list[Message]:
        if isinstance(self.input, str):
            return [Message(role="user", content=self.input)]
        return [_message(item, f"input.{place}") for place, item in enumerate(self.input)]


def _refuse_unserved(request: ResponseCreate) -> None:
    reasons = {
        "previous_response_id": "responses are not kept; send the whole conversation as 'input'",
        "conversation": "conversations are not kept; send the whole conversation as 'input'",
        "background": "a response is written while its caller waits; leave it out, and use 'stream' if it takes long",
        "prompt": "prompts are not kept; send their text as 'instructions' and 'input'",
        "moderation": "this engine does not moderate",
        "tools": "POST /v1/chat/completions takes functions if the model's chat template has a place for them",
    }
    for name, reason in reasons.items():
        if getattr(request, name) and not (name == "tools" and request.tool_choice == "none"):
            message = f"'{name}' is not supported here: {reason}."
            raise BadRequest(message, code="unsupported_parameter", param=name)


def _message(item: dict[str, Any], where: str) -> Message:
    if item.get("type") not in (None, "message"):
        raise BadRequest(
            f"Invalid value for '{where}.type': {item['type']!r:.80}. Only items of type 'message' are read here.",
            code="unsupported_content",
            param=f"{where}.type",
        )
    role, content = item.get("role"), item.get("content")
    if role not in _ROLES:
        raise _unfit(f"{where}.role", role, "one of 'user', 'assistant', 'system' and 'developer'")
    if isinstance(content, list) and content and all(isinstance(part, dict) for part in content):
        content = "".join(_text(part, f"{where}.content.{place}") for place, part in enumerate(content))
    if not isinstance(content, str):
        raise _unfit(f"{where}.content", content, "a string or a list of one part or more")
    return Message(role=role, content=content)


def _text(part: dict[str, Any], where: str) -> str:
    kind = part.get("type")
    if kind not in _TEXTS:
        raise BadRequest(
            f"Invalid value for '{where}.type': {kind!r:.80}. This model reads text only; send parts of type "
            "'input_text', or 'output_text' in an assistant's message.",
            code="unsupported_content",
            param=where,
        )
    text = part.get(_TEXTS[kind])
    if not isinstance(text, str):
        raise _missing(f"{where}.{_TEXTS[kind]}")
    return text


def _response_format(asked: Format | None) -> dict[str, Any] | None:
    """Return `text.format` as chat has it."""
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return {"type": "json_object"}
    if asked.schema_ is None:
        raise _missing("text.format.schema")
    return {"type": "json_schema", "json_schema": {"name": asked.name or "response", "schema": asked.schema_}}


def _unfit(param: str, value: Any, wanted: str) -> BadRequest:
    if value is None:
        return _missing(param)
    return BadRequest(
        f"Invalid value for '{param}': {value!r:.80}. It must be {wanted}.", code="invalid_value", param=param
    )


def _missing(param: str) -> BadRequest:
    return BadRequest(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
