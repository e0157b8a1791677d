"""Answers that take their time send signs of life: WSGI tells that a caller left only when something is sent.

A quick answer has none, nor has a failure before the first of them. After it the status line is out, and a failure is
told in an answer of status 200 (decision 0005).
"""

import time
from collections.abc import Callable, Generator
from typing import TypeVar

from wire import sse
from wire.errors import ApiError

QUIET_SECONDS = 5.0
BEAT_SECONDS = 1.0
BLANK = b" "
COMMENT = b": waiting\n\n"
Reply = TypeVar("Reply")
Work = Generator[None, None, Reply]  # it yields now and then while it goes on, and returns the reply
Pieces = Generator[bytes, None, None]  # of which an empty one says that there is none yet


def reply(
    work: Work[bytes], failed: Callable[[ApiError], bytes], clock: Callable[[], float] = time.monotonic
) -> bytes | sse.Started:
    """Return the JSON reply, or what to send from now on if it is not there after QUIET_SECONDS: blanks before it.

    Closing the latter closes `work`. Raises what `work` raises before the first blank; `failed` words it after that.
    """
    started = sse.Started(_living(_pieces(work), BLANK, failed, clock))
    return started if started.first == BLANK else started.first


def stream(events: Pieces, clock: Callable[[], float] = time.monotonic) -> sse.Started:
    """Return server-sent `events`; whenever none comes for QUIET_SECONDS, comments stand for it, which readers skip.

    Closing it closes `events`. Raises what they raise before anything is sent; after that it is the last event.
    """
    return sse.Started(_living(events, COMMENT, sse.error_event, clock))


def _living(pieces: Pieces, sign: bytes, failed: Callable[[ApiError], bytes], clock: Callable[[], float]) -> Pieces:
    due, begun = clock() + QUIET_SECONDS, False
    try:
        for piece in pieces:
            if not piece and clock() < due:
                continue
            begun = True
            yield piece or sign
            due = clock() + (QUIET_SECONDS if piece else BEAT_SECONDS)
    except ApiError as failure:
        if not begun:
            raise
        yield failed(failure)
    finally:
        pieces.close()


def _pieces(work: Work[bytes]) -> Pieces:
    try:
        while True:
            next(work)
            yield b""
    except StopIteration as done:
        yield done.value
    finally:
        work.close()
