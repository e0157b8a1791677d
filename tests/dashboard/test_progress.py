"""What a job's events say of how far it is, whatever an upstream puts into them."""

from typing import Any

from dashboard.progress import progress

RUNNING = {"id": "ftjob-1", "status": "running", "estimated_finish": 1_000_090}


def event(step: int, **more: Any) -> dict[str, Any]:
    """The event of a step."""
    return {"data": {"step": step, "total_steps": 8, "train_loss": 2.0 / step, **more}, "created_at": 1_000_000}


def test_where_it_stands_is_its_newest_step() -> None:
    now = progress(RUNNING, [event(2), event(1)], 1_000_000)
    assert (now.step, now.total, now.loss, now.percent, now.left) == (2, 8, 1.0, 25, 90.0)


def test_before_the_first_step_and_after_the_end_no_time_is_left_to_tell() -> None:
    assert progress(RUNNING | {"estimated_finish": None}, [], 1_000_000).left is None
    assert progress(RUNNING | {"status": "succeeded"}, [event(8)], 1_000_000).left is None
    assert progress(RUNNING, [event(8)], 2_000_000).left == 0


def test_one_that_waits_knows_its_place_by_the_newest_event_of_one() -> None:
    events: list[dict[str, Any]] = [{"data": {"ahead": 1}}, {"data": None}, {"data": {"ahead": 2}}, event(3)]
    assert progress(RUNNING | {"status": "queued"}, events, 1_000_000).ahead == 1
    assert progress(RUNNING | {"status": "queued"}, events[3:], 1_000_000).ahead is None
    assert progress(RUNNING, events, 1_000_000).ahead is None


def test_what_is_no_step_is_passed_over() -> None:
    told: list[Any] = [None, [], {"step": "three"}, {"step": 1, "train_loss": "low"}]
    strange: list[dict[str, Any]] = [{}, *({"data": data} for data in told)]
    assert progress(RUNNING, strange, 1_000_000).total is None
