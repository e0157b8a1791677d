"""Asks several models the same at once, and tells their answers side by side; each fails for itself alone."""

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Self

from services.chat import Chat, refuse_uncarried
from services.failures import nonsense
from services.fine_tuning import FineTuning
from wire import sse
from wire.errors import ApiError
from wire.waiting import Pieces, Work

# Seconds after which somebody who left is noticed.
_TICK = 0.5


@dataclass
class Answer:
    """What one model has said so far; seconds count from when all were asked."""

    index: int
    model: str
    answered_by: str | None = None
    content: str = ""
    finish_reason: str | None = None
    seconds: float | None = None
    first_token_seconds: float | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    def take(self, chunk: dict[str, Any], elapsed: float) -> str:
        """Take one chunk of a stream and return the text in it."""
        self.answered_by = chunk.get("model") or self.answered_by
        self.usage = chunk.get("usage") or self.usage
        choice: dict[str, Any] = next(iter(chunk.get("choices") or []), {})
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        delta = choice.get("delta") or {}
        text = str(delta.get("content") or delta.get("refusal") or "")
        if text and self.first_token_seconds is None:
            self.first_token_seconds = round(elapsed, 3)
        self.content += text
        return text

    def to_wire(self) -> dict[str, Any]:
        """Return the answer as it stands in a reply."""
        names = ("index", "model", "answered_by", "finish_reason", "seconds", "first_token_seconds", "error")
        told = {name: getattr(self, name) for name in names}
        counts = {name: self.usage.get(name) for name in ("prompt_tokens", "completion_tokens")}
        return told | counts | {"content": None if self.error else self.content}


# An answer with a piece of its text, or with None once it is complete.
Said = tuple[Answer, str | None]


class Compare:
    """Questions to several models; `jobs` tells which of them the caller may ask."""

    def __init__(self, chat: Chat, jobs: FineTuning) -> None:
        self._chat = chat
        self._jobs = jobs

    def acting_for(self, jobs: FineTuning) -> Self:
        """Return the same for another owner."""
        return type(self)(self._chat, jobs)

    def complete(self, wanted: dict[str, Any]) -> Work[dict[str, Any]]:
        """Return `{"answers": [...]}` in the order of `models`; yields meanwhile. Closing it hangs up.

        `wanted` is a body that `Comparison` has let through.
        """
        answers: dict[int, Answer] = {}
        for said in self._ask(wanted):
            if said and said[1] is None:
                answers[said[0].index] = said[0]
            yield
        return {"answers": [answers[index].to_wire() for index in sorted(answers)]}

    def stream(self, wanted: dict[str, Any]) -> Pieces:
        """Yield server-sent events: `delta` with a piece of a text, `answer` with one that is complete, `[DONE]`."""
        for said in self._ask(wanted):
            if said is None:
                yield b""
                continue
            answer, text = said
            if text is None:
                yield sse.named_event("answer", answer.to_wire())
            elif text:
                yield sse.named_event("delta", {"index": answer.index, "model": answer.model, "content": text})
        yield sse.DONE

    def _ask(self, wanted: dict[str, Any]) -> Generator[Said | None, None, None]:
        """Yield what is said, as it is said, and None now and then; it holds one place of those for streams.

        Raises:
            BadRequest: 400, as `Chat.complete` does for what a reply cannot carry.
            Unavailable: 503 too_many_streams, 503 server_stopping; the latter amidst too.
        """
        refuse_uncarried(wanted)
        return self._chat.streams.hold(self._all(wanted))

    def _all(self, wanted: dict[str, Any]) -> Generator[Said | None, None, None]:
        question = {name: value for name, value in wanted.items() if name not in ("models", "stream")}
        answers = [Answer(index, model) for index, model in enumerate(wanted["models"])]
        said, left = SimpleQueue[Said](), threading.Event()
        for answer in answers:
            threading.Thread(target=self._one, args=(answer, question, said, left), daemon=True).start()
        open_answers = len(answers)
        try:
            while open_answers:
                try:
                    piece = said.get(timeout=_TICK)
                except Empty:
                    piece = None
                self._chat.streams.refuse_if_stopping()
                if piece is None:
                    yield None
                    continue
                open_answers -= piece[1] is None
                yield piece
        finally:
            left.set()

    def _one(self, answer: Answer, question: dict[str, Any], said: SimpleQueue[Said], left: threading.Event) -> None:
        began = time.monotonic()
        try:
            self._jobs.require_model(answer.model)
            chunks = self._chat.chunks({**question, "model": answer.model})
            for chunk in chunks:
                if left.is_set():
                    chunks.close()
                    return
                said.put((answer, answer.take(chunk, time.monotonic() - began)))
        except ApiError as failure:
            answer.error = failure.fields()
        except (AttributeError, TypeError, ValueError):
            answer.error = nonsense("a chunk of its stream is none").fields()
        finally:
            answer.seconds = round(time.monotonic() - began, 3)
            said.put((answer, None))
