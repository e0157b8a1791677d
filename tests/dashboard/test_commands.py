"""Commands on the pages work as they are copied: with the address of the browser, and a key where one is asked for."""

import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from gate import KeyFile
from routes.access import COOKIE
from services.makers import OWNER
from tests.browser import Visit
from tests.dashboard.served import Served
from tests.dashboard.test_in_browser import JOB, PLAYGROUND
from tests.fakes.openai_upstream import FINE_TUNED, JOB_ID

OUTSIDE = "http://tune.example.org"
PAGES = ("/", JOB, PLAYGROUND, "/docs")


@pytest.fixture
def token(served: Served, tmp_path: Path) -> str:
    shown, key = KeyFile(tmp_path / "keys.sqlite3").make("reader", frozenset({"read", "train", "chat"}))
    served.start_job()
    served.upstream.jobs[JOB_ID]["metadata"] = {OWNER: key.id}
    served.upstream.finish()
    return shown


def reach_by_proxy(context: BrowserContext, served: Served, token: str) -> None:
    """Stand before the service as nginx does, under a name of which the service is not told."""

    def pass_on(route: Route) -> None:
        address = route.request.url.replace(OUTSIDE, served.url)
        route.fulfill(response=route.fetch(url=address, headers={"Cookie": f"{COOKIE}={token}", "Accept": "text/html"}))

    context.route(f"{OUTSIDE}/**", pass_on)


def test_every_command_names_the_browsers_address_and_the_key(served: Served, window: Visit, token: str) -> None:
    reach_by_proxy(window.page.context, served, token)
    for path in PAGES:
        window.page.goto(OUTSIDE + path)
        expect(window.page.locator(".command code").first).to_contain_text(OUTSIDE)
        commands = window.page.locator(".command code").all_text_contents()
        for command in commands:
            assert served.url not in command
            assert command.count(OUTSIDE) == command.count("TUNE9527_KEY"), command


@pytest.mark.parametrize("path", ["/", JOB])
def test_a_copied_command_is_let_in(served: Served, token: str, path: str) -> None:
    command, *_ = commands_of(served, token, path)
    assert FINE_TUNED in command
    done: Any = subprocess.run(
        ["bash", "-c", command], env={"TUNE9527_KEY": token, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert '"info":"ok"' in done.stdout.replace(" ", "")


def commands_of(served: Served, token: str, path: str) -> list[str]:
    """The commands of a page as a reader with a key gets it."""
    asked = ["curl", "-s", "-H", f"Authorization: Bearer {token}", "-H", "Accept: text/html", served.url + path]
    page = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return [unescape(found) for found in re.findall(r"<code>(curl .+?)</code></pre>", page, re.DOTALL)]
