"""Envelope, error bodies, ids, pages and events."""

import json
import random
import re
from collections.abc import Generator

import pytest

from wire import envelope, ids, pages, sse
from wire.errors import ApiError, NotFound, PayloadTooLarge, ServerFault, UpstreamTimeout, openai_body


def test_a_success_and_a_failure_have_the_same_two_keys() -> None:
    failure = NotFound("No such job.", code="fine_tune_not_found", param="id")
    assert envelope.ok([]) == {"info": "ok", "response": []}
    assert envelope.failed(failure, "req_1") == {
        "info": "error",
        "response": {
            "message": "No such job.",
            "type": "invalid_request_error",
            "param": "id",
            "code": "fine_tune_not_found",
            "request_id": "req_1",
        },
    }


def test_openais_body_has_four_fields() -> None:
    assert openai_body(ApiError("no")) == {
        "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": None}
    }


@pytest.mark.parametrize(
    ("error", "status", "type"),
    [
        (ApiError("x"), 400, "invalid_request_error"),
        (PayloadTooLarge("x"), 413, "invalid_request_error"),
        (ServerFault("x"), 500, "server_error"),
        (UpstreamTimeout("x"), 504, "upstream_error"),
    ],
)
def test_a_failure_is_born_with_its_status(error: ApiError, status: int, type: str) -> None:
    assert (error.status, error.type, str(error)) == (status, type, "x")


def test_ids_have_the_wires_form() -> None:
    assert re.fullmatch(r"ftjob-[A-Za-z0-9]{24}", ids.new_id("ftjob-"))
    assert re.fullmatch(r"suffix:[a-z0-9]{6}", ids.made_up_suffix())


def test_chance_can_be_repeated() -> None:
    assert ids.made_up_suffix(random.Random("key")) == ids.made_up_suffix(random.Random("key"))


@pytest.mark.parametrize(
    ("suffix", "cleaned"),
    [
        ("initial_tuning", "initial-tuning"),
        ("suffix:2ywim9", "suffix-2ywim9"),
        (" A  b! ", "a-b"),
        ("猫", ""),
        (None, ""),
    ],
)
def test_a_suffix_in_a_name_is_lower_case_letters_digits_and_dashes(suffix: str, cleaned: str) -> None:
    assert ids.sanitise_suffix(suffix) == cleaned


def test_a_models_name_says_what_it_is_made_of() -> None:
    name = ids.model_name("smollm2", "personal", "suffix:2ywim9")
    assert re.fullmatch(r"ft:smollm2:personal:suffix-2ywim9:[A-Za-z0-9]{8}", name)
    assert re.fullmatch(r"ft:smollm2:org::[A-Za-z0-9]{8}:ckpt-step-7", ids.model_name("smollm2", "org", None, step=7))


def test_a_page_tells_whether_there_is_more() -> None:
    rows = [{"id": "a"}, {"id": "b"}, {"id": "c"}]
    page = pages.page(rows, 2)
    assert page == {"object": "list", "data": rows[:2], "first_id": "a", "last_id": "b", "has_more": True}
    assert pages.page(rows, 3)["has_more"] is False
    assert pages.page([], 3) == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_a_started_stream_has_failed_already_if_its_first_event_did() -> None:
    def fail() -> bytes:
        raise NotFound("No such model.")

    with pytest.raises(NotFound):
        sse.Started(fail() for _ in range(1))


def test_a_started_stream_loses_no_event_and_can_be_hung_up() -> None:
    ended = []

    def events() -> Generator[bytes, None, None]:
        try:
            yield from (b"", b"b", b"c")
        finally:
            ended.append(True)

    assert list(sse.Started(events())) == [b"", b"b", b"c"]
    hung_up = sse.Started(events())
    ended.clear()
    hung_up.close()
    assert ended == [True]


def test_an_event_is_one_line_of_json() -> None:
    event = sse.event({"content": "第一行\n第二行"})
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    assert json.loads(event[6:]) == {"content": "第一行\n第二行"}
    assert json.loads(sse.error_event(ApiError("x"))[6:])["error"]["message"] == "x"
