"""A person drops an export, says who is the assistant, and comes to a training; in a real browser."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests.browser import Visit, visit
from tests.dashboard.served import Served
from tests.dashboard.test_data import GOOD, PAGE, TALK
from tests.dashboard.test_in_browser import PICTURES
from tests.fakes.openai_upstream import FILE_ID


def drop(window: Visit, name: str, content: bytes, look: str = "Look at them") -> None:
    """Give the page a file, as dropping does, and have it looked at."""
    kind = "application/octet-stream"
    window.page.locator("#files").set_input_files({"name": name, "mimeType": kind, "buffer": content})
    window.page.get_by_role("button", name=look, exact=True).click()


def sound(window: Visit, name: str) -> None:
    """Nobody is shut out of what the page shows now."""
    assert window.axe() == []
    if PICTURES:
        window.page.screenshot(path=Path(PICTURES) / f"data-{name}.png", full_page=True)


def test_from_an_export_to_a_training(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PAGE)
    drop(window, "talk.json", TALK)
    expect(window.page.get_by_text("Who is the assistant?")).to_be_visible()
    sound(window, "picker")
    window.page.get_by_role("button", name="Go on with who is chosen").click()
    expect(window.page.get_by_role("alert").get_by_text("Choose at least one person.")).to_be_visible()
    window.page.get_by_label("Bob").check()
    window.page.get_by_role("button", name="Go on with who is chosen").click()
    expect(window.page.get_by_text("What became of every row")).to_be_visible()
    expect(window.page.get_by_text("Tokens of an example")).to_be_visible()
    sound(window, "converted")
    window.page.get_by_role("button", name="Make and upload the training file").click()
    window.page.get_by_role("link", name="Train on it").click()
    expect(window.page.locator("#training_file")).to_have_value(FILE_ID)
    window.page.get_by_role("button", name="Start the training").click()
    expect(window.page.locator(".heading .badge")).to_have_text("checking the data")


def test_a_fault_is_mended_by_one_click(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PAGE)
    drop(window, "bees.jsonl", b"\xef\xbb\xbf" + GOOD.replace(b'"assistant"', b'"Assistant"', 1))
    expect(window.page.get_by_text("not fit yet")).to_be_visible()
    sound(window, "checked")
    window.page.get_by_role("button", name="Mend what can be mended").click()
    expect(window.page.get_by_text("uploaded", exact=True)).to_be_visible()
    assert FILE_ID in served.upstream.files


def test_what_is_pressed_twice_is_done_once_and_told(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PAGE)
    drop(window, "bees.jsonl", GOOD)
    expect(window.page.get_by_text("Tokens of an example")).to_be_visible()
    window.page.get_by_role("button", name="Upload", exact=True).dblclick()
    expect(window.page.get_by_text("uploaded", exact=True)).to_be_visible()
    window.page.wait_for_timeout(300)  # a second request would have taken the place of the first one's answer
    expect(window.page.get_by_role("link", name="Train on it")).to_be_visible()
    assert served.upstream.count("POST /v1/files") == 1


def test_how_much_is_sent_shows_and_what_was_said_of_other_files_goes(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PAGE)
    drop(window, "bees.jsonl", GOOD)
    expect(window.page.get_by_text("may be trained on")).to_be_visible()
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    window.page.context.new_cdp_session(window.page).send("Network.emulateNetworkConditions", slow)
    drop(window, "many.jsonl", GOOD * 200)
    expect(window.page.get_by_text("may be trained on")).to_be_hidden()
    expect(window.page.locator("#sending progress")).to_have_attribute("value", re.compile(r"0\.[2-9]"))
    expect(window.page.get_by_role("status")).to_have_text("Sending")
    expect(window.page.get_by_text("may be trained on")).to_be_visible()
    expect(window.page.locator("#sending")).to_be_hidden()


def test_findings_are_sound_in_chinese_on_a_phone(served: Served, chromium: Browser) -> None:
    screen: Any = {"viewport": {"width": 390, "height": 900}, "color_scheme": "dark"}
    with visit(chromium, locale="zh-CN", **screen) as window:
        window.page.goto(served.url + PAGE)
        drop(window, "bees.jsonl", GOOD.replace(b'"assistant"', b'"Assistant"', 1), "查看")
        expect(window.page.get_by_text("有一条消息的 role 不认识")).to_be_visible()
        sound(window, "found-zh")
        assert window.page.evaluate("document.documentElement.scrollWidth") <= 390
