"""What a server of the OpenAI wire API must do with jobs that wait, are paused and go on; asked of it with the SDK."""

from itertools import pairwise
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.contract.files import LINES, Upload
from tests.contract.preferences import metrics, wait
from tests.fakes.ports import until

# Seconds: a smaller change of an end is not worth a write, so two of them may be out of order by as much.
CORRECTED = 5


class LineContract:
    """Subclasses give the fixtures `client`, `upload` and `trained` (a job that succeeded)."""

    def test_jobs_wait_in_line_and_a_paused_one_leaves_it_and_goes_on_where_it_was(
        self, client: OpenAI, upload: Upload, trained: Any
    ) -> None:
        jobs, file_id = client.fine_tuning.jobs, upload(LINES * 2)
        asked: dict[str, Any] = {"training_file": file_id, "model": trained.model}
        settings: list[Any] = [{"n_epochs": epochs, "batch_size": 1} for epochs in (12, 1, 1)]
        paused, second, third = line = [jobs.create(**asked, hyperparameters=one).id for one in settings]

        def ends() -> list[Any]:
            return [jobs.retrieve(one).estimated_finish for one in line]

        def last_word() -> str:
            return str(jobs.list_events(third, limit=1).data[0].message)

        until(lambda: last_word() == "Job is queued: 2 ahead of it.")
        until(lambda: None not in (told := ends()) and all(a <= b + CORRECTED for a, b in pairwise(told)))
        assert [job.id for job in jobs.list(limit=3).data] == line[::-1]
        until(lambda: len(metrics(client, paused)) >= 10)
        assert [jobs.retrieve(one).status for one in line] == ["running", "queued", "queued"]
        assert str(jobs.pause(paused).status) == "paused"
        with pytest.raises(openai.BadRequestError, match="paused"):
            jobs.pause(paused)
        until(lambda: last_word() == "Job is queued: 1 ahead of it.")
        until(lambda: jobs.retrieve(second).status == "running")
        done = len(metrics(client, paused))
        assert jobs.cancel(third).estimated_finish is None
        assert wait(client, second).status == "succeeded"
        assert (len(metrics(client, paused)), jobs.retrieve(paused).estimated_finish) == (done, None)
        assert jobs.resume(paused).status == "queued"
        assert wait(client, paused).status == "succeeded"
        assert sorted(one["step"] for one in metrics(client, paused)) == list(range(1, 97))
        for move in (jobs.pause, jobs.resume):
            with pytest.raises(openai.BadRequestError, match="already completed"):
                move(paused)
