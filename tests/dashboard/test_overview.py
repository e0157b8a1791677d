"""The first page says what stands behind the service and what to do next."""

import re
from typing import Any

import pytest

from app import create_app
from config import ServiceConfig
from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import FILE_ID, FINE_TUNED, JOB_ID, FakeOpenAI, Fault


def shown(reader: Reader) -> str:
    """The first page's text."""
    reply = reader.get("/")
    assert reply.status_code == 200
    return reply.get_data(as_text=True)


def test_nobody_has_trained_yet(reader: Reader, upstream: FakeOpenAI) -> None:
    page = shown(reader)
    assert "Bring your first examples" in page
    assert "curl http://localhost/upload_files" in page
    assert upstream.base_url in page
    assert "hx-get" not in page, "nothing moves"


def test_a_job_under_way_is_shown_with_its_step(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.jobs[JOB_ID]["status"] = "running"
    page = shown(reader)
    assert "Watch your training" in page
    assert "Step 88 of 96" in page
    assert 'hx-get="/"' in page


def test_what_is_in_training_goes_before_what_waits_for_it(reader: Reader, upstream: FakeOpenAI) -> None:
    upstream.new_file("train.jsonl", 1709)
    jobs = [upstream.new_job({"model": "m", "training_file": FILE_ID, "suffix": f"job-{at}"}) for at in range(6)]
    for at, job in enumerate(jobs):
        job |= {"status": "queued", "created_at": 1704527100 + at}
    jobs[1]["status"] = "running"
    page = shown(reader)
    assert f'<a class="button primary" href="/dashboard/jobs/{jobs[1]["id"]}">See the curve' in page
    assert re.findall(r'<a class="title" [^>]*>(job-\d)', page) == ["job-1", "job-0", "job-2"]
    assert "and 3 more" in page


def test_a_paused_job_is_not_said_to_go_on(reader: Reader, job: dict[str, Any]) -> None:
    job["status"] = "paused"
    page = shown(reader)
    assert "Your training is paused" in page
    assert "by itself" not in page.partition('id="state"')[2]


def test_a_model_that_is_ready_may_be_asked(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    page = shown(reader)
    assert "Talk to your newest model" in page
    assert FINE_TUNED in page


def test_a_failure_leads_to_its_reason(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.jobs[JOB_ID] |= {"status": "failed", "error": {"message": "The loss is no number.", "code": "x"}}
    assert "The loss is no number." in shown(reader)


def test_models_that_end_are_named_with_their_day_before_openai_alone(
    reader: Reader, config: ServiceConfig, job: dict[str, Any], upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = shown(reader)
    assert "shuts down" not in page
    assert "shut down on" not in page, "nor the default model, which is OpenAI's by its name"
    monkeypatch.setattr("services.address.OPENAI_URL", upstream.base_url)
    page = shown(Reader(create_app(config).test_client()))
    assert "gpt-<wbr>4o-<wbr>mini-<wbr>2024-<wbr>07-<wbr>18" in page
    assert "2027-01-14" in page


def test_a_model_without_a_known_day_is_said_to_have_none_before_openai(
    reader: Reader, config: ServiceConfig, job: dict[str, Any], upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.jobs[JOB_ID] |= {"model": "gpt-9-bee", "fine_tuned_model": "ft:gpt-9-bee:me::Ab3dEf9h"}
    assert "not in our table" not in shown(reader)
    monkeypatch.setattr("services.address.OPENAI_URL", upstream.base_url)
    told = shown(Reader(create_app(config).test_client())).partition('id="dates"')[2].partition("</section>")[0]
    rows = [(re.sub(r"<[^>]+>", "", row).split()) for row in told.split("<li>")[1:]]
    assert [row[0].partition("not")[0] for row in rows if "table" in row] == ["gpt-9-bee", "ft:gpt-9-bee:me::Ab3dEf9h"]
    assert "table" not in rows[0], "those that end come first"
    assert "on 2027-01-14 the last fine-tuned models" in told


@pytest.mark.parametrize("call", ["GET /v1/models", "GET /v1/fine_tuning/jobs"])
def test_an_upstream_that_is_silent_is_told_and_asked_again(reader: Reader, upstream: FakeOpenAI, call: str) -> None:
    upstream.fail(call, Fault("drop"))
    page = shown(reader)
    assert "Wait for the upstream" in page
    assert "broke the connection off" in page
    assert 'hx-get="/"' in page
