"""The first page says what stands behind the service and what to do next."""

from typing import Any

import pytest

from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import FINE_TUNED, JOB_ID, FakeOpenAI, Fault


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


def test_a_model_that_is_ready_may_be_asked(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    page = shown(reader)
    assert "Talk to your newest model" in page
    assert FINE_TUNED in page


def test_a_failure_leads_to_its_reason(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.jobs[JOB_ID] |= {"status": "failed", "error": {"message": "The loss is no number.", "code": "x"}}
    assert "The loss is no number." in shown(reader)


def test_models_that_end_are_named_with_their_day(reader: Reader, job: dict[str, Any]) -> None:
    page = shown(reader)
    assert "gpt-4o-mini-2024-07-18" in page
    assert "2027-01-14" in page


@pytest.mark.parametrize("call", ["GET /v1/models", "GET /v1/fine_tuning/jobs"])
def test_an_upstream_that_is_silent_is_told_and_asked_again(reader: Reader, upstream: FakeOpenAI, call: str) -> None:
    upstream.fail(call, Fault("drop"))
    page = shown(reader)
    assert "Wait for the upstream" in page
    assert "broke the connection off" in page
    assert 'hx-get="/"' in page
