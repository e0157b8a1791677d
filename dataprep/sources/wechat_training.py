"""Knows the training files of WeChatMsg and MemoTrace by their first element; how they are read is `training`'s."""

import re
from collections.abc import Callable

from dataprep.sources import training
from dataprep.sources.source import Head, Source

_READ = {source.name: source.read for source in training.SOURCES}
# ChatGLM3's key alone in its element, with roles; ShareGPT says `from`, files with tools begin otherwise.
_CONVERSATIONS = re.compile(r'\s*\[\s*\{\s*"conversations"\s*:\s*\[\s*\{\s*"role"\s*:')
_ALPACA = re.compile(r'\s*\[\s*\{\s*"system"\s*:\s*"(?:[^"\\]|\\.)*+"\s*,\s*"instruction"\s*:')


def _recognise_as(pattern: re.Pattern[str], reason: str) -> Callable[[Head], str | None]:
    return lambda head: reason if pattern.match(head.text) else None


_LACKS = (
    "this format has no times and no sessions, but talks that the exporter cut and joined already, of plain texts"
    " alone: no quoted replies."
)
SOURCES: tuple[Source, ...] = (
    Source(
        "wechatmsg-train",
        "Training JSON of WeChatMsg, or of MemoTrace for ChatGLM3 (conversations)",
        _recognise_as(_CONVERSATIONS, 'its elements have "conversations" with roles, as ChatGLM3 wants them'),
        _READ["sharegpt"],
        _LACKS,
    ),
    Source(
        "memotrace-alpaca",
        "Training JSON of MemoTrace 3 (Alpaca with system and history)",
        _recognise_as(_ALPACA, 'its elements begin with "system" and "instruction", as MemoTrace writes them'),
        _READ["alpaca"],
        _LACKS,
    ),
)
