"""Streams in whole events."""

import pytest

from services.chat import MAX_EVENT_BYTES, whole_events
from wire.errors import UpstreamFailed

A, B, DONE = b'data: {"a": 1}\n\n', b'data: {"b": 2}\n\n', b"data: [DONE]\n\n"


def test_pieces_are_put_together_to_events() -> None:
    assert list(whole_events(iter([A[:5], A[5:] + B[:3], B[3:], DONE]))) == [A, B, DONE]


def test_events_that_came_together_stay_together() -> None:
    assert list(whole_events(iter([A + B + DONE]))) == [A + B + DONE]


def test_windows_line_ends_and_keep_alives_are_events_too() -> None:
    assert list(whole_events(iter([b": still here\r\n\r\n", A, DONE]))) == [b": still here\r\n\r\n", A, DONE]


@pytest.mark.parametrize("end", [b"data: [DONE]\n", b"data: [DONE]", b"data:[DONE]\r\n"])
def test_an_end_without_its_empty_line_is_an_end(end: bytes) -> None:
    assert list(whole_events(iter([A, end]))) == [A, DONE]
    assert list(whole_events(iter([A + end]))) == [A, DONE]


@pytest.mark.parametrize("half", [b"data: [DON", b'data: {"error": {"mess', b'data: {"a": "\ndata: [DONE]'])
def test_half_an_end_is_no_end(half: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        list(whole_events(iter([A, half])))


def test_half_an_event_at_the_end_is_not_passed_on() -> None:
    events = whole_events(iter([A, B[:7]]))
    assert next(events) == A
    with pytest.raises(UpstreamFailed):
        next(events)


def test_the_words_of_the_end_inside_an_answer_are_no_end() -> None:
    with pytest.raises(UpstreamFailed):
        list(whole_events(iter([b'data: {"content": "data: [DONE]"}\n\n'])))


def test_an_upstreams_own_error_event_ends_a_stream() -> None:
    error = b'data: {"error": {"message": "overloaded"}}\n\n'
    assert list(whole_events(iter([A, error]))) == [A, error]


def test_an_event_without_end_is_stopped() -> None:
    endless = (b"x" * 1024 * 1024 for _ in range(100))
    with pytest.raises(UpstreamFailed, match="never ends"):
        list(whole_events(endless))
    assert sum(1 for _ in endless) >= 100 - MAX_EVENT_BYTES // (1024 * 1024) - 2
