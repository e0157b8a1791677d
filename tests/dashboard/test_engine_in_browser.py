"""The pages of a service on its engine in a real browser: nobody is shut out, and what is offered there works."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from dashboard.language import translate
from tests.browser import Visit, visit
from tests.dashboard.harbour import TALK
from tests.dashboard.test_data_in_browser import drop
from tests.dashboard.test_in_browser import LANGUAGES, PLAYGROUND, look
from tests.fakes.ports import PATIENCE, until
from tests.live_service import LiveService

LINE = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "%s"}]}\n'
QUESTION = "Any fish today?"
ENDED = ("succeeded", "failed", "cancelled")


@dataclass
class Jobs:
    """A service, and a job of each kind that it has by itself: one that made `model`, one refused, one that waits."""

    service: LiveService
    done: dict[str, Any]
    failed: dict[str, Any]
    paused: dict[str, Any]

    @property
    def model(self) -> str:
        return str(self.done["fine_tuned_model"])


def upload(service: LiveService, text: str) -> str:
    """Return the id of a training file, whatever it holds."""
    [sent] = service.call("POST", "/upload_files?validate=false", files={"files": ("talk.jsonl", text.encode())})
    return str(sent["response"]["id"])


def begin(service: LiveService, file_id: str, epochs: int) -> str:
    asked = {"training_file": file_id, "hyperparameters": {"n_epochs": epochs}}
    return str(service.call("POST", "/fine_tuning", json=asked)["id"])


def end(service: LiveService, job_id: str) -> dict[str, Any]:
    """Return a job once it has ended."""
    until(lambda: service.call("GET", f"/jobs/{job_id}")["status"] in ENDED)
    return dict(service.call("GET", f"/jobs/{job_id}"))


@pytest.fixture(scope="module")
def jobs(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    service = LiveService(tmp_path_factory.mktemp("seen"), tiny_gguf)
    try:
        good = upload(service.wait(), "".join(LINE % pair for pair in TALK.items() if pair[0].isascii()))
        done = end(service, begin(service, good, 50))
        failed = end(service, begin(service, upload(service, LINE % ("Anybody?", "")), 1))
        waiting = begin(service, good, 50)
        until(lambda: service.step(waiting))
        paused = service.call("POST", f"/jobs/{waiting}/pause")
        assert [one["status"] for one in (done, failed, paused)] == ["succeeded", "failed", "paused"]
        yield Jobs(service, done, failed, paused)
    finally:
        service.end()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["done", "failed", "paused"])
def test_a_job_is_sound_in_every_look(jobs: Jobs, chromium: Browser, kind: str, language: str) -> None:
    job = getattr(jobs, kind)
    with visit(chromium, locale=language) as window:
        window.page.goto(f"{jobs.service.url}/dashboard/jobs/{job['id']}")
        expect(window.page.locator(f".heading .badge.{job['status']}")).to_be_visible()
        unfold(window)
        look(window, f"engine-{kind}", language)


def unfold(window: Visit) -> None:
    """Show what is folded away."""
    for summary in window.page.locator("main summary").all():
        if summary.is_visible():
            summary.click()


@pytest.mark.parametrize("language", LANGUAGES)
def test_models_with_their_exports_are_sound_in_every_look(jobs: Jobs, chromium: Browser, language: str) -> None:
    with visit(chromium, locale=language) as window:
        window.page.goto(f"{jobs.service.url}/dashboard/models")
        unfold(window)
        expect(window.page.get_by_role("link", name="PEFT").first).to_be_visible()
        look(window, "engine-models", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_upload_with_findings_is_sound_in_every_look(jobs: Jobs, chromium: Browser, language: str) -> None:
    _ = words(language)
    with visit(chromium, locale=language) as window:
        window.page.goto(f"{jobs.service.url}/dashboard/data")
        spoilt = (LINE % ("Anybody?", "No.") * 12).replace('"assistant"', '"Assistant"', 2) + "{\n"
        drop(window, "talk.jsonl", spoilt.encode(), _("Look at them"))
        expect(window.page.get_by_text(_("not fit yet"))).to_be_visible()
        expect(window.page.locator(".findings pre").first).to_contain_text("Assistant")
        look(window, "engine-findings", language)
        window.page.get_by_role("button", name=_("Mend what can be mended, and upload")).click()
        expect(window.page.get_by_text(_("This is left for a person to mend:"))).to_be_visible()
        look(window, "engine-mended", language)


def words(language: str) -> Any:
    """What gives a page's words in the language of a browser."""
    return lambda text, **values: translate(language[:2], text, **values)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_blind_vote_is_sound_in_every_look(jobs: Jobs, chromium: Browser, language: str) -> None:
    _ = words(language)
    with visit(chromium, locale=language) as window:
        window.page.goto(f"{jobs.service.url}{PLAYGROUND}?model={jobs.model}")
        for box in window.page.locator("input[name=model]").all():  # what was not trained may say nothing
            box.set_checked(str(box.get_attribute("value")).startswith("ft:"))
        window.page.get_by_label(_("Temperature")).fill("0")
        window.page.get_by_label(_("Hide which is which, and vote")).check()
        window.page.get_by_label(_("Your message")).last.fill(QUESTION)
        window.page.keyboard.press("Enter")
        better = window.page.get_by_role("button", name=_("{model} is better", model=f"{_('Model')} A"))
        expect(better).to_be_visible()
        assert all(window.page.locator(".said").all_text_contents())
        look(window, "engine-vote", language)
        better.click()
        expect(window.page.locator("#tally dd")).to_contain_text("1")
        look(window, "engine-voted", language)


def test_every_format_of_a_model_is_taken_along(jobs: Jobs, chromium: Browser) -> None:
    with visit(chromium, locale="en-GB") as window:
        window.page.goto(f"{jobs.service.url}/dashboard/models")
        window.page.get_by_label(f"Export {jobs.model}", exact=True).click()
        with window.page.expect_download() as arriving:
            window.page.get_by_role("link", name="PEFT", exact=True).first.click()
        with tarfile.open(Path(arriving.value.path())) as archive:
            held = {Path(name).name for name in archive.getnames()}
        assert {"adapter_config.json", "adapter_model.safetensors"} <= held


def test_a_command_is_copied_as_it_stands(jobs: Jobs, chromium: Browser) -> None:
    with visit(chromium, locale="en-GB", permissions=["clipboard-read", "clipboard-write"]) as window:
        window.page.goto(f"{jobs.service.url}/dashboard/jobs/{jobs.done['id']}")
        command = window.page.locator(".command", has_text=jobs.model).first
        command.get_by_role("button", name="Copy", exact=True).click()
        expect(command.get_by_role("button", name="Copied")).to_be_visible()
        assert window.page.evaluate("navigator.clipboard.readText()") == command.locator("code").text_content()
        expect(command.get_by_role("button", name="Copy", exact=True)).to_be_visible()


def test_the_playground_offers_nothing_that_makes_vectors(jobs: Jobs) -> None:
    known = {model["id"] for model in jobs.service.call("GET", "/models")["data"]}
    assert {"text-embedding-3-small", "gpt-3.5-turbo"} < known
    page = requests.get(f"{jobs.service.url}/dashboard/playground", timeout=PATIENCE).text
    assert "gpt-3.5-turbo" in page
    assert "text-embedding" not in page
