"""What people, files, models and upstreams say is text on every page, in a real browser: nothing of it runs.

It is not the browser's policy alone that stands before it: nothing of it becomes an element, an attribute or a link,
so that the browser has no breach of the policy to complain of.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from services.files import clean_label
from tests.browser import Visit, visit
from tests.dashboard.hostile_strings import ALL, STRINGS
from tests.dashboard.served import Served
from tests.dashboard.test_data import GOOD, PAGE
from tests.dashboard.test_in_browser import JOB, PLAYGROUND
from tests.fakes.openai_account import chunk
from tests.fakes.openai_upstream import JOB_ID, Fault, refusal

# A name of a file has no folders, and an upstream's failure no more than a thousand letters.
NAMES = tuple(text.translate({ord("/"): "&#47;", ord("\\"): "&#92;"}) for text in STRINGS)
PARTS = tuple(" ".join(STRINGS[at : at + 15]) for at in range(0, 60, 15))
TURNING = dict.fromkeys(map(ord, "\u202e\u2066\u2069\u200f"))  # which exports lose
# What a page has of its own has neither of these names, and leads nowhere but within the service.
_ADDED = """() => [...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames().filter(name =>
    /^(planted|on|(data-)?hx-on)/.test(name)
    || /^(data-)?hx-(vals|headers|vars)$/.test(name) && /canary/.test(one.getAttribute(name))
    || /^(.*:)?(href|src|action|formaction|data|srcdoc|poster|(data-)?hx-(get|post|put|patch|delete))$/.test(name)
       && URL.canParse(one.getAttribute(name), location.href)
       && !new URL(one.getAttribute(name), location.href).href.match(`^${location.origin}/(?!canary)`)
).map(name => `${one.outerHTML.slice(0, 200)} has ${name}`))"""


@dataclass
class Canary:
    """A window that hears of every script of the strings that runs, and of everything that they fetch."""

    window: Visit
    ran: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.expose_function("canary", lambda number=None: self.ran.append(f"script {number}"))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("dialog", lambda dialog: dialog.dismiss())

    @property
    def page(self) -> Page:
        return self.window.page

    def _note(self, url: str) -> None:
        if "canary" in urlsplit(url).netloc + urlsplit(url).path:
            self.ran.append(url)

    def drop(self, files: dict[str, bytes]) -> None:
        """Give the page of data these files, and have them looked at."""
        kind = "application/octet-stream"
        sent: Any = [{"name": name, "mimeType": kind, "buffer": content} for name, content in files.items()]
        self.page.locator("#files").set_input_files(sent)
        self.press("Look at them")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def look(self, place: str, texts: Sequence[str]) -> None:
        """Wait until `place` shows these texts as they are, and see that nothing came of them."""
        expect(self.page.locator(place)).to_have_count(len(texts))
        shown = self.page.locator(place).all_text_contents()
        assert [*map(plain, shown)] == [*map(plain, texts)]
        self.rest()

    def rest(self) -> None:
        """See that nothing came of what the page shows."""
        assert self.page.evaluate(_ADDED) == []
        assert self.ran == []
        assert self.window.complaints == []


def plain(text: str) -> str:
    """A text without what a template puts around it."""
    return " ".join(text.split())


@pytest.fixture
def canary(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Canary]:
    with visit(chromium, locale=getattr(request, "param", "en-GB")) as window:
        yield Canary(window)


def failed(served: Served) -> str:
    """The path of a job that failed, in which whatever is text is hostile."""
    job = served.start_job(
        ALL, status="failed", model=ALL, fine_tuned_model=ALL, training_file=ALL, validation_file=ALL
    )
    given = {"hyperparameters": dict(zip(STRINGS, STRINGS, strict=True))}
    job |= {"method": {"type": ALL, ALL: given}, "seed": ALL, "result_files": [*STRINGS]}
    served.upstream.jobs[job["id"]] = job | {"error": {"message": ALL, "code": ALL, "param": ALL}}
    for text in STRINGS:
        served.upstream.tell(job["id"], text)
        served.upstream.events[job["id"]][-1]["level"] = text
    return f"{served.url}/dashboard/jobs/{job['id']}"


def test_names_of_files_are_text(served: Served, canary: Canary) -> None:
    for text in STRINGS:
        served.upstream.new_file(text, 1709)["purpose"] = text
    canary.page.goto(f"{served.url}/dashboard/files")
    for listed in (STRINGS[:9:-1], STRINGS[9::-1]):
        canary.look("tbody .title", listed)
        canary.look("tbody td:nth-child(2)", listed)
        canary.page.locator("main > p a.button").click() if listed[-1] != STRINGS[0] else None


def test_names_to_choose_from_and_what_an_address_says_are_text(served: Served, canary: Canary) -> None:
    for text in STRINGS:
        served.upstream.new_file(text, 1709)
    served.upstream.others += STRINGS
    chosen = dict.fromkeys(("training_file", "suffix", "model"), ALL)
    canary.page.goto(f"{served.url}/dashboard/new-job?{urlencode(chosen)}")
    canary.look("#model option", [ALL, "gpt-4o", *STRINGS])
    expect(canary.page.locator("#suffix")).to_have_value(ALL)
    for place in ("#training_file", ".notice"):
        said = plain(canary.page.locator(place).text_content() or "")
        assert [text for text in STRINGS if plain(text) not in said] == []


def test_what_jobs_are_called_is_text(served: Served, canary: Canary) -> None:
    for text in STRINGS:
        served.upstream.jobs[served.start_job(text)["id"]] |= {"model": text, "status": text}
    canary.page.goto(f"{served.url}/dashboard/jobs")
    for at in (60, 40, 20):
        listed = STRINGS[at - 20 : at][::-1]
        canary.look("tbody .title", listed)
        canary.look("tbody .badge", listed)
        canary.look("tbody code", listed)
        canary.page.locator("#jobs > p a.button").click() if at > 20 else None
    canary.page.goto(served.url)
    canary.look(".cards .title", STRINGS[:-4:-1])


# Chinese has branches of its own in what is told.
@pytest.mark.parametrize("canary", ["en-GB", "zh-CN"], indirect=True)
def test_what_a_job_says_is_text(served: Served, canary: Canary) -> None:
    canary.page.goto(failed(served))
    canary.look("#event-list span", STRINGS[::-1])
    canary.look(".notice small code", [ALL, ALL])
    canary.look("h1", [ALL])
    canary.look("[aria-labelledby=settings] dd", [ALL, ALL, *STRINGS, ALL])
    canary.look("[aria-labelledby=files] a", STRINGS)
    canary.page.goto(served.url)
    canary.look(".rows .title", [ALL])


def test_names_of_models_are_text(served: Served, canary: Canary) -> None:
    own = [f"ft:{text}" for text in STRINGS]
    served.upstream.others += [*STRINGS, *own]
    canary.page.goto(f"{served.url}/dashboard/models")
    canary.look("[aria-labelledby=others] code", ["gpt-4o", *STRINGS])
    canary.look("[aria-labelledby=own] th code", own[:40])
    canary.page.get_by_role("link", name="Older models").click()
    canary.look("[aria-labelledby=own] th code", own[40:])


def test_what_a_failure_says_is_text(served: Served, canary: Canary) -> None:
    canary.window.provoked = {(404, JOB)}
    for some in PARTS:
        served.upstream.fail(f"GET /v1/fine_tuning/jobs/{JOB_ID}", refusal(404, some, STRINGS[4]))
        canary.page.goto(served.url + JOB)
        canary.look(".notice p", [some])
        canary.look("main dd >> nth=0", [STRINGS[4]])


def test_what_a_training_file_says_is_text(served: Served, canary: Canary) -> None:
    lines = [json.dumps({"messages": [{"role": text, "content": text}]}) for text in STRINGS]
    canary.page.goto(served.url + PAGE)
    canary.drop({f"{name}.jsonl": line.encode() for name, line in zip(NAMES, lines, strict=True)})
    canary.look("#found h2", [clean_label(f"{name}.jsonl") for name in NAMES])
    canary.look("#found pre code", lines)


def test_the_name_of_a_training_file_is_text_all_the_way(served: Served, canary: Canary) -> None:
    names = [clean_label(f"{name}.jsonl") for name in NAMES]
    canary.page.goto(served.url + PAGE)
    canary.drop(dict.fromkeys((f"{name}.jsonl" for name in NAMES), GOOD))
    canary.look("#found h2:has(+ .badge)", names)
    canary.look("#found h2:not(:has(+ .badge))", [f"What a training on {name} would take" for name in names])
    canary.press("Upload")
    canary.look("#found h2", names)


def test_who_is_in_an_export_is_text(served: Served, canary: Canary) -> None:
    said = [{"sender": text, "accountName": text, "type": 0, "content": text} for text in STRINGS]
    talk = [one | {"timestamp": 1_700_000_000 + at * 30} for at, one in enumerate(said)]
    meta = {"name": ALL, "platform": "wechat", "type": "group"}
    canary.page.goto(served.url + PAGE)
    canary.drop({"talk.json": json.dumps({"chatlab": {"version": "0.0.1"}, "meta": meta, "messages": talk}).encode()})
    canary.look("#found .choice", [f"{text.translate(TURNING)} · 1 messages" for text in STRINGS])


def test_what_becomes_of_an_export_is_text(served: Served, canary: Canary) -> None:
    told = [" ".join(STRINGS[at : at + 10]).translate(TURNING) for at in range(0, 60, 10)]
    rows = [{"instruction": told[at], "input": "", "output": told[at + 1]} for at in (0, 2, 4)]
    canary.page.goto(served.url + PAGE)
    canary.page.get_by_text("More: how chats become examples").click()
    canary.page.get_by_label("Leave personal data as it stands").check()
    canary.drop({"tales.jsonl": "\n".join(map(json.dumps, rows)).encode()})
    expect(canary.page.locator("#found pre code")).to_have_count(len(rows))
    made = [json.loads(line)["messages"] for line in canary.page.locator("#found pre code").all_text_contents()]
    assert [plain(message["content"]) for line in made for message in line] == [*map(plain, told)]
    canary.rest()


def test_what_is_said_in_a_chat_is_text(served: Served, canary: Canary) -> None:
    served.upstream.others += STRINGS
    answer = b"".join(chunk("gpt-4o", {"content": f"{text} "}, last=False) for text in STRINGS) + b"data: [DONE]\n\n"
    told = Fault("raw", raw=answer, headers={"Content-Type": "text/event-stream"})
    served.upstream.fail("POST /v1/chat/completions", told, *(refusal(400, some, STRINGS[4]) for some in PARTS))
    canary.page.goto(f"{served.url}{PLAYGROUND}?{urlencode({'model': STRINGS[0]})}")
    canary.window.provoked = {(400, "/chat")}
    canary.look("#playground .choices .choice", ["gpt-4o", *STRINGS])
    canary.page.get_by_label("System message").fill(ALL)
    for turn in range(5):
        canary.page.get_by_label("Your message").last.fill(ALL)
        canary.press("Send")
        canary.look(".talk .you", [ALL] * (turn + 1))
        canary.look(".talk .bad", PARTS[:turn])
    canary.look(".talk .said >> nth=0", [ALL])


def test_what_is_downloaded_is_no_page(served: Served) -> None:
    for text in STRINGS:
        file = served.upstream.new_file(f"{text}.html", 9)
        served.upstream.contents[file["id"]] = text.encode()
        reply = requests.get(f"{served.url}/files/{file['id']}/content", timeout=20)
        assert reply.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
        assert (reply.headers["X-Content-Type-Options"], reply.headers["Content-Type"]) == (
            "nosniff",
            "application/octet-stream",
        )


def test_strings_that_are_taken_for_more_than_text_are_heard_of(canary: Canary) -> None:
    """Else the tests above could not fail."""
    canary.page.set_content("".join(f"<p>{text}</p>" for text in STRINGS))
    assert canary.page.evaluate(_ADDED)
    assert len(canary.ran) > 9
    canary.window.complaints.clear()
