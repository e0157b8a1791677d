"""What a server of the OpenAI wire API must do when its models are asked otherwise than in a chat; asked by the SDK."""

from typing import Any

import openai
import pytest
from openai import OpenAI


class InferenceContract:
    """Subclasses give the fixtures `client`, `model` (a base model's name) and `trained` (a job that succeeded)."""

    def test_prompts_are_written_on_from_by_base_tuned_model_and_checkpoint(
        self, client: OpenAI, model: str, trained: Any
    ) -> None:
        tuned = [one.fine_tuned_model_checkpoint for one in client.fine_tuning.jobs.checkpoints.list(trained.id)]
        for name in (model, *tuned):
            asked: dict[str, Any] = {"model": name, "prompt": "Question 1?", "max_tokens": 6, "temperature": 0}
            whole = client.completions.create(**asked)
            assert (whole.model, whole.object) == (name, "text_completion")
            assert whole.choices[0].finish_reason in ("stop", "length")
            pieces = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
            said = "".join(piece.choices[0].text for piece in pieces if piece.choices)
            assert said == whole.choices[0].text
            assert pieces[-1].usage is not None
            assert whole.usage is not None
            assert pieces[-1].usage.total_tokens == whole.usage.total_tokens

    def test_a_prompt_longer_than_the_context_is_refused(self, client: OpenAI, model: str) -> None:
        with pytest.raises(openai.BadRequestError) as refused:
            client.completions.create(model=model, prompt="word " * 20_000)
        assert refused.value.code == "context_length_exceeded"

    def test_responses_are_the_chats_answers_for_base_tuned_model_and_checkpoint(
        self, client: OpenAI, model: str, trained: Any
    ) -> None:
        tuned = [one.fine_tuned_model_checkpoint for one in client.fine_tuning.jobs.checkpoints.list(trained.id)]
        for name in (model, *tuned):
            chat = client.chat.completions.create(
                model=name,
                messages=[{"role": "user", "content": "Question 1?"}],
                max_completion_tokens=16,
                temperature=0,
            )
            asked: dict[str, Any] = {"model": name, "input": "Question 1?", "max_output_tokens": 16, "temperature": 0}
            whole = client.responses.create(**asked)
            assert whole.model == name
            assert whole.output_text == chat.choices[0].message.content
            events = list(client.responses.create(**asked, stream=True))
            assert [event.sequence_number for event in events] == list(range(len(events)))
            assert events[0].type == "response.created"
            assert events[-1].type == f"response.{whole.status}"
            assert "".join(one.delta for one in events if one.type == "response.output_text.delta") == whole.output_text

    def test_texts_become_vectors_of_length_one(self, client: OpenAI) -> None:
        listed = [one.id for one in client.models.list()]
        for form in (openai.omit, "float"):
            made = client.embeddings.create(
                model="text-embedding-3-small", input=["the sea", "the house"], encoding_format=form
            )
            assert made.model in listed
            assert [row.index for row in made.data] == [0, 1]
            assert [round(sum(value * value for value in row.embedding), 4) for row in made.data] == [1, 1]
            assert made.usage.prompt_tokens == made.usage.total_tokens > 0
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model="text-embedding-3-small", input="")
