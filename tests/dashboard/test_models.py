"""The page of models: one's own with what may be done with them, and everybody's."""

from typing import Any

from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import CHECKPOINT, FINE_TUNED, JOB_ID, FakeOpenAI

PAGE = "/dashboard/models"


def test_base_models_are_everybodys_and_are_not_deleted(reader: Reader) -> None:
    page = reader.get(PAGE).get_data(as_text=True)
    assert "gpt-<wbr>4o" in page
    assert "None yet" in page
    assert "/delete" not in page


def test_ones_own_models_lead_to_chat_job_and_training(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI
) -> None:
    upstream.finish()
    page = reader.get(PAGE).get_data(as_text=True)
    assert all(name in page for name in (FINE_TUNED, CHECKPOINT, "as it was after step 44"))
    assert f'href="/dashboard/playground?model={FINE_TUNED}"' in page
    assert f'href="/dashboard/new-job?model={FINE_TUNED}"' in page
    assert f'href="/dashboard/jobs/{JOB_ID}"' in page
    assert "Ollama" not in page, "OpenAI gives out no weights"


def test_a_model_is_deleted_and_the_others_shown(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    reply = reader.send(f"{PAGE}/{FINE_TUNED}/delete", {})
    assert (reply.status_code, reply.headers["Location"]) == (303, PAGE)
    assert upstream.deleted == {FINE_TUNED}
