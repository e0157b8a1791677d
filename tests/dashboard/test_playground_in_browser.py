"""A person chats with models side by side, in a real browser."""

import json
import shlex
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Visit, visit
from tests.dashboard.served import Served
from tests.dashboard.test_in_browser import PICTURES, PLAYGROUND
from tests.fakes.openai_account import chunk
from tests.fakes.openai_upstream import FINE_TUNED, PIECES, FakeOpenAI, Fault, refusal

SAID = "".join(PIECES)
CHATS = "POST /v1/chat/completions"


@pytest.fixture
def upstream(upstream: FakeOpenAI) -> FakeOpenAI:
    """An account with a fine-tuned model beside a base model."""
    upstream.new_file("train.jsonl", 1709)
    upstream.new_job({"model": "gpt-4o", "training_file": next(iter(upstream.files))})
    upstream.finish()
    return upstream


def say(window: Visit, text: str) -> None:
    window.page.get_by_label("Your message").last.fill(text)
    window.page.keyboard.press("Enter")


def test_two_models_answer_side_by_side_and_remember(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PLAYGROUND)
    window.page.get_by_label("gpt-4o", exact=True).check()
    window.page.get_by_label("System message").fill("Be brief.")
    for turn in (1, 2):
        say(window, f"Question {turn}")
        expect(window.page.locator(".said")).to_have_text([SAID] * 2 * turn)
    asked = [one.json for one in served.upstream.seen if one.path.endswith("/chat/completions")]
    assert {one["model"] for one in asked} == {FINE_TUNED, "gpt-4o"}
    roles = [message["role"] for message in asked[-1]["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert window.axe() == []
    if PICTURES:
        window.page.screenshot(path=Path(PICTURES) / "playground-answers.png", full_page=True)


def test_a_vote_is_blind_until_it_is_given(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PLAYGROUND)
    window.page.get_by_label("gpt-4o", exact=True).check()
    window.page.get_by_label("Hide which is which, and vote").check()
    say(window, "Who are you?")
    better = window.page.get_by_role("button", name="Model A is better")
    expect(better).to_be_visible()
    assert window.page.locator(".answer h2").all_text_contents() == ["Model A", "Model B"]
    better.click()
    shown = window.page.locator(".answer h2").all_text_contents()
    assert {title[3:] for title in shown} == {FINE_TUNED, "gpt-4o"}
    winner = window.page.locator("#tally dt")
    expect(winner).to_have_text(shown[0][3:])
    expect(window.page.locator("#tally dd")).to_have_text("1 vote")


def test_one_that_fails_costs_the_other_nothing(served: Served, window: Visit) -> None:
    served.upstream.fail(CHATS, refusal(429, "You exceeded your quota.", "insufficient_quota"))
    window.provoked = {(429, "/chat")}
    window.page.goto(served.url + PLAYGROUND)
    window.page.get_by_label("gpt-4o", exact=True).check()
    say(window, "Hello")
    expect(window.page.get_by_text("You exceeded your quota.")).to_be_visible()
    expect(window.page.locator(".said", has_text=SAID)).to_have_count(1)


@pytest.mark.parametrize(
    ("language", "reason", "told"),
    [("en-GB", "length", "The answer is cut off"), ("zh-CN", "length", "回答被截断"), ("en-GB", "stop", "")],
)
def test_an_answer_that_was_cut_off_says_so(
    served: Served, chromium: Browser, language: str, reason: str, told: str
) -> None:
    pieces = [chunk("gpt-4o", {"content": "One, two"}, last=False), chunk("gpt-4o", {}, last=True, reason=reason)]
    answer = Fault("raw", raw=b"".join(pieces) + b"data: [DONE]\n\n", headers={"Content-Type": "text/event-stream"})
    served.upstream.fail(CHATS, answer)
    with visit(chromium, locale=language) as window:
        window.page.goto(served.url + PLAYGROUND)
        window.page.locator("#text").fill("Count to ten.")
        window.page.keyboard.press("Enter")
        expect(window.page.locator(".said")).to_have_text("One, two")
        expect(window.page.locator("#answers")).to_have_attribute("aria-busy", "false")
        hints = window.page.locator(".talk .hint").all_text_contents()
        assert [told in hint for hint in hints[:-1]] == ([True] if told else [])
        assert window.axe() == []
        if PICTURES:
            window.page.screenshot(path=Path(PICTURES) / f"playground-cut-{language}.png")


def test_an_answer_is_stopped(served: Served, window: Visit) -> None:
    served.upstream.gap = 5.0
    window.page.goto(served.url + PLAYGROUND)
    say(window, "Hello")
    window.page.get_by_role("button", name="Stop").click()
    expect(window.page.get_by_text("stopped")).to_be_visible()
    expect(window.page.get_by_role("button", name="Send")).to_be_enabled()


def test_what_was_cleared_while_it_was_said_is_not_voted_on(served: Served, window: Visit) -> None:
    served.upstream.gap = 0.5
    window.page.goto(served.url + PLAYGROUND)
    window.page.get_by_label("gpt-4o", exact=True).check()
    window.page.get_by_label("Hide which is which, and vote").check()
    say(window, "Who are you?")
    expect(window.page.locator(".said").first).to_contain_text(PIECES[0])
    window.page.get_by_role("button", name="Begin anew").click()
    expect(window.page.get_by_role("button", name="Send")).to_be_enabled()
    expect(window.page.get_by_text("is better")).to_have_count(0)
    assert window.page.locator(".said").count() == 0


def test_without_a_model_it_says_that_one_is_to_be_chosen(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PLAYGROUND)
    for box in window.page.get_by_role("checkbox", checked=True).all():
        box.uncheck()
    window.page.get_by_role("button", name="Begin anew").click()
    say(window, "Anybody?")
    expect(window.page.get_by_text("Choose a model first.")).to_be_visible()
    expect(window.page.get_by_label("Your message").last).to_have_value("Anybody?")
    window.page.get_by_label("gpt-4o", exact=True).check()
    window.page.get_by_role("button", name="Send").click()
    expect(window.page.locator(".said")).to_have_text([SAID])
    expect(window.page.get_by_text("Choose a model first.")).to_have_count(0)


def test_what_a_model_says_is_text_and_no_markup(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PLAYGROUND)
    say(window, "<img src=x onerror=alert(1)>")
    expect(window.page.locator(".you")).to_have_text("<img src=x onerror=alert(1)>")
    assert window.page.locator(".talk img").count() == 0


def test_the_commands_ask_the_same(served: Served, window: Visit) -> None:
    window.page.goto(served.url + PLAYGROUND)
    text = """It's "9 o'clock"\\ or not? $HOME `id`"""
    window.page.get_by_label("Your message").last.fill(text)
    window.page.get_by_text("The same as a command").click()
    curl, python = window.page.locator("details pre code").all_text_contents()
    words = shlex.split(curl)
    asked = json.loads(words[words.index("-d") + 1])
    assert (words[:2], asked["messages"][0]["content"]) == (["curl", f"{served.url}/chat"], text)
    served.upstream.seen.clear()
    exec(compile(python, "<the page's command>", "exec"), {})
    assert served.upstream.last(CHATS).json["messages"] == asked["messages"]


def test_it_works_on_a_phone_in_chinese(served: Served, chromium: Browser) -> None:
    screen = {"width": 390, "height": 844}
    with visit(chromium, locale="zh-CN", viewport=screen, color_scheme="dark", has_touch=True) as window:
        window.page.goto(served.url + PLAYGROUND)
        window.page.get_by_label("您的消息").last.fill("你来自哪里")
        window.page.get_by_role("button", name="发送").tap()
        expect(window.page.locator(".said")).to_have_text([SAID])
        assert window.page.evaluate("document.documentElement.scrollWidth") <= 390
