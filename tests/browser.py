"""A real browser for whole ways through the pages: Debian's Chromium, driven by Playwright; nothing is downloaded.

A test that is given a page fails on whatever the browser complains of: errors, warnings of its console, broken rules.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60_000  # milliseconds; a machine may be busy with other tests
WITHOUT = "There is no Chromium (apt-get install chromium): what needs a browser was NOT tested."
# How the console tells of an answer of 4xx or 5xx.
_REFUSED = re.compile(r"the server responded with a status of (\d{3})")

# An observer, for what is asked again and again has to be evaluated by the page, which its policy forbids.
_FIRST_PAINT = """new Promise(done => new PerformanceObserver(
    seen => seen.getEntriesByName("first-contentful-paint").forEach(paint => done(paint.startTime))
).observe({type: "paint", buffered: true}))"""


@dataclass
class Visit:
    """One reader's browser window; `complaints` are what the browser had to say meanwhile.

    What a test provokes it names: `provoked` are the statuses of answers, each with the path it is the answer to.
    """

    page: "Page"
    complaints: list[str] = field(default_factory=list)
    provoked: set[tuple[int, str]] = field(default_factory=set)
    refused: set[tuple[int, str]] = field(default_factory=set)
    bytes_sent: int = 0

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfinished", self._count)

    def _hear(self, message: "ConsoleMessage") -> None:
        if message.type not in ("error", "warning"):
            return
        refused = _REFUSED.search(message.text)
        answer = (int(refused[1]), urlsplit(message.location["url"]).path) if refused else (0, "")
        if answer in self.provoked:
            self.refused.add(answer)
        else:
            self.complaints.append(f"{message.text} {message.location}")

    def _count(self, request: Any) -> None:
        sizes = request.sizes()
        self.bytes_sent += sizes["responseBodySize"] + sizes["responseHeadersSize"]

    def axe(self, *rules: str) -> list[str]:
        """Return what axe-core finds that is serious or critical, by all its rules or by these alone."""
        from axe_playwright_python.sync_playwright import Axe

        only = {"runOnly": list(rules)} if rules else {}
        found = Axe().run(self.page, options={"resultTypes": ["violations"], **only}).response["violations"]
        grave = [one for one in found if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {node['html']} {node['failureSummary']}" for one in grave for node in one["nodes"]]

    def first_paint(self) -> float:
        """Milliseconds from the start of the navigation to the first content."""
        return float(self.page.evaluate(_FIRST_PAINT))


@pytest.fixture(scope="module")
def launch() -> "Iterator[Callable[..., Browser]]":
    """What starts a browser with `args` of its own; without one, that is said.

    A module's at most: while Playwright runs, nothing else in this process can run an event loop.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(WITHOUT)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE / 2)
    with sync_playwright() as playwright:
        yield partial(playwright.chromium.launch, executable_path=found)


@pytest.fixture(scope="module")
def chromium(launch: "Callable[..., Browser]") -> Iterator["Browser"]:
    """The browser, one for all tests that need none of their own."""
    # A container's root has no sandbox of Chromium's, and its /dev/shm is small.
    browser = launch(args=["--no-sandbox", "--disable-dev-shm-usage"])
    yield browser
    browser.close()


@contextmanager
def visit(browser: "Browser", **options: Any) -> Iterator[Visit]:
    """Lend a window with a memory of its own; fail for what the browser complained of, and for provoked answers that
    never came."""
    context = browser.new_context(**options)
    try:
        visit = Visit(context.new_page())
        visit.page.set_default_timeout(PATIENCE)
        yield visit
    finally:
        context.close()
    assert visit.complaints == [], visit.complaints
    never = visit.provoked - visit.refused
    assert never == set(), f"{never} never came"
