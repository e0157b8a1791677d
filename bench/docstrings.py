"""Chats about Python's standard library: real sentences, on every machine, nobody's secret."""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

MODULES = (
    *("textwrap", "shutil", "json", "csv", "random", "statistics", "heapq", "bisect", "calendar"),
    *("fractions", "difflib", "zipfile", "inspect", "os", "ast", "logging", "tarfile", "shlex"),
)


def chats(count: int) -> Iterator[dict[str, Any]]:
    """Questions about functions and classes, each answered by the first paragraph of its docstring."""
    for module_name in MODULES:
        for name, member in sorted(vars(importlib.import_module(module_name)).items()):
            text = inspect.cleandoc(getattr(member, "__doc__", None) or "").split("\n\n")[0]
            if count and callable(member) and 80 < len(text) < 600:
                count -= 1
                question = {"role": "user", "content": f"What does {module_name}.{name} do?"}
                yield {"messages": [question, {"role": "assistant", "content": text}]}
