"""Web pages: what a page of another origin sends is refused, what no browser sent passes."""

from typing import Any

import pytest

from gate.origins import Origins
from wire.errors import ApiError

FRONT_END = "https://intranet.example"
ORIGINS = Origins(frozenset({FRONT_END}))


def request(method: str = "POST", host: str = "localhost:9527", **headers: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": method, "HTTP_HOST": host} | {
        f"HTTP_{name.upper()}": said for name, said in headers.items()
    }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:9527"},
        {"origin": "http://localhost:9527", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"origin": FRONT_END, "sec_fetch_site": "cross-site"},
    ],
)
def test_who_is_no_stranger_may_change_things(headers: dict[str, str]) -> None:
    ORIGINS.require_known(request(**headers))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"origin": "http://localhost:9528"},
        {"origin": "http://localhost:9527", "sec_fetch_site": "cross-site"},
        {"origin": "http://localhost:9527", "sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": f"{FRONT_END}.evil.test"},
        {"origin": FRONT_END.upper()},
        {"origin": f"{FRONT_END}, {FRONT_END}"},
        {"origin": "localhost:9527"},
    ],
)
def test_a_page_of_another_origin_changes_nothing(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(ApiError) as refused:
        ORIGINS.require_known(request(method, **headers))
    assert (refused.value.status, refused.value.code) == (403, "origin_not_allowed")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_passes_but_cannot_be_read(method: str) -> None:
    asked = request(method, origin="https://evil.test", sec_fetch_site="cross-site")
    ORIGINS.require_known(asked)
    assert ORIGINS.headers(asked) == [("Vary", "Origin")]
    assert ORIGINS.preflight(asked | {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}) is None


def test_a_page_of_an_allowed_origin_may_ask_and_read() -> None:
    asked = request("OPTIONS", origin=FRONT_END, access_control_request_method="POST")
    answer = dict(ORIGINS.preflight(asked) or [])
    assert answer["Access-Control-Allow-Origin"] == FRONT_END
    assert "authorization" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer
    assert dict(ORIGINS.headers(request(origin=FRONT_END)))["Access-Control-Allow-Origin"] == FRONT_END


def test_without_the_setting_nobody_else_is_answered() -> None:
    assert Origins().headers(request("GET", origin="null")) == []
    assert Origins().preflight(request("OPTIONS", origin="", access_control_request_method="POST")) is None
