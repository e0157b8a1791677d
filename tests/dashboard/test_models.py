"""The page of models: one's own with what may be done with them, and everybody's."""

import html
import re
from typing import Any

import pytest

from services.outlook import Outlook
from services.registry import Registry
from tests.dashboard.conftest import MOST_BYTES, Reader
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
    assert f'<summary aria-label="Delete {FINE_TUNED}">Delete</summary>' in page
    assert "Ollama" not in page, "OpenAI gives out no weights"


def test_many_models_come_in_pages_that_are_light(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[str, Any] = {"kind": "tuned", "base": "base", "job_id": JOB_ID, "created": None, "shutdown_date": None}
    many = [{**row, "id": f"ft:base:me:{number}:", "created": 1_700_000_000 + number} for number in range(100)]
    base = {**row, "id": "base", "kind": "base"}
    monkeypatch.setattr(Registry, "all", lambda _: [base, *many])
    monkeypatch.setattr(Outlook, "is_engine", lambda _: True)
    seen, page = list[str](), reader.get(PAGE)
    while True:
        assert page.status_code == 200
        assert reader.transferred(page) < MOST_BYTES
        text = page.get_data(as_text=True)
        seen += re.findall(r'/playground\?model=(ft:base:me:\d+:)"', text)
        more = re.search(r'href="([^"]*after=[^"]*)"', text)
        if more is None:
            break
        page = reader.get(html.unescape(more[1]))
    assert seen == [model["id"] for model in reversed(many)]
    assert "another name" not in text
    assert reader.get(f"{PAGE}?after=nope").status_code == 404


def test_a_model_is_deleted_and_the_others_shown(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    reply = reader.send(f"{PAGE}/{FINE_TUNED}/delete", {})
    assert (reply.status_code, reply.headers["Location"]) == (303, PAGE)
    assert upstream.deleted == {FINE_TUNED}
