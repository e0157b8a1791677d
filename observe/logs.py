"""How the lines of both servers' logs look: text or JSON, always one line a message, never with a secret.

Whatever a caller, an upstream or a traceback says goes through the one formatter here, and so do threads that die.
"""

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Collection
from types import TracebackType
from typing import Any

from observe.masking import FEWEST_LETTERS, hide

JSON = "json"
_TEXTS = {
    "service": "%(asctime)s %(levelname)s %(name)s: %(message)s",
    "engine": "%(asctime)s engine %(levelname)s %(message)s",
}
# All that moves a terminal's cursor, starts a new line or turns text around.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
log = logging.getLogger("tune9527")


def set_up(server: str, level: str, form: str, secrets: Collection[str]) -> None:
    """Send what this process logs to stderr in `form` (text or json) without `secrets`; `server` says whose it is.

    It replaces what was set up before. Threads and programs that die of an exception say so here too.
    """
    handler = logging.StreamHandler()
    secrets = frozenset(secrets) - {""}
    handler.setFormatter(JsonLines(server, secrets) if form == JSON else TextLines(server, secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    # The SDK's HTTP library logs every URL; our own lines say enough.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    threading.excepthook = _thread_died
    sys.excepthook = _program_died


def one_line(text: str) -> str:
    """Return `text` with every character that could break or forge a line written as `\\n`, `\\x1b` and the like."""
    return _CONTROLS.sub(lambda found: ascii(found.group())[1:-1], text)


class TextLines(logging.Formatter):
    """A line for people; a traceback follows on lines of its own, which are set in so that none looks like another."""

    def __init__(self, server: str, secrets: Collection[str] = ()) -> None:
        super().__init__(_TEXTS[server])
        self._secrets = secrets

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line itself."""
        record.message = one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        """Return the traceback."""
        return "\n".join("  " + one_line(line) for line in super().formatException(ei).split("\n"))

    def format(self, record: logging.LogRecord) -> str:
        """Return the line and what follows it, without secrets."""
        record.exc_text = None  # another handler's, which may not be set in
        text = super().format(record)
        record.exc_text = None
        return hide(text, *self._secrets)


class JsonLines(logging.Formatter):
    """One JSON object a line; what a record has under `fields` stands in it in place of a message."""

    def __init__(self, server: str, secrets: Collection[str] = ()) -> None:
        super().__init__()
        self._server = server
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = getattr(record, "fields", None) or {"message": record.getMessage()}
        line = {"time": _utc(record), "level": record.levelname, "server": self._server, "logger": record.name, **told}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        for name, value in line.items():
            if isinstance(value, str) and len(value) >= FEWEST_LETTERS:
                line[name] = hide(value, *self._secrets)
        return json.dumps(line, default=str)


def _utc(record: logging.LogRecord) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{moment}.{int(record.msecs):03d}Z"


def _thread_died(died: threading.ExceptHookArgs) -> None:
    name = died.thread.name if died.thread else "unknown"
    if died.exc_value is not None and not isinstance(died.exc_value, SystemExit):
        log.error("the thread %s died", name, exc_info=died.exc_value)


def _program_died(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("the program died", exc_info=error)
