"""Counts a training file's tokens as the trainer has them, in a child process: torch stays out of the engine's."""

import json
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import lifeline
import sandbox
from engine import gguf_header
from engine.models import Models
from engine.run import died_of
from wire.errors import BadRequest, Unavailable

# Seconds; less than the service waits for its upstream, so that its callers are told why.
PATIENCE = 100.0
# Seconds; whoever waits for the count before holds a thread of both servers.
TURN_PATIENCE = 3.0
# Who counts and who waits, together; the threads are there for chats first.
PLACES = 4
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counts:
    """Tokens of each example line, those of them that are trained, and how many examples lose their end."""

    tokens: list[int]
    answer_tokens: list[int]
    truncated: int


class TokenCounts:
    """Counts one file at a time, for each takes a process of 300 MB; `context_tokens` is the trainer's limit."""

    def __init__(
        self, models: Models, context_tokens: int, turn_patience: float = TURN_PATIENCE, places: int = PLACES
    ) -> None:
        self._models = models
        self._context_tokens = context_tokens
        self._turn_patience = turn_patience
        self._counting = threading.Lock()
        self._places = threading.BoundedSemaphore(places)

    def create(self, stream: BinaryIO, name: str) -> dict[str, Any]:
        """Return the counts of a training file for the model called `name`, empty for the default base model.

        Raises:
            NotFound: 404 model_not_found.
            BadRequest: 400, a line cannot be trained on; the message has its number.
            Unavailable: 503, the base model is being fetched, another file is being counted (count_busy), or the count
                took too long or broke off.
        """
        base = self._models.known_base(name or self._models.default.id)
        path = self._models.base_path(base)
        with self._turn(), tempfile.TemporaryDirectory(prefix="tune9527-") as folder:
            file = Path(folder) / "training.jsonl"
            with file.open("wb") as copy:
                shutil.copyfileobj(stream, copy)
            most = gguf_header.within_context(path, self._context_tokens)
            found = count(path, file, most)
        facts = {"object": "token_counts", "model": base.id, "max_tokens": most}
        return {**facts, "tokens": found.tokens, "answer_tokens": found.answer_tokens, "truncated": found.truncated}

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the file's turn, a moment long and among few; else say to come again."""
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            if not self._counting.acquire(timeout=self._turn_patience):
                raise _busy()
            try:
                yield
            finally:
                self._counting.release()
        finally:
            self._places.release()


def count(base: Path, file: Path, max_tokens: int, patience: float = PATIENCE) -> Counts:
    """Count `file` for the GGUF at `base` in `python -m engine.trainer.count`, within `patience` seconds.

    Raises:
        BadRequest: 400, what the trainer would say of the file or the model.
        Unavailable: 503, the child took too long or died.
    """
    deadline = time.monotonic() + patience
    arguments = ["engine.trainer.count", str(base.resolve()), str(file.resolve()), str(max_tokens)]
    environment, walls = lifeline.needed(os.environ), sandbox.Walls(reads=[base.resolve(), file.resolve()])
    with tempfile.TemporaryFile() as log, lifeline.spawn(arguments, log, environment, walls) as child:
        assert child.stdout is not None
        stopper = threading.Timer(patience, lifeline.kill, [child])
        stopper.start()
        try:
            said, exit_code = child.stdout.read(), child.wait()
        finally:
            stopper.cancel()
        log.seek(0)
        last_words = log.read().decode("utf-8", "replace").strip()[-1000:]
    answer = json.loads(said) if said.endswith(b"\n") else {}
    match answer.pop("kind", None):
        case "counts":
            return Counts(**answer)
        case "error":
            raise BadRequest(answer["message"], code=answer["code"], param="file")
    if died_of(exit_code) == "signal SIGVTALRM":  # `engine.trainer.rendering` has set the limit
        message = "The base model's chat template takes seconds of processor time for one chat."
        raise BadRequest(message, code="unsupported_base_model", param="model")
    if time.monotonic() >= deadline:
        raise _too_long(patience)
    _LOG.error("The count of tokens ended by %s: %s", died_of(exit_code), last_words)
    raise Unavailable(f"The count of tokens ended by {died_of(exit_code)}; the engine's log says more.")


def _busy() -> Unavailable:
    message = "Another file's tokens are being counted; try again soon."
    return Unavailable(message, code="count_busy", headers={"Retry-After": "5"})


def _too_long(patience: float) -> Unavailable:
    message = f"The tokens could not be counted within {patience:g} seconds; send fewer examples, or try again later."
    return Unavailable(message, code="count_timeout")
