"""A person shows their key once; a cookie of this site's own pages shows it from then on, and nobody else's."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from routes.access import COOKIE
from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI

OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.sqlite3")


@pytest.fixture
def token(keys: KeyFile) -> str:
    return keys.make("reader", frozenset({"read", "train", "chat"}))[0]


@pytest.fixture
def config(tmp_path: Path, upstream: FakeOpenAI) -> ServiceConfig:
    return ServiceConfig(
        data_dir=tmp_path,
        openai_base_url=upstream.base_url,
        rate_limit=20,
        allowed_origins="https://intranet.example",
        allowed_hosts="intranet.example",
    )


def log_in(reader: Reader, token: str, path: str = "/dashboard/login", **headers: str) -> str:
    """Show a key; return the Set-Cookie header."""
    reply = reader.send(path, {"key": token}, **{"Origin": "http://localhost", **headers})
    assert reply.status_code == 303, reply.get_data(as_text=True)
    return reply.headers["Set-Cookie"]


@pytest.mark.parametrize("path", ["/", "/dashboard/jobs", "/dashboard/jobs/x?status=running"])
def test_without_a_key_a_page_asks_for_one_and_leads_back(reader: Reader, token: str, path: str) -> None:
    reply = reader.get(path)
    page = reply.get_data(as_text=True)
    assert reply.status_code == 401
    assert 'name="key"' in page
    assert ">Jobs<" not in page
    after = page.partition('action="/dashboard/login?next=')[2].partition('"')[0]
    reply = reader.send(f"/dashboard/login?next={after}", {"key": token})
    assert reply.headers["Location"] == path


def test_the_cookie_is_for_this_site_alone_and_no_script_reads_it(reader: Reader, token: str) -> None:
    cookie = log_in(reader, token)
    assert cookie.startswith(f"{COOKIE}={token};")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "Expires" not in cookie


def test_behind_tls_the_cookie_never_leaves_it(reader: Reader, token: str) -> None:
    assert "; Secure" in log_in(reader, token, Origin="https://intranet.example", Host="intranet.example")


def test_the_cookie_opens_pages_and_calls_alike_until_it_is_forgotten(reader: Reader, token: str) -> None:
    log_in(reader, token)
    assert "Log out" in reader.get("/").get_data(as_text=True)
    assert reader.client.get("/jobs", headers=OWN).status_code == 200
    reply = reader.send("/logout", {}, Origin="http://localhost")
    assert reply.status_code == 303
    assert reader.get("/").status_code == 401
    assert reader.client.get("/jobs", headers=OWN).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://intranet.example"},
        {"Origin": "https://intranet.example"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "null"},
    ],
)
def test_the_cookie_counts_from_no_other_origin(reader: Reader, token: str, headers: dict[str, str]) -> None:
    log_in(reader, token)
    assert reader.client.get("/jobs", headers=headers).status_code == 401
    assert reader.client.post(f"/jobs/{JOB_ID}/cancel", headers=headers).status_code in (401, 403)


def test_a_header_counts_before_the_cookie(reader: Reader, token: str) -> None:
    log_in(reader, token)
    assert reader.client.get("/jobs", headers={**OWN, "Authorization": "Bearer t9_wrong"}).status_code == 401


@pytest.mark.parametrize("wrong", ["", "t9_wrong", "Bearer x", "t9_" + "a" * 43])
def test_a_wrong_key_is_told_and_not_kept(reader: Reader, token: str, wrong: str) -> None:
    reply = reader.send("/dashboard/login", {"key": wrong})
    assert reply.status_code == 401
    assert "Set-Cookie" not in reply.headers
    assert 'name="key"' in reply.get_data(as_text=True)


def test_a_revoked_key_opens_nothing_any_more(reader: Reader, token: str, keys: KeyFile) -> None:
    other, _ = keys.make("other", frozenset({"read"}))
    log_in(reader, other)
    keys.revoke(next(key.id for key in keys.all() if key.name == "other"))
    assert reader.get("/").status_code == 401


def test_keys_are_guessed_at_the_page_no_faster_than_elsewhere(reader: Reader, token: str) -> None:
    tried = [reader.send("/dashboard/login", {"key": "t9_guess"}).status_code for _ in range(21)]
    assert tried == [401] * 20 + [429]


def test_a_page_of_another_site_logs_nobody_in_or_out(reader: Reader, token: str) -> None:
    for path, fields in (("/dashboard/login", {"key": token}), ("/logout", {})):
        assert reader.send(path, fields, Origin="https://evil.test").status_code == 403


def test_pages_show_what_the_key_opens_and_no_more(config: ServiceConfig, keys: KeyFile, upstream: FakeOpenAI) -> None:
    upstream.new_job({"model": "m", "training_file": FILE_ID, "metadata": {"tune9527_owner": "key_somebody"}})
    client = create_app(config).test_client()
    chatter, blue = keys.make("chatter", frozenset({"chat"}))[0], keys.make("blue", frozenset({"read"}))[0]
    reader = Reader(client)
    log_in(reader, chatter)
    assert ">Jobs<" not in reader.get("/").get_data(as_text=True)
    assert reader.get("/dashboard/jobs").status_code == 403
    log_in(reader, blue)
    assert JOB_ID not in reader.get("/dashboard/jobs").get_data(as_text=True)
    assert reader.get(f"/dashboard/jobs/{JOB_ID}").status_code == 404
    assert reader.send(f"/dashboard/jobs/{JOB_ID}/cancel", {}).status_code == 403


@pytest.mark.parametrize("scope", ["read", "chat", "train"])
def test_no_page_leads_where_the_key_does_not_open(
    config: ServiceConfig, keys: KeyFile, upstream: FakeOpenAI, scope: str
) -> None:
    token, key = keys.make("one", frozenset({scope}))
    upstream.new_file(f"{key.id}.train.jsonl", 1709)
    upstream.new_job({"model": "m", "training_file": FILE_ID, "metadata": {"tune9527_owner": key.id}})
    upstream.finish()
    reader = Reader(create_app(replace(config, rate_limit=1000)).test_client())
    log_in(reader, token)
    waiting, seen = ["/"], {"/"}
    while waiting:
        reply = reader.get(path := waiting.pop(), Origin="http://localhost")
        assert reply.status_code != 403, path
        if reply.mimetype == "text/html":
            links = re.findall(r'href="(/[^"#]*)', reply.get_data(as_text=True))
            new = {unescape(link) for link in links} - seen
            seen |= new
            waiting += new
    assert scope != "read" or f"/dashboard/jobs/{JOB_ID}" in seen


def test_the_key_is_in_no_line_of_the_log(reader: Reader, token: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    log_in(reader, token)
    reader.get("/")
    assert caplog.text
    assert token not in caplog.text
