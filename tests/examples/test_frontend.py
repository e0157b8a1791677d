"""The example front end in a real browser: it asks the service of another origin, and shows the answer as it comes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from tests.fakes.openai_upstream import PIECES, FakeOpenAI, Fault

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CHAT = "POST /v1/chat/completions"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def running(serve: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join()


@pytest.fixture
def page(chromium: Browser, upstream: FakeOpenAI, tmp_path: Path) -> Iterator[Page]:
    """The page as its comment says it is served, beside a service that answers pages from there."""
    folder = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=EXAMPLES))
    origin = f"http://127.0.0.1:{folder.server_address[1]}"
    config = ServiceConfig(data_dir=tmp_path, openai_base_url=upstream.base_url, allowed_origins=origin)
    service = make_server("127.0.0.1", 0, create_app(config), threaded=True)
    with (
        running(folder.serve_forever, folder.shutdown),
        running(service.serve_forever, service.shutdown),
        chromium.new_context() as context,
    ):
        page = context.new_page()
        page.goto(f"{origin}/frontend.html")
        page.get_by_label("Service").fill(f"http://127.0.0.1:{service.port}")
        page.get_by_label("Question").fill("你来自哪里")
        yield page
    folder.server_close()
    service.server_close()


def test_an_answer_appears_while_it_is_written(page: Page, upstream: FakeOpenAI) -> None:
    upstream.gap = 0.5
    page.get_by_label("Model").fill("ft:mine")
    page.get_by_role("button", name="Ask").click()
    shown = page.locator("output")
    expect(shown).to_have_text(PIECES[0])
    expect(shown).to_have_text("".join(PIECES))
    assert upstream.last(CHAT).json["model"] == "ft:mine"


def test_a_failure_is_shown(page: Page, upstream: FakeOpenAI) -> None:
    upstream.fail(CHAT, Fault("drop"))
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("output")).to_contain_text("broke the connection off")


def test_a_key_opens_where_one_is_asked_for(page: Page, upstream: FakeOpenAI, tmp_path: Path) -> None:
    token, _ = KeyFile(tmp_path / "keys.sqlite3").make("page", frozenset({"chat"}))
    shown, key = page.locator("output"), page.get_by_label("Key, where one is asked for")
    for given, told in (("", "asks for a key"), ("t9_nobodys", "API key"), (token, "".join(PIECES))):
        key.fill(given)
        page.get_by_role("button", name="Ask").click()
        expect(shown).to_contain_text(told)
        assert ("".join(PIECES) in str(shown.text_content())) is (given == token)
    assert upstream.count(CHAT) == 1
