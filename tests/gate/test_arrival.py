"""Bodies that come too slowly are given up, sooner in a crowd; those that come are not touched."""

import io
from typing import Any

import pytest

from gate.arrival import LEAST_RATE, Arrivals, Body, has_body
from tests.fakes.clock import Clock
from wire.errors import BadRequest, RequestTimeout


class Source(io.RawIOBase):
    """A client that sends one piece whenever it is asked, at once, after `before` was called."""

    def __init__(self, clock: Clock, seconds: float, piece: bytes = b"x" * LEAST_RATE) -> None:
        self.clock, self.seconds, self.piece = clock, seconds, piece
        self.arrivals: Arrivals | None = None

    def read(self, size: int = -1, /) -> bytes:
        self.clock.now += self.seconds
        if self.arrivals:
            self.arrivals.look()
        return self.piece[:size]


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def arrivals(clock: Clock) -> Arrivals:
    return Arrivals(patience=20, crowd=2, clock=clock)


def body(arrivals: Arrivals, source: io.IOBase, length: int = 10**9) -> Body:
    environ: dict[str, Any] = {"wsgi.input": source, "CONTENT_LENGTH": str(length)}
    return Body(environ, arrivals, hang_up=lambda: None)


def sent_at(arrivals: Arrivals, clock: Clock, seconds: float) -> Body:
    source = Source(clock, seconds)
    source.arrivals = arrivals
    return body(arrivals, source)


def test_a_body_that_comes_at_the_least_rate_is_read_for_as_long_as_it_takes(arrivals: Arrivals, clock: Clock) -> None:
    slow = sent_at(arrivals, clock, 1.0)
    assert sum(len(slow.read(LEAST_RATE)) for _ in range(1000)) == 1000 * LEAST_RATE


def test_more_is_asked_for_at_once_of_who_sends_it_in_no_time(arrivals: Arrivals, clock: Clock) -> None:
    source = Source(clock, 0.0, b"x" * 2**20)
    quick = body(arrivals, source)
    sizes = [len(quick.read(2**20)) // 1024 for _ in range(4)]
    source.seconds = 1.0
    sizes += [len(quick.read(2**20)) // 1024 for _ in range(2)]
    assert sizes == [64, 128, 256, 256, 256, 64]


def test_a_body_that_comes_slower_is_given_up_when_it_has_used_up_its_patience(
    arrivals: Arrivals, clock: Clock
) -> None:
    slow, begun = sent_at(arrivals, clock, 2.0), clock.now
    with pytest.raises(RequestTimeout) as refused:
        slow.read()
    assert (refused.value.status, refused.value.code) == (408, "request_timeout")
    assert clock.now - begun == pytest.approx(40, abs=3)


def test_silence_is_given_up(arrivals: Arrivals, clock: Clock) -> None:
    with pytest.raises(RequestTimeout):
        sent_at(arrivals, clock, 20.1).read(10)


@pytest.mark.parametrize("why", ["a crowd", "a stop"])
def test_in_haste_a_tenth_of_the_patience_is_left(arrivals: Arrivals, clock: Clock, why: str) -> None:
    waiting = [body(arrivals, io.BytesIO()) for _ in range(3 if why == "a crowd" else 1)]
    for one in waiting:
        arrivals.begin(one)
    if why == "a stop":
        arrivals.hurry()
    clock.now += 1.9
    assert arrivals.look() == []
    clock.now += 0.2
    assert set(arrivals.look()) == set(waiting)
    assert arrivals.look() == [], "each is told once"


def test_whoever_sends_fast_is_left_alone_in_a_crowd(arrivals: Arrivals, clock: Clock) -> None:
    waiting = [body(arrivals, io.BytesIO()) for _ in range(3)]
    for one in waiting:
        arrivals.begin(one)
        one.count = 100 * 10 * LEAST_RATE
    clock.now += 90
    assert arrivals.look() == []


def test_a_body_that_ends_before_its_length_is_refused(arrivals: Arrivals) -> None:
    cut = body(arrivals, io.BytesIO(b"half"), length=8)
    assert cut.read(8) == b"half"
    with pytest.raises(BadRequest, match="4 of 8 bytes") as refused:
        cut.read(4)
    assert refused.value.code == "incomplete_upload"


def test_a_whole_body_is_read_in_any_way(arrivals: Arrivals) -> None:
    content = b"ab\n" * 100_000
    assert body(arrivals, io.BytesIO(content), len(content)).read() == content
    assert body(arrivals, io.BytesIO(content), len(content)).readline() == b"ab\n"


def test_with_chunks_the_length_is_not_believed(arrivals: Arrivals) -> None:
    environ = {"wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": "9", "HTTP_TRANSFER_ENCODING": "chunked"}
    assert Body(environ, arrivals, lambda: None).read() == b"{}"


@pytest.mark.parametrize(
    ("environ", "there_is_one"),
    [
        ({}, False),
        ({"CONTENT_LENGTH": ""}, False),
        ({"CONTENT_LENGTH": "0"}, False),
        ({"CONTENT_LENGTH": "1"}, True),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, True),
    ],
)
def test_a_call_without_a_body_is_told_from_one_with(environ: dict[str, Any], there_is_one: bool) -> None:
    assert has_body(environ) is there_is_one


def test_nothing_is_read_behind_the_announced_length(arrivals: Arrivals) -> None:
    """Some servers would wait there for the next call of the connection."""
    announced = body(arrivals, io.BytesIO(b"{}POST /"), length=2)
    assert [announced.read(64), announced.read(64)] == [b"{}", b""]
