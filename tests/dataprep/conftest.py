"""Small files for the tests of the command line."""

import json
from pathlib import Path

import pytest

from tests.dataprep.lines import assistant, chat, user


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.jsonl"
    file.write_text(chat(user(), assistant()) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A small chat as ChatLab has it, in which nobody is known to be the assistant."""
    texts = [("Mira", "Lit?"), ("Otto", "Since dusk."), ("Mira", ""), ("Mira", "Loud?"), ("Otto", "Very.")]
    messages = [
        {"sender": who, "accountName": who, "timestamp": 1_800_000_000 + 1000 * at, "type": int(not text)}
        | {"content": text or None}
        for at, (who, text) in zip((0, 0.1, 3, 3.1, 3.2), texts, strict=True)
    ]
    members = [{"platformId": name, "accountName": name} for name in ("Mira", "Otto")]
    whole = {
        "chatlab": {"version": "0.0.2", "exportedAt": 1_800_009_000},
        "meta": {"name": "Mira", "platform": "wechat", "type": "private"},
        "members": members,
        "messages": messages,
    }
    file = tmp_path / "talk.json"
    file.write_text(json.dumps(whole), encoding="utf-8")
    return file
