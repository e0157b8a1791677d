"""The integration of a job as a caller gives and sees it, by the official SDK."""

import io
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from config import EngineConfig
from engine.app import create_engine
from tests.fakes.bare_gguf import BARE

LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n'


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    folder = tmp_path_factory.mktemp("engine")
    (folder / "base.gguf").write_bytes(BARE)
    app = create_engine(EngineConfig(data_dir=folder / "data", base_model=str(folder / "base.gguf")))
    http = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    with OpenAI(api_key="unused", base_url="http://localhost/v1", http_client=http, max_retries=0) as made:
        yield made
    app.extensions["engine"].store.close()


def create(client: OpenAI, *wandb: dict[str, Any], **extra: Any) -> Any:
    file = client.files.create(purpose="fine-tune", file=("t.jsonl", io.BytesIO(LINE)))
    integrations: Any = [{"type": "wandb", "wandb": one} for one in wandb]
    return client.fine_tuning.jobs.create(model="base", training_file=file.id, integrations=integrations, **extra)


def test_a_job_shows_its_integration_with_the_runs_id_and_openais_tags(client: OpenAI) -> None:
    job = create(client, {"project": "p", "name": "n", "entity": "e", "tags": ["mine", "openai/finetune"]})
    [shown] = client.fine_tuning.jobs.retrieve(job.id).integrations or []
    assert shown.to_dict() == {
        "type": "wandb",
        "wandb": {
            "project": "p",
            "entity": "e",
            "name": "n",
            "run_id": job.id,
            "tags": ["mine", "openai/finetune", "openai/base", f"openai/{job.id}"],
        },
    }


def test_what_is_not_given_is_null_and_nulls_are_taken(client: OpenAI) -> None:
    for asked in ({"project": "p"}, {"project": "p", "name": None, "entity": None, "tags": None}):
        [shown] = create(client, asked).integrations
        assert (shown.wandb.name, shown.wandb.entity) == (None, None)


def test_a_job_without_has_none(client: OpenAI) -> None:
    assert create(client).integrations == []


@pytest.mark.parametrize(
    ("wandb", "param", "words"),
    [
        ({}, "integrations.0.wandb.project", "Missing required parameter"),
        ({"project": ""}, "integrations.0.wandb.project", "must not be empty"),
        ({"project": "p", "tags": ["x" * 65]}, "integrations.0.wandb.tags.0", "at most 64 characters"),
        ({"project": "p", "tags": ["x"] * 51}, "integrations.0.wandb.tags", "at most 50 tags; it has 51"),
        ({"project": "p", "tag": ["x"]}, "integrations.0.wandb.tag", "Did you mean 'tags'"),
        ({"project": "p", "base_url": "http://127.0.0.1"}, "integrations.0.wandb.base_url", "Known parameters: entity"),
    ],
)
def test_what_is_wrong_is_named(client: OpenAI, wandb: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        create(client, wandb)
    assert (refused.value.param, words in refused.value.message) == (param, True), refused.value.message


def test_other_integrations_and_a_second_one_are_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="reports a job to one project") as refused:
        create(client, {"project": "p"}, {"project": "q"})
    assert refused.value.code == "unsupported_value"
    with pytest.raises(openai.BadRequestError, match="It must be 'wandb'") as refused:
        create(client, extra_body={"integrations": [{"type": "mlflow", "wandb": {"project": "p"}}]})
    assert refused.value.param == "integrations.0.type"
