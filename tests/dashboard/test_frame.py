"""What every page has: safe headers, two languages, three colours, failures that a person can read."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import JOB_ID, FakeOpenAI, Fault

PAGES = ["/", "/dashboard/jobs", f"/dashboard/jobs/{JOB_ID}", "/dashboard/playground", "/dashboard/login"]
PAGES += ["/dashboard/files", "/dashboard/models", "/dashboard/new-job", "/dashboard/data", "/docs"]


def is_page(reply: TestResponse, status: int = 200) -> str:
    """The text of a reply that must be a page."""
    assert (reply.status_code, reply.mimetype) == (status, "text/html")
    return reply.get_data(as_text=True)


@pytest.mark.parametrize("path", [*PAGES, "/dashboard/jobs/ftjob-nope"])
def test_a_page_is_not_kept_framed_or_added_to(reader: Reader, job: dict[str, Any], path: str) -> None:
    reply = reader.get(path)
    rules = dict(rule.split(" ", 1) for rule in reply.headers["Content-Security-Policy"].split("; "))
    assert (rules["default-src"], rules["frame-ancestors"], rules["base-uri"]) == ("'none'", "'none'", "'none'")
    assert set(rules.values()) == {"'none'", "'self'"}
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_nothing_in_a_page_is_inline_or_from_elsewhere(reader: Reader, job: dict[str, Any], path: str) -> None:
    page = is_page(reader.get(path))
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert "javascript:" not in page
    assert page.count("<script") == page.count('<script src="/dashboard/static/')
    assert not [one for one in page.split('src="')[1:] if not one.startswith("/dashboard/static/")]


@pytest.mark.parametrize("path", PAGES)
def test_what_an_upstream_says_is_text_and_no_markup(reader: Reader, job: dict[str, Any], path: str) -> None:
    assert "<b>bee</b>" not in is_page(reader.get(path))


def test_files_of_the_pages_are_typed_and_come_again_only_if_they_changed(reader: Reader) -> None:
    reply = reader.get("/dashboard/static/live.js")
    assert reply.mimetype == "text/javascript"
    again = reader.get("/dashboard/static/live.js", If_None_Match=reply.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-US,zh;q=0.5", "en"), ("de,fr", "en"), ("de,zh-TW", "zh"), ("", "en")],
)
def test_the_browser_says_the_language(reader: Reader, accepted: str, language: str) -> None:
    page = is_page(reader.get("/", Accept_Language=accepted))
    assert ("概览" in page) == (language == "zh")
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}"' in page


def test_the_switches_win_and_lead_back(reader: Reader) -> None:
    reply = reader.send("/dashboard/preferences", {"language": "zh", "next": "/dashboard/jobs?after=x"})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/dashboard/jobs?after=x")
    reader.send("/dashboard/preferences", {"theme": "dark", "next": "/"})
    page = is_page(reader.get("/", Accept_Language="en"))
    assert '<html lang="zh-CN" data-theme="dark"' in page


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.test/", "//evil.test", "/\\evil.test", "evil", "", "/\t/evil.test"]
)
def test_a_switch_leads_to_no_other_site(reader: Reader, elsewhere: str) -> None:
    assert reader.send("/dashboard/preferences", {"language": "en", "next": elsewhere}).headers["Location"] == "/"


@pytest.mark.parametrize("fields", [{"language": "xx"}, {"theme": "<script>"}, {"colour": "dark"}])
def test_a_choice_that_there_is_not_is_refused(reader: Reader, fields: dict[str, str]) -> None:
    assert "Set-Cookie" not in reader.send("/dashboard/preferences", fields).headers
    assert reader.send("/dashboard/preferences", fields).status_code == 400


def test_a_broken_cookie_changes_nothing(reader: Reader) -> None:
    for name in ("tune9527_language", "tune9527_theme"):
        reader.client.set_cookie(name, '"><script>')
    assert '<html lang="en" data-theme="auto"' in is_page(reader.get("/"))


def test_a_failure_is_a_page_for_a_browser_and_json_for_a_program(reader: Reader, upstream: FakeOpenAI) -> None:
    reply = reader.get("/dashboard/jobs/ftjob-nope")
    page = is_page(reply, 404)
    assert "Could not find fine tune: ftjob-nope" in page
    assert reply.headers["X-Request-Id"] in page
    told = reader.client.get("/dashboard/jobs/ftjob-nope", headers={"Accept": "*/*"})
    assert (told.status_code, told.get_json()["response"]["code"]) == (404, "fine_tune_not_found")


def test_a_part_that_fails_is_told_above_the_page(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.fail(f"GET /v1/fine_tuning/jobs/{JOB_ID}", Fault("drop"))
    reply = reader.get(f"/dashboard/jobs/{JOB_ID}?status=running", HX_Request="true")
    assert "<html" not in is_page(reply, 502)
    assert reply.headers["HX-Retarget"] == "#notice"
