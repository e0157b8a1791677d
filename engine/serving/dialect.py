"""The wire's requests in llama.cpp's words, and its refusals in the wire's; it sends nothing."""

from collections.abc import Sequence
from typing import Any

from msgspec import DecodeError
from msgspec.json import decode

from engine.serving.schemas import require_followed, require_small
from wire.chat import ChatCreate, Drawing, Message
from wire.completions import CompletionCreate
from wire.errors import INVALID_REQUEST, ApiError, BadRequest, ServerFault

# The wire's distribution is the model's own; llama.cpp would narrow it by default.
_PLAIN = {"top_k": 0, "min_p": 0.0}
# The likeliest token needs no probabilities: the whole chain would take a millisecond a token for the same answer.
_GREEDY = {"top_k": 1, "samplers": ["penalties", "top_k"]}
_PENALTIES = ("frequency_penalty", "presence_penalty")
_ALSO_SAID = ("name", "tool_call_id")
_ROLES = {"developer": "system"}
SEEDS = 2**31
RENDERED = ("messages", "tools")
"""What the chat template writes of a chat's body."""
LEGACY_LENGTH = 16
"""Tokens of a completion whose `max_tokens` is not given, as at OpenAI."""


def to_llama(request: ChatCreate, context_tokens: int) -> dict[str, Any]:
    """Return the body for llama.cpp's chat endpoint, always streamed; the caller adds `n`."""
    body = _drawing(request, context_tokens) | _tools(request)
    body["messages"] = [_message(message, f"messages.{place}") for place, message in enumerate(request.messages)]
    most = request.max_completion_tokens or request.max_tokens
    if most is not None:
        body["max_tokens"] = most
    if request.response_format is not None:
        body["response_format"] = _format(request.response_format)
    return body | _logprobs(request)


def to_completion(request: CompletionCreate, prompt: str, context_tokens: int) -> dict[str, Any]:
    """Return the body for llama.cpp's completions endpoint, always streamed; the caller adds `n`."""
    body = {**_drawing(request, context_tokens), "prompt": prompt, "max_tokens": request.max_tokens or LEGACY_LENGTH}
    return body if request.logprobs is None else body | {"logprobs": max(1, request.logprobs)}


def check_calls(messages: Sequence[Message]) -> None:
    """Refuse earlier calls whose arguments are no JSON, for a chat template that shows them as an object."""
    for place, message in enumerate(messages):
        for number, call in enumerate(message.tool_calls or []):
            try:
                decode(call.function.arguments)
            except (DecodeError, RecursionError) as error:
                where = f"messages.{place}.tool_calls.{number}.function.arguments"
                raise _invalid(where, call.function.arguments, f"It must be JSON as text ({error}).") from None


def _drawing(request: Drawing, context_tokens: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        **_PLAIN,
        "repeat_last_n": context_tokens,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.temperature == 0:
        body |= _GREEDY
    body |= _given(request, _PENALTIES)
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    body["stop"] = [stop for stop in stops if stop]
    if request.logit_bias:
        body["logit_bias"] = [[_token_id(token), bias] for token, bias in request.logit_bias.items()]
    return body if request.seed is None else body | {"seed": request.seed % SEEDS}


def to_wire(error: dict[str, Any], asked: str, form: str) -> ApiError:
    """Return llama.cpp's error object as a caller sees it; `asked` and `form` are fields, as `answers.Way` has them."""
    message = str(error.get("message", "")).removeprefix(
        "Unable to generate parser for this template. Automatic parser generation failed: "
    )
    if error.get("type") == "exceed_context_size_error":
        return BadRequest(
            f"This model's maximum context length is {error['n_ctx']} tokens. However, your {asked} resulted in "
            f"{error['n_prompt_tokens']} tokens. Please reduce the length of the {asked}.",
            code="context_length_exceeded",
            param=asked,
        )
    schema_refused = "JSON schema" in message or "grammar" in message
    if schema_refused and "grammar stack" not in message:  # of which it speaks when a model left a grammar's ways
        return BadRequest(f"Invalid schema: {message}.", code="invalid_json_schema", param=form)
    if message.startswith("Failed to parse tools"):
        return BadRequest(message.partition("; tools =")[0], code="invalid_value", param="tools")
    if error.get("type") == INVALID_REQUEST:
        return BadRequest(message)
    return ServerFault(f"The model could not answer: {message}")


def _message(message: Message, where: str) -> dict[str, Any]:
    content = message.content
    if isinstance(content, list):
        content = "".join(_text(part, f"{where}.content.{place}") for place, part in enumerate(content))
    if content is None and message.role not in ("assistant", "function"):
        raise _invalid(f"{where}.content", None, f"A message of the role {message.role} needs a text.")
    plain = _given(message, _ALSO_SAID)
    if message.tool_calls is not None:
        plain["tool_calls"] = [call.model_dump(exclude_none=True) for call in message.tool_calls]
    return {"role": _ROLES.get(message.role, message.role), "content": content or message.refusal or "", **plain}


def _tools(request: ChatCreate) -> dict[str, Any]:
    """Return the tools and the choice among them; llama.cpp knows no choice by name, and would take it for `auto`."""
    choice = request.tool_choice
    require_small(request.tools, "tools")
    if not isinstance(choice, dict):
        return _given(request, ("tools", "tool_choice", "parallel_tool_calls"))
    of_many = choice.get("allowed_tools")
    allowed = of_many if isinstance(of_many, dict) else {"tools": [choice]}
    named = allowed.get("tools")
    wanted = [_function_name(one) for one in named] if isinstance(named, list) else []
    tools = [tool for tool in request.tools or [] if _function_name(tool) in wanted]
    if not wanted or None in wanted or {_function_name(tool) for tool in tools} != set(wanted):
        raise _invalid("tool_choice", choice, "It must name a function of 'tools'.")
    chosen = {"tools": tools, "tool_choice": allowed.get("mode", "required")}
    return chosen | _given(request, ("parallel_tool_calls",))


def _function_name(tool: Any) -> str | None:
    function = tool.get("function") if isinstance(tool, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _given(holder: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(holder, name)) is not None}


def _logprobs(request: ChatCreate) -> dict[str, Any]:
    if request.top_logprobs and not request.logprobs:
        raise _invalid("top_logprobs", request.top_logprobs, "It needs 'logprobs': true beside it.")
    # llama.cpp leaves the log-probabilities out when no alternatives are asked for.
    return {"logprobs": True, "top_logprobs": max(1, request.top_logprobs or 0)} if request.logprobs else {}


def _format(given: dict[str, Any]) -> dict[str, Any]:
    kind, described = given.get("type"), given.get("json_schema")
    if kind not in ("text", "json_object", "json_schema"):
        raise _invalid("response_format.type", kind, "It must be 'text', 'json_object' or 'json_schema'.")
    # llama.cpp would overlook a schema that is no object, and answer as it likes.
    if kind == "json_schema" and not (isinstance(described, dict) and isinstance(described.get("schema"), dict)):
        raise _invalid("response_format.json_schema", described, "It must be an object with 'name' and 'schema'.")
    require_small(given, "response_format")
    require_followed(given, "response_format")
    return given


def _text(part: dict[str, Any], where: str) -> str:
    kind = part.get("type")
    text = part.get("refusal" if kind == "refusal" else "text")
    if kind not in ("text", "refusal"):
        raise BadRequest(
            f"Invalid value for '{where}.type': {kind!r:.80}. This model reads text only; send parts of type 'text'.",
            code="unsupported_content",
            param=where,
        )
    if not isinstance(text, str):
        raise BadRequest(f"Missing required parameter: '{where}.text'.", code="missing_required_parameter", param=where)
    return text


def _token_id(token: str) -> int:
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise _invalid("logit_bias", token, "Its keys must be token ids, whole numbers.")
    return int(token)


def _invalid(param: str, value: Any, advice: str) -> BadRequest:
    shown = "null" if value is None else f"{value!r:.80}"
    return BadRequest(f"Invalid value for '{param}': {shown}. {advice}", code="invalid_value", param=param)
