"""The pages of jobs: the queue, and one job with all that its upstream tells."""

import json
import re
from typing import Any

from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import CHECKPOINT, FILE_ID, FINE_TUNED, JOB_ID, FakeOpenAI, refusal

PAGE = f"/dashboard/jobs/{JOB_ID}"


def test_the_queue_names_each_job_and_how_it_stands(reader: Reader, job: dict[str, Any]) -> None:
    page = reader.get("/dashboard/jobs").get_data(as_text=True)
    assert f'href="{PAGE}"' in page
    assert "checking the data" in page


def test_an_empty_queue_says_how_to_begin(reader: Reader) -> None:
    assert "No jobs yet" in reader.get("/dashboard/jobs").get_data(as_text=True)


def test_one_job_is_shown_with_its_curve_events_and_settings(reader: Reader, job: dict[str, Any]) -> None:
    page = reader.get(PAGE).get_data(as_text=True)
    assert "Step 88/96: training loss=0.50" in page
    assert "683058546" in page
    points = re.search(r"data-points='([^']*)'", page)
    assert points
    assert json.loads(points[1]) == [
        {
            "step": 88,
            "train_loss": 0.5,
            "train_accuracy": None,
            "valid_loss": None,
            "valid_mean_token_accuracy": None,
        }
    ]


def test_the_part_that_moves_comes_alone_until_the_job_moves_on(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI
) -> None:
    upstream.jobs[JOB_ID]["status"] = "running"
    page = reader.get(PAGE).get_data(as_text=True)
    assert f'hx-get="{PAGE}?status=running"' in page
    part = reader.get(f"{PAGE}?status=running", HX_Request="true")
    assert "<html" not in part.get_data(as_text=True)
    assert "HX-Refresh" not in part.headers
    upstream.finish()
    assert reader.get(f"{PAGE}?status=running", HX_Request="true").headers["HX-Refresh"] == "true"


def test_a_job_that_is_over_is_not_asked_for_again(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    page = reader.get(PAGE).get_data(as_text=True)
    assert "hx-get" not in page
    assert FINE_TUNED in page
    assert "Cancel this job" not in page


def test_a_failed_job_says_why(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    error = {"message": "Line 3 has no answer.", "code": "invalid_training_file", "param": "training_file"}
    upstream.jobs[JOB_ID] |= {"status": "failed", "error": error}
    page = reader.get(PAGE).get_data(as_text=True)
    assert all(words in page for words in error.values())


def test_cancelling_is_one_form_and_leads_back(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    assert f'action="{PAGE}/cancel"' in reader.get(PAGE).get_data(as_text=True)
    reply = reader.send(f"{PAGE}/cancel", {})
    assert (reply.status_code, reply.headers["Location"]) == (303, PAGE)
    assert upstream.count(f"POST /v1/fine_tuning/jobs/{JOB_ID}/cancel") == 1
    assert "cancelled" in reader.get(PAGE).get_data(as_text=True)


def test_an_event_that_is_markup_stays_text(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.jobs[JOB_ID] |= {"model": "<img src=x>", "error": {"message": "<script>"}, "status": "failed"}
    page = reader.get(PAGE).get_data(as_text=True)
    assert "<img src=x>" not in page
    assert page.count("<script") == page.count("<script src=")


def test_what_a_job_kept_of_earlier_epochs_leads_on(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    assert CHECKPOINT not in reader.get(PAGE).get_data(as_text=True)
    upstream.finish()
    page = reader.get(PAGE).get_data(as_text=True)
    assert f'href="/dashboard/playground?model={CHECKPOINT}"' in page
    assert f'href="/dashboard/new-job?model={CHECKPOINT}&amp;training_file={FILE_ID}"' in page
    assert "Step 44" in page


def test_an_upstream_without_checkpoints_has_none(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    upstream.fail(f"GET /v1/fine_tuning/jobs/{JOB_ID}/checkpoints", refusal(404, "Not Found", None))
    page = reader.get(PAGE).get_data(as_text=True)
    assert FINE_TUNED in page
    assert "Checkpoints" not in page


def test_a_job_is_paused_and_goes_on(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.jobs[JOB_ID]["status"] = "running"
    assert f'action="{PAGE}/pause"' in reader.get(PAGE).get_data(as_text=True)
    assert reader.send(f"{PAGE}/pause", {}).headers["Location"] == PAGE
    page = reader.get(PAGE).get_data(as_text=True)
    assert f'action="{PAGE}/resume"' in page
    assert "hx-get" not in page
    reader.send(f"{PAGE}/resume", {})
    assert "waiting" in reader.get(PAGE).get_data(as_text=True)
