"""Answers that take their time: signs of life meanwhile, and what becomes of failures and of callers who left."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.fakes import clock as fakes
from wire.errors import ApiError, Unavailable
from wire.sse import Started
from wire.waiting import BEAT_SECONDS, BLANK, COMMENT, QUIET_SECONDS, Pieces, Work, reply, stream


@dataclass
class Clock(fakes.Clock):
    """A time that passes only while something is worked on."""

    ended: bool = False

    def work(self, seconds: float, failure: ApiError | None = None, *, step: float = 0.1) -> Work[bytes]:
        """Yield every tenth of a second, then return the reply, or fail."""
        try:
            until = self.now + seconds
            while self.now < until:
                self.now += step
                yield
            if failure is not None:
                raise failure
            return b'{"done": true}'
        finally:
            self.ended = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


def begun(answer: bytes | Started) -> Started:
    assert isinstance(answer, Started)
    return answer


def told(failure: ApiError) -> bytes:
    return failure.message.encode()


def blanks(pieces: Iterator[bytes]) -> tuple[int, bytes]:
    """How many blanks come, and what comes after them."""
    sent = list(pieces)
    assert sent[:-1] == [BLANK] * (len(sent) - 1)
    return len(sent) - 1, sent[-1]


def test_a_quick_reply_has_no_blanks(clock: Clock) -> None:
    assert reply(clock.work(QUIET_SECONDS - 0.5), told, clock) == b'{"done": true}'


def test_a_slow_reply_comes_behind_a_blank_for_each_beat(clock: Clock) -> None:
    seconds = QUIET_SECONDS + 3.5 * BEAT_SECONDS
    assert blanks(begun(reply(clock.work(seconds), told, clock))) == (4, b'{"done": true}')


def test_a_failure_before_the_first_blank_is_raised(clock: Clock) -> None:
    with pytest.raises(Unavailable):
        reply(clock.work(1, Unavailable("gone")), told, clock)


def test_a_failure_after_it_is_told_in_the_reply(clock: Clock) -> None:
    work = clock.work(QUIET_SECONDS + 0.5, Unavailable("gone"))
    assert blanks(begun(reply(work, told, clock))) == (1, b"gone")


def test_who_leaves_ends_the_work(clock: Clock) -> None:
    late = begun(reply(clock.work(60), told, clock))
    late.close()
    assert clock.ended
    assert clock.now < QUIET_SECONDS + BEAT_SECONDS


def test_a_stream_that_is_silent_has_a_comment_for_each_beat(clock: Clock) -> None:
    def events() -> Pieces:
        yield b"first"
        for _ in clock.work(QUIET_SECONDS + 1.5 * BEAT_SECONDS):
            yield b""
        yield b"last"

    assert list(stream(events(), clock)) == [b"first", COMMENT, COMMENT, b"last"]


@pytest.mark.parametrize(("seconds", "comments"), [(QUIET_SECONDS - 0.5, 0), (QUIET_SECONDS + 0.5, 1)])
def test_a_streams_failure_has_a_status_before_the_first_comment(clock: Clock, seconds: float, comments: int) -> None:
    def events() -> Pieces:
        for _ in clock.work(seconds, Unavailable("gone")):
            yield b""

    if comments:
        *sent, last = stream(events(), clock)
        assert sent == [COMMENT] * comments
        assert b'"message":"gone"' in last
    else:
        with pytest.raises(Unavailable):
            stream(events(), clock)
