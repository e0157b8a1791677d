"""The pages of jobs: the queue, and one job with all that its upstream tells."""

import json
import re
import time
from html import unescape
from typing import Any

import pytest

from tests.dashboard.conftest import MOST_BYTES, Reader
from tests.fakes.openai_upstream import CHECKPOINT, FILE_ID, FINE_TUNED, JOB_ID, FakeOpenAI, refusal

PAGE = f"/dashboard/jobs/{JOB_ID}"


def points(page: str) -> Any:
    """The figures that a page or a part brings for its curves."""
    found = re.search(r"data-points='([^']*)'", page)
    assert found
    return json.loads(found[1])


def run(upstream: FakeOpenAI, steps: int) -> None:
    """Let the job come to this step; every tenth is validated."""
    upstream.jobs[JOB_ID]["status"] = "running"
    for step in range(1, steps + 1):
        data = {
            "step": step,
            "total_steps": 2 * steps,
            "train_loss": 2 / step,
            "train_mean_token_accuracy": 0.123456789,
        }
        upstream.tell(JOB_ID, f"Step {step}/{2 * steps}", data | ({"valid_loss": 2.1 / step} if step % 10 == 0 else {}))


def test_what_came_while_nobody_looked_is_brought_too(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI
) -> None:
    run(upstream, 250)
    part = reader.get(f"{PAGE}?status=running&step=30", HX_Request="true").get_data(as_text=True)
    assert points(part)["step"] == list(range(31, 251))
    asked = upstream.count(f"GET /v1/fine_tuning/jobs/{JOB_ID}/events")
    part = reader.get(f"{PAGE}?status=running&step=200", HX_Request="true").get_data(as_text=True)
    assert points(part)["step"] == list(range(151, 251))
    assert upstream.count(f"GET /v1/fine_tuning/jobs/{JOB_ID}/events") == asked + 1, "else a beat asks for everything"


def test_a_long_curve_leaves_the_page_light_and_keeps_its_end(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI
) -> None:
    run(upstream, 1000)
    reply = reader.get(PAGE)
    assert reader.transferred(reply) < MOST_BYTES
    page = reply.get_data(as_text=True)
    steps = points(page)["step"]
    assert (steps[0], steps[-1]) == (1, 1000)
    assert 450 < len(steps) < 650
    assert page.count('<tr><th scope="row">') < 60
    assert f"{1000 - len(steps)} steps are left out here." in page


def test_the_queue_names_each_job_and_how_it_stands(reader: Reader, job: dict[str, Any]) -> None:
    page = reader.get("/dashboard/jobs").get_data(as_text=True)
    assert f'href="{PAGE}"' in page
    assert "checking the data" in page


def test_the_queue_tells_places_and_how_long_it_will_be(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI
) -> None:
    run(upstream, 7)
    waits = upstream.new_job({"model": "m", "training_file": FILE_ID, "suffix": "second"})
    waits |= {"status": "queued", "estimated_finish": int(time.time()) + 600}
    upstream.tell(waits["id"], "Waiting for 3 jobs.", {"ahead": 3})
    for path in ("/dashboard/jobs", "/"):
        page = reader.get(path).get_data(as_text=True)
        assert "Step 7 of 14" in page
        assert re.search(r"3 before it · (10:00|9:5\d) left", page)
    page = reader.get(f"/dashboard/jobs/{waits['id']}").get_data(as_text=True)
    assert "<dt>Jobs before it</dt><dd>3</dd>" in page
    assert "Ends about" in page


def test_an_empty_queue_says_how_to_begin(reader: Reader) -> None:
    assert "No jobs yet" in reader.get("/dashboard/jobs").get_data(as_text=True)


def test_one_job_is_shown_with_its_curve_events_and_settings(reader: Reader, job: dict[str, Any]) -> None:
    page = reader.get(PAGE).get_data(as_text=True)
    assert "Step 88/96: training loss=0.50" in page
    assert "683058546" in page
    assert points(page) == {"step": [88], "train_loss": [0.5]}


def test_times_say_that_they_are_utc(reader: Reader, job: dict[str, Any]) -> None:
    page = reader.get(PAGE).get_data(as_text=True)
    assert re.search(r'<li class="info"><time datetime="2024-01-06T07:46:40\+00:00" [^>]*>07:46 UTC</time>', page)
    assert re.search(r"<dt>Started</dt><dd><time [^>]*>2024-01-06 07:45 UTC</time>", page)


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


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_did_not_succeed_may_be_tried_again_as_it_was(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI, status: str
) -> None:
    asked = {"n_epochs": "auto", "batch_size": 4, "learning_rate_multiplier": 0.5, "beta": 0.2}
    upstream.jobs[JOB_ID] |= {"status": status, "method": {"type": "dpo", "dpo": {"hyperparameters": asked}}}
    [link] = re.findall(r'href="(/dashboard/new-job[^"]*)">Train again<', reader.get(PAGE).get_data(as_text=True))
    form = reader.get(unescape(link)).get_data(as_text=True)
    assert f'<option value="{FILE_ID}" selected>' in form
    assert '<option value="dpo" selected>' in form
    values = dict(re.findall(r'<input id="(\w+)"[^>]* value="([^"]+)"', form))
    assert values == {"batch_size": "4", "learning_rate_multiplier": "0.5", "beta": "0.2"}


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
