"""A JSON reply that takes its time goes out behind blanks: WSGI tells that a caller left only when something is sent.

A quick reply has none, nor has a failure before the first of them. After it the status line is out, and a failure is
told in a reply of status 200 (decision 0005).
"""

import time
from collections.abc import Callable, Generator
from typing import TypeVar

from wire.errors import ApiError
from wire.sse import Started

QUIET_SECONDS = 5.0
BEAT_SECONDS = 1.0
BLANK = b" "
Reply = TypeVar("Reply")
Work = Generator[None, None, Reply]  # it yields now and then while it goes on, and returns the reply


def reply(
    work: Work[bytes], failed: Callable[[ApiError], bytes], clock: Callable[[], float] = time.monotonic
) -> bytes | Started:
    """Return the reply, or what to send from now on if it is not there after QUIET_SECONDS.

    Closing the latter closes `work`. Raises what `work` raises before the first blank; `failed` words it after that.
    """
    started = Started(_behind_blanks(work, failed, clock))
    return started if started.first == BLANK else started.first


def _behind_blanks(
    work: Work[bytes], failed: Callable[[ApiError], bytes], clock: Callable[[], float]
) -> Generator[bytes, None, None]:
    due, begun = clock() + QUIET_SECONDS, False
    try:
        while True:
            next(work)
            if clock() >= due:
                yield BLANK
                due, begun = clock() + BEAT_SECONDS, True
    except StopIteration as done:
        yield done.value
    except ApiError as failure:
        if not begun:
            raise
        yield failed(failure)
    finally:
        work.close()
