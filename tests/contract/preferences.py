"""What a server of the OpenAI wire API must do with preferences, asked of it with the official SDK."""

import math
import time
from typing import Any, cast

import openai
import pytest
from openai import OpenAI

from tests.contract.files import LINES, FilesContract, Upload, jsonl
from tests.fakes.ports import PATIENCE

PAIRS = [
    {
        "input": {"messages": [{"role": "user", "content": f"Question {number}?"}]},
        "preferred_output": [{"role": "assistant", "content": "Answer."}],
        "non_preferred_output": [{"role": "assistant", "content": "I would rather not."}],
    }
    for number in range(4)
]
ENDED = ("succeeded", "failed", "cancelled")


def wait(client: OpenAI, job_id: str, seconds: float = PATIENCE) -> Any:
    """Return the job once it has ended."""
    deadline = time.monotonic() + seconds
    while (job := client.fine_tuning.jobs.retrieve(job_id)).status not in ENDED:
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def metrics(client: OpenAI, job_id: str) -> list[dict[str, Any]]:
    """Return the numbers of a job's steps, newest first."""
    events = [one for one in client.fine_tuning.jobs.list_events(job_id) if one.type == "metrics"]
    return [cast("dict[str, Any]", one.data) for one in events]


def settings_of(job: Any) -> dict[str, Any]:
    """Return the hyperparameters of a job's method."""
    assert job.method.type == "dpo"
    return dict(job.method.dpo.hyperparameters.model_dump())


class PreferencesContract(FilesContract):
    """Subclasses give the fixtures `client`, `model` (a base model's name) and `trained` (a job that succeeded)."""

    @pytest.fixture(scope="class")
    @classmethod
    def preferring(cls, client: OpenAI, trained: Any) -> Any:
        """One job that really learned preferences, from a fine-tuned model on, with a validation file."""
        files = [client.files.create(file=("p.jsonl", jsonl(PAIRS)), purpose="fine-tune").id for _ in range(2)]
        asked = {"n_epochs": 3, "batch_size": 2, "beta": 0.5, "learning_rate_multiplier": None}
        method: Any = {"type": "dpo", "dpo": {"hyperparameters": asked}, "supervised": None}
        job = client.fine_tuning.jobs.create(
            training_file=files[0],
            validation_file=files[1],
            model=trained.fine_tuned_model,
            seed=7,
            method=method,
        )
        assert settings_of(job) == {
            "n_epochs": 3,
            "batch_size": 2,
            "beta": 0.5,
            "learning_rate_multiplier": "auto",
        }
        return wait(client, job.id)

    def test_preferences_are_learned(self, client: OpenAI, preferring: Any) -> None:
        assert preferring.status == "succeeded", preferring.error
        settings = settings_of(preferring)
        assert (settings["n_epochs"], settings["batch_size"], settings["beta"]) == (3, 2, 0.5)
        assert settings["learning_rate_multiplier"] > 0
        assert preferring.hyperparameters.n_epochs == 3
        steps = metrics(client, preferring.id)[::-1]
        assert [one["step"] for one in steps] == list(range(1, 7))
        assert steps[0]["train_loss"] == pytest.approx(math.log(2), abs=1e-4), "its reference is another model"
        assert steps[-1]["full_valid_loss"] < math.log(2)
        assert steps[-1]["full_valid_reward_margin"] > 0
        assert steps[-1]["full_valid_reward_accuracy"] == 1

    def test_a_model_that_prefers_answers_and_has_checkpoints(self, client: OpenAI, preferring: Any) -> None:
        found = list(client.fine_tuning.jobs.checkpoints.list(preferring.id))
        assert [one.step_number for one in found] == [6, 4, 2]
        for name in (preferring.fine_tuned_model, found[-1].fine_tuned_model_checkpoint):
            reply = client.chat.completions.create(
                model=name, messages=[{"role": "user", "content": "Question 1?"}], max_tokens=4, temperature=0
            )
            assert reply.model == name

    @pytest.mark.parametrize(
        ("lines", "method", "told"),
        [
            (LINES, "dpo", ("fine-tune-chat", "supervised", "dpo")),
            (PAIRS, "supervised", ("fine-tune-preference", "dpo", "supervised")),
        ],
    )
    def test_a_file_of_another_method_fails_the_job(
        self, client: OpenAI, upload: Upload, model: str, lines: Any, method: Any, told: tuple[str, str, str]
    ) -> None:
        file_id = upload(lines)
        job = client.fine_tuning.jobs.create(training_file=file_id, model=model, method={"type": method})
        error = wait(client, job.id).error
        assert (error.code, error.param) == ("invalid_file_format", "training_file")
        assert error.message == (
            f"Input file {file_id} is in the {told[0]} format, but the specified fine-tuning job is not using "
            f"'{told[1]}' as the training method (provided method={told[2]})."
        )

    @pytest.mark.parametrize("beta", [0, -0.1, 2.01, "0.1", True])
    def test_an_impossible_beta_is_refused(self, client: OpenAI, upload: Upload, model: str, beta: Any) -> None:
        method: Any = {"type": "dpo", "dpo": {"hyperparameters": {"beta": beta}}}
        with pytest.raises(openai.BadRequestError, match="'auto' or a number above 0 and at most 2") as refused:
            client.fine_tuning.jobs.create(training_file=upload(PAIRS), model=model, method=method)
        assert refused.value.param == "method.dpo.hyperparameters.beta"

    def test_a_method_that_is_not_there_is_refused(self, client: OpenAI, upload: Upload, model: str) -> None:
        graded: Any = {"type": "reinforcement", "reinforcement": {"grader": {"type": "string_check"}}}
        with pytest.raises(openai.BadRequestError, match="'reinforcement' is not available here") as refused:
            client.fine_tuning.jobs.create(training_file=upload(), model=model, method=graded)
        assert (refused.value.code, refused.value.param) == ("unsupported_value", "method.type")

    def test_settings_of_another_method_are_refused_and_not_overlooked(
        self, client: OpenAI, upload: Upload, model: str
    ) -> None:
        mixed: Any = {"type": "dpo", "supervised": {"hyperparameters": {"n_epochs": 2}}}
        with pytest.raises(openai.BadRequestError, match=r"'method.supervised' does nothing") as refused:
            client.fine_tuning.jobs.create(training_file=upload(PAIRS), model=model, method=mixed)
        assert refused.value.param == "method.supervised"
