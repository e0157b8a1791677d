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
from tests.fakes.openai_upstream import PIECES, FakeOpenAI, Fault
from tests.fakes.service import NO_DATA

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
def page(chromium: Browser, upstream: FakeOpenAI) -> Iterator[Page]:
    """The page as its comment says it is served, beside a service that answers pages from there."""
    folder = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=EXAMPLES))
    origin = f"http://127.0.0.1:{folder.server_address[1]}"
    config = ServiceConfig(data_dir=NO_DATA, openai_base_url=upstream.base_url, allowed_origins=origin)
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
