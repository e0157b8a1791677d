"""States move forward only, and events are worded as OpenAI words them."""

import pytest

from engine import lifecycle


@pytest.mark.parametrize("ended", sorted(lifecycle.TERMINAL))
def test_an_ended_job_moves_nowhere(ended: str) -> None:
    every = (lifecycle.QUEUED, lifecycle.RUNNING, *lifecycle.TERMINAL)
    assert all(ended not in lifecycle.may_become(status) for status in every)


def test_a_paused_job_waits_again_or_is_cancelled_and_nothing_else() -> None:
    every = (lifecycle.QUEUED, lifecycle.RUNNING, lifecycle.PAUSED, *lifecycle.TERMINAL)
    after = {status for status in every if lifecycle.PAUSED in lifecycle.may_become(status)}
    assert after == {lifecycle.QUEUED, lifecycle.CANCELLED}


def test_only_a_running_job_succeeds() -> None:
    assert lifecycle.may_become(lifecycle.SUCCEEDED) == {lifecycle.RUNNING}


def test_steps_are_worded_as_on_the_wire() -> None:
    metrics = {"step": 290, "total_steps": 303, "train_loss": 0.001, "valid_loss": 0.3142}
    assert lifecycle.step(metrics) == "Step 290/303: training loss=0.00, validation loss=0.31"
    last = {"step": 303, "total_steps": 303, "train_loss": 0.15, "full_valid_loss": 0.334}
    assert lifecycle.step(last) == "Step 303/303: training loss=0.15, full validation loss=0.33"


def test_files_are_named_in_the_opening_event() -> None:
    assert lifecycle.validating("file-A", None) == "Validating training file: file-A"
    assert lifecycle.validating("file-A", "file-B") == "Validating training file: file-A and validation file: file-B"
