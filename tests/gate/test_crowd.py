"""How many calls are under way at once, and when a place is free again."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from gate.crowd import Crowd, Leaving, leave
from tests.fakes.ports import until
from wire.errors import Unavailable

CALL = {"PATH_INFO": "/retrieve"}


def stands(crowd: Crowd, calls: int) -> bool:
    return len(crowd._line) == calls


def test_an_eighth_of_the_threads_is_kept_for_what_takes_no_time() -> None:
    assert [Crowd(threads).most for threads in (64, 9, 8, 2)] == [56, 8, 7, 1]
    crowd = Crowd(3, line=0)
    for _ in range(2):
        crowd.enter(dict(CALL))
    with pytest.raises(Unavailable, match="2 calls are under way already") as refused:
        crowd.enter(dict(CALL))
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("server_is_overloaded", "1")
    crowd.enter({"PATH_INFO": "/status"})()
    assert crowd.count == 2


def test_calls_beyond_that_stand_in_line_and_come_in_in_their_turn() -> None:
    crowd = Crowd(2, line=2)
    first = crowd.enter(dict(CALL))
    came: list[str] = []
    leaves: dict[str, Callable[[], None]] = {}

    def call(name: str) -> None:
        leaves[name] = crowd.enter(dict(CALL))
        came.append(name)

    with ThreadPoolExecutor() as callers:
        calls = []
        for place, name in enumerate(("second", "third")):
            calls.append(callers.submit(call, name))
            until(partial(stands, crowd, place + 1))
        with pytest.raises(Unavailable):
            call("fourth")
        first()
        calls[0].result()
        assert came == ["second"]
        leaves["second"]()
        calls[1].result()
        assert (came, crowd.count) == (["second", "third"], 1)
        leaves["third"]()
    assert crowd.count == 0


def test_whose_turn_does_not_come_is_refused_and_stands_in_nobodys_way() -> None:
    crowd = Crowd(2, patience=0.01)
    leave_it = crowd.enter(dict(CALL))
    with pytest.raises(Unavailable):
        crowd.enter(dict(CALL))
    leave_it()
    crowd.enter(dict(CALL))


def test_a_call_that_leaves_as_garbage_while_another_comes_stops_neither() -> None:
    crowd = Crowd(2)
    leave_it = crowd.enter(dict(CALL))
    with crowd._lock:
        leave_it()
    assert crowd.count == 0


def test_a_place_is_left_once_however_often_that_is_said() -> None:
    crowd = Crowd(8)
    environ: dict[str, Any] = dict(CALL)
    leave_it = crowd.enter(environ)
    crowd.enter(dict(CALL))
    for _ in range(2):
        leave(environ)
        leave_it()
    assert crowd.count == 1
    leave({})  # a call that has none


def test_an_answer_leaves_at_its_end_or_when_it_is_closed_even_if_that_fails() -> None:
    class Broken:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"a", b"b"])

        def close(self) -> None:
            raise OSError("gone")

    crowd = Crowd(8)
    answer = Leaving(Broken(), crowd.enter(dict(CALL)))
    with pytest.raises(OSError, match="gone"):
        answer.close()
    assert crowd.count == 0
    assert list(Leaving([b"a", b"b"], crowd.enter(dict(CALL)))) == [b"a", b"b"]
    assert crowd.count == 0
    dropped = Leaving([b"a"], crowd.enter(dict(CALL)))
    assert crowd.count == 1
    del dropped
    assert crowd.count == 0
