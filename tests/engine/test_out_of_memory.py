"""A trainer that really runs out of memory ends its job by name, and nobody who asks the engine notices.

How much slower the other calls are beside it, `python -m bench.beside_jobs` tells.
"""

import sys
from pathlib import Path

import pytest

from bench import beside_jobs


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone holds a process to a limit of its address space")
def test_a_trainer_that_runs_out_of_memory_ends_its_job_alone(tmp_path: Path) -> None:
    tally = beside_jobs.drive(tmp_path, rounds=1, seconds=0.4)
    assert tally.died == ["out_of_memory"]
    assert tally.faults == []
    assert tally.wrong == 0
    ways = (beside_jobs.NO_JOB, beside_jobs.DYING, beside_jobs.TRAINING)  # the last one: the next job, which goes on
    assert set(tally.took) == {(way, name) for way in ways for name in beside_jobs.CALLS}
    assert all(tally.took.values())
