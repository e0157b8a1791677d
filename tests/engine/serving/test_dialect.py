"""Chat requests in llama.cpp's words."""

from typing import Any

import pytest

from engine.serving.dialect import to_llama
from wire.chat import ChatCreate
from wire.errors import BadRequest


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def body(tool_choice: Any) -> dict[str, Any]:
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": [tool("look"), tool("listen")]}
    return to_llama(ChatCreate.model_validate({**asked, "tool_choice": tool_choice}), 256)


def test_a_function_chosen_by_name_is_the_only_tool_and_must_be_called() -> None:
    sent = body(named("listen"))
    assert (sent["tools"], sent["tool_choice"]) == ([tool("listen")], "required")


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_are_the_only_ones(mode: str) -> None:
    sent = body({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [named("look")]}})
    assert (sent["tools"], sent["tool_choice"]) == ([tool("look")], mode)


@pytest.mark.parametrize("choice", ["auto", "required", "none"])
def test_a_choice_in_a_word_stays_as_it_is(choice: str) -> None:
    sent = body(choice)
    assert (sent["tools"], sent["tool_choice"]) == ([tool("look"), tool("listen")], choice)


@pytest.mark.parametrize(
    "choice",
    [
        named("smell"),
        {"type": "function"},
        {"type": "function", "function": "look"},
        {"type": "function", "name": "look"},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named("look"), named("smell")]}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
        {"type": "allowed_tools", "allowed_tools": None},
        {},
    ],
)
def test_a_choice_of_what_is_no_tool_is_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="It must name a function of 'tools'") as refused:
        body(choice)
    assert (refused.value.code, refused.value.param) == ("invalid_value", "tool_choice")
