"""What a server of the OpenAI wire API must do, asked of it with the official SDK; subclasses name the server."""

import re
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.contract.files import LINES, Upload, jsonl
from tests.contract.inference import InferenceContract
from tests.contract.line import LineContract
from tests.contract.preferences import PreferencesContract, metrics, wait


class ContractSuite(PreferencesContract, InferenceContract, LineContract):
    """Subclasses give the fixtures `client` and `model` (a base model's name)."""

    @pytest.fixture(scope="class")
    @classmethod
    def trained(cls, client: OpenAI, model: str) -> Any:
        """One job that really trained, with a validation file."""
        files = [client.files.create(file=("t.jsonl", jsonl(LINES)), purpose="fine-tune").id for _ in range(2)]
        job = client.fine_tuning.jobs.create(
            training_file=files[0],
            validation_file=files[1],
            model=model,
            suffix="My Suffix:1",
            seed=7,
            metadata={"kind": "contract"},
            method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4, "batch_size": 2}}},
        )
        assert job.status == "validating_files"
        assert job.hyperparameters.n_epochs == 4
        return wait(client, job.id)

    def test_the_job_succeeds_with_true_figures(self, trained: Any) -> None:
        assert trained.status == "succeeded", trained.error
        assert trained.error is None
        assert trained.hyperparameters.n_epochs == 4
        assert trained.hyperparameters.batch_size == 2
        assert trained.seed == 7
        assert trained.trained_tokens > 0
        assert trained.trained_tokens % 4 == 0
        assert trained.finished_at >= trained.created_at
        assert trained.organization_id.startswith("org-")
        assert trained.metadata == {"kind": "contract"}

    def test_the_models_name_is_made_as_openai_makes_it(self, trained: Any) -> None:
        assert re.fullmatch(rf"ft:{re.escape(trained.model)}:personal:my-suffix-1:\w{{8}}", trained.fine_tuned_model)
        assert trained.user_provided_suffix == "My Suffix:1"

    def test_events_tell_the_job_in_order(self, client: OpenAI, trained: Any) -> None:
        told = [event.message for event in client.fine_tuning.jobs.list_events(trained.id, limit=3)][::-1]
        assert told[0] == f"Created fine-tuning job: {trained.id}"
        assert told[1].startswith(f"Validating training file: {trained.training_file} and validation file: file-")
        assert told[2:4] == ["Files validated, moving job to queued state", "Fine-tuning job started"]
        assert told[4].startswith("Training on 4 examples: 4 epochs in batches of 2")
        assert told[5].startswith("Foreseen from three trial steps: ")
        steps = [message for message in told if message.startswith("Step ")]
        assert [step.partition(":")[0] for step in steps] == [f"Step {number}/8" for number in range(1, 9)]
        assert re.fullmatch(r"Step 8/8: training loss=\d+\.\d\d, full validation loss=\d+\.\d\d", steps[-1])
        assert [message for message in told if re.match(r"The loss of the first batch's rows fell: \d", message)]
        assert told[-2] == f"New fine-tuned model created: {trained.fine_tuned_model}"
        assert told[-1] == "The job has successfully completed"

    def test_metrics_events_carry_the_numbers(self, client: OpenAI, trained: Any) -> None:
        told = metrics(client, trained.id)
        assert {"step", "total_steps", "train_loss", "train_mean_token_accuracy"} <= set(told[0])
        assert {"full_valid_loss", "full_valid_mean_token_accuracy"} <= set(told[0])
        assert told[0]["train_loss"] < told[-1]["train_loss"]

    def test_the_last_three_epochs_are_checkpoints(self, client: OpenAI, trained: Any) -> None:
        found = list(client.fine_tuning.jobs.checkpoints.list(trained.id, limit=2))
        assert [one.step_number for one in found] == [8, 6, 4]
        assert found[0].fine_tuned_model_checkpoint == trained.fine_tuned_model
        assert found[1].fine_tuned_model_checkpoint.endswith(":ckpt-step-6")
        assert found[1].metrics.full_valid_loss is not None

    def test_the_result_file_has_one_row_a_step(self, client: OpenAI, trained: Any) -> None:
        [file_id] = trained.result_files
        rows = client.files.content(file_id).text.splitlines()
        assert rows[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
        assert [row.partition(",")[0] for row in rows[1:]] == [str(number) for number in range(1, 9)]
        assert client.files.retrieve(file_id).purpose == "fine-tune-results"

    def test_the_tuned_model_and_its_checkpoints_answer(self, client: OpenAI, trained: Any) -> None:
        names = [one.fine_tuned_model_checkpoint for one in client.fine_tuning.jobs.checkpoints.list(trained.id)]
        for name in names:
            assert client.models.retrieve(name).id == name
            reply = client.chat.completions.create(
                model=name, messages=[{"role": "user", "content": "Question 1?"}], max_tokens=4, temperature=0
            )
            assert reply.model == name
            assert reply.choices[0].finish_reason in ("stop", "length")

    def test_a_checkpoint_is_trained_further(self, client: OpenAI, trained: Any, upload: Upload) -> None:
        earlier = client.fine_tuning.jobs.checkpoints.list(trained.id).data[-1].fine_tuned_model_checkpoint
        job = client.fine_tuning.jobs.create(
            training_file=upload(), model=earlier, hyperparameters={"n_epochs": 1, "batch_size": 4}
        )
        assert job.model == earlier
        ended = wait(client, job.id)
        assert ended.status == "succeeded", ended.error
        assert ended.fine_tuned_model.split(":")[1] == trained.fine_tuned_model.split(":")[1]
        first_losses = [metrics(client, one)[-1]["train_loss"] for one in (trained.id, job.id)]
        assert first_losses[1] < first_losses[0], "it began from scratch"
        assert client.models.delete(ended.fine_tuned_model).deleted
        with pytest.raises(openai.NotFoundError) as gone:
            client.models.retrieve(ended.fine_tuned_model)
        assert gone.value.code == "model_not_found"

    def test_jobs_are_found_by_metadata(self, client: OpenAI, trained: Any) -> None:
        found = client.fine_tuning.jobs.list(metadata={"kind": "contract"}, limit=1)
        assert [job.id for job in found.data] == [trained.id]
        for others in ({"kind": "other"}, {"kind": ""}, {"kind": "contract", "more": "x"}):
            assert client.fine_tuning.jobs.list(metadata=others).data == []
        without = client.fine_tuning.jobs.list(extra_query={"metadata": "null"}, limit=100).data
        assert trained.id not in [job.id for job in without]
        assert all(job.metadata is None for job in without)
        for name, value in (
            ("metadata[]", "x"),
            ("metadata", "x"),
            ("metadata[kind", "contract"),
            ("metadata.kind", "x"),
        ):
            with pytest.raises(openai.BadRequestError, match="is no filter") as refused:
                client.fine_tuning.jobs.list(extra_query={name: value})
            assert refused.value.param == "metadata"

    @pytest.mark.parametrize(
        ("lines", "code", "words"),
        [
            (b"", "invalid_n_examples", "Training file has 0 example"),
            (b"{", "invalid_file_format", "Example 1"),
            ([*LINES, {"messages": [{"role": "asistant", "content": "x"}]}], "invalid_file_format", "Example 5"),
            ([*LINES, {"messages": [{"role": "user", "content": "x"}]}], "invalid_file_format", "Example 5"),
            ([{"prompt": "a", "completion": "b"}], "invalid_file_format", "chat messages"),
        ],
    )
    def test_faulty_data_fails_the_job_and_names_the_line(
        self, client: OpenAI, upload: Upload, model: str, lines: Any, code: str, words: str
    ) -> None:
        job = wait(client, client.fine_tuning.jobs.create(training_file=upload(lines), model=model).id)
        assert job.status == "failed"
        assert job.error.code == code
        assert words in job.error.message
        assert job.error.param == "training_file"
        last = client.fine_tuning.jobs.list_events(job.id, limit=1).data[0]
        assert (last.level, last.message) == ("error", job.error.message)

    def test_a_deleted_file_trains_nothing(self, client: OpenAI, upload: Upload, model: str) -> None:
        file_id = upload()
        client.files.delete(file_id)
        with pytest.raises(openai.BadRequestError, match=f"invalid training_file: {file_id}") as refused:
            client.fine_tuning.jobs.create(training_file=file_id, model=model)
        assert (refused.value.param, refused.value.code) == ("training_file", "invalid_file")

    def test_unknown_things_are_said(self, client: OpenAI, upload: Upload, model: str) -> None:
        with pytest.raises(openai.BadRequestError, match="invalid training_file: file-none") as refused:
            client.fine_tuning.jobs.create(training_file="file-none", model=model)
        assert refused.value.param == "training_file"
        with pytest.raises(openai.BadRequestError, match="not available for fine-tuning") as refused:
            client.fine_tuning.jobs.create(training_file=upload(), model="no-such-model")
        assert refused.value.code == "model_not_available"
        with pytest.raises(openai.NotFoundError, match="ftjob-none"):
            client.fine_tuning.jobs.retrieve("ftjob-none")
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "x"}])
        assert missing.value.code == "model_not_found"

    @pytest.mark.parametrize("epochs", [0, -1, 1.5, "3", 10**9])
    def test_impossible_epochs_are_refused(self, client: OpenAI, upload: Upload, model: str, epochs: Any) -> None:
        with pytest.raises(openai.BadRequestError, match="'auto' or a whole number from 1 to 50") as refused:
            client.fine_tuning.jobs.create(
                training_file=upload(), model=model, hyperparameters={"n_epochs": epochs}, extra_headers={}
            )
        assert refused.value.param == "hyperparameters.n_epochs"

    def test_a_suffix_of_65_characters_is_refused(self, client: OpenAI, upload: Upload, model: str) -> None:
        with pytest.raises(openai.BadRequestError, match="at most 64 characters"):
            client.fine_tuning.jobs.create(training_file=upload(), model=model, suffix="x" * 65)

    def test_nulls_are_taken_and_a_waiting_job_is_cancelled_once(
        self, client: OpenAI, upload: Upload, model: str
    ) -> None:
        made = [
            client.fine_tuning.jobs.create(
                training_file=upload(), model=model, suffix=None, seed=None, metadata=None, validation_file=None
            )
            for _ in range(2)
        ]
        for job in made:
            assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
            with pytest.raises(openai.BadRequestError, match="already completed"):
                client.fine_tuning.jobs.cancel(job.id)
        assert client.fine_tuning.jobs.retrieve(made[0].id).fine_tuned_model is None

    def test_a_base_model_is_listed_and_cannot_be_deleted(self, client: OpenAI, model: str) -> None:
        assert model in [one.id for one in client.models.list()]
        with pytest.raises(openai.PermissionDeniedError):
            client.models.delete(model)

    def test_a_streamed_answer_is_the_whole_answer_in_pieces(self, client: OpenAI, model: str) -> None:
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "temperature": 0}
        whole = client.chat.completions.create(**asked, max_tokens=8)
        pieces = list(
            client.chat.completions.create(**asked, max_tokens=8, stream=True, stream_options={"include_usage": True})
        )
        said = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
        assert said == whole.choices[0].message.content
        assert pieces[-1].usage == whole.usage.model_copy(
            update={"prompt_tokens_details": pieces[-1].usage.prompt_tokens_details}
        )

    def test_a_text_longer_than_the_context_is_refused(self, client: OpenAI, model: str) -> None:
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": "word " * 20_000}])
        assert refused.value.code == "context_length_exceeded"

    def test_unknown_urls_and_methods_have_openais_envelope(self, client: OpenAI) -> None:
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            client.get("/nothing", cast_to=object)
        with pytest.raises(openai.APIStatusError, match="Not allowed") as refused:
            client.put("/models", cast_to=object)
        assert refused.value.status_code == 405
        assert refused.value.request_id
