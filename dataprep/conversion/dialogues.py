"""Takes over conversations that are training data already: cleaned and masked, neither cut nor joined."""

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

from dataprep.conversion.cleaning import clean, clean_value
from dataprep.conversion.ledger import Ledger
from dataprep.conversion.options import Options
from dataprep.conversion.windows import Example
from dataprep.fixing.mending import mask
from dataprep.masking import Masker
from dataprep.records import Dialogue

_PROMPTING = ("system", "developer")


def examples_of(dialogues: Iterable[Dialogue], options: Options, masker: Masker, ledger: Ledger) -> Iterator[Example]:
    """Yield an example for each dialogue that came no second time and holds no blocked word."""
    seen = set[bytes]()
    for number, dialogue in enumerate(dialogues):
        try:
            mark = blake2b(
                repr((dialogue.messages, dialogue.extra)).encode("utf-8", "replace"), digest_size=12
            ).digest()
            if mark in seen:
                ledger.leave([dialogue.place], "duplicate")
                continue
            seen.add(mark)
            body = _body(dialogue)
            length = len(body["messages"])
            if not _drop_lead(body["messages"]):
                ledger.leave([dialogue.place], "no_question")
                continue
            if len(body["messages"]) < length:
                ledger.taken_out["what is said before the first question"] += 1
            if any(word in text for text in _texts(body) for word in options.blocked_words):
                ledger.leave([dialogue.place], "blocked_word")
                continue
            if options.mask:
                mask(body, masker)
            _add_system(body["messages"], options.system)
            # What nothing could write as JSON is found here, not when the file is half written.
            json.dumps(body)
        except RecursionError:
            ledger.leave([dialogue.place], "failed_check_json_too_deep")
            continue
        # Below zero: sessions of chats count from zero.
        yield Example(body, [dialogue.place], session=-1 - number, chat=dialogue.chat_id, rows=dialogue.rows)


def _body(dialogue: Dialogue) -> dict[str, Any]:
    messages = [_message(clean_value(message)) for message in dialogue.messages]
    return {"messages": messages, **clean_value(dict(dialogue.extra))}


def _texts(value: Any) -> Iterator[str]:
    """All that is said in an example, without the names of its keys, roles and types."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (text for one in value for text in _texts(one))
    elif isinstance(value, dict):
        yield from (text for key, one in value.items() if key not in ("role", "type") for text in _texts(one))


def _drop_lead(messages: list[dict[str, Any]]) -> bool:
    """Take off what was said before the first question; False if nothing asks, a system message neither."""
    prompts = next((at for at, one in enumerate(messages) if one.get("role") not in _PROMPTING), len(messages))
    asked = next((at for at, one in enumerate(messages) if one.get("role") == "user"), None)
    if asked is None:
        return prompts > 0
    del messages[prompts:asked]
    return True


def _add_system(messages: list[dict[str, Any]], system: str) -> None:
    if system and not any(message.get("role") in _PROMPTING for message in messages):
        messages.insert(0, {"role": "system", "content": system})


def _message(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": clean(content)}
    if isinstance(content, list):
        return {**message, "content": [_part(part) for part in content]}
    return message


def _part(part: Any) -> Any:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return {**part, "text": clean(part["text"])}
    return part
