"""How many calls are under way at once, and when a place is free again."""

from collections.abc import Iterator
from typing import Any

import pytest

from gate.crowd import Crowd, Leaving, leave
from wire.errors import Unavailable

CALL = {"PATH_INFO": "/retrieve"}


def test_an_eighth_of_the_threads_is_kept_for_what_takes_no_time() -> None:
    assert [Crowd(threads).most for threads in (64, 9, 8, 2)] == [56, 8, 7, 1]
    crowd = Crowd(3)
    for _ in range(2):
        crowd.enter(dict(CALL))
    with pytest.raises(Unavailable, match="2 calls are under way already") as refused:
        crowd.enter(dict(CALL))
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("server_is_overloaded", "1")
    crowd.enter({"PATH_INFO": "/status"})()
    assert crowd.count == 2


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
