"""What training would take, asked over the service: prices before OpenAI, measured minutes before an engine."""

import io
from collections.abc import Iterator

import pytest

from services.client import Address, Upstream
from services.files import Incoming
from services.fine_tuning import FineTuning
from services.outlook import Outlook
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI
from tests.fakes.ports import free_port
from wire.errors import BadRequest

LINE = b'{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Since dusk."}]}\n'


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    server = FakeOpenAI()
    yield server
    server.close()


def outlook(base_url: str, *, priced: bool = False) -> Outlook:
    return Outlook(FineTuning(Upstream(Address(base_url))), "gpt-4o-mini", priced=priced)


def sent() -> Incoming:
    return Incoming("a.jsonl", "application/jsonl", 20 * len(LINE), io.BytesIO(20 * LINE))


def test_an_engines_minutes_follow_from_its_newest_succeeded_job(fake: FakeOpenAI) -> None:
    job = fake.new_job({"model": "m", "training_file": FILE_ID})
    job.update(status="succeeded", created_at=1000, finished_at=1100, trained_tokens=5000)
    found = outlook(fake.base_url).look_ahead(sent(), epochs="2")["response"]
    tokens = found["statistics"]["tokens"]["total"]
    assert found["duration"]["minutes"] == pytest.approx(2 * tokens / 50 / 60)
    assert found["cost"]["usd"] is None


def test_an_upstream_that_is_away_leaves_the_minutes_unknown() -> None:
    found = outlook(f"http://127.0.0.1:{free_port()}/v1").look_ahead(sent())["response"]
    assert found["duration"]["minutes"] is None
    assert found["statistics"]["examples"] == 20


def test_before_openai_there_is_a_price_or_a_reason_why_not(fake: FakeOpenAI) -> None:
    found = outlook(fake.base_url, priced=True).look_ahead(sent(), "some-model")["response"]
    assert found["cost"]["usd"] is None
    assert "some-model" in found["cost"]["formula"]


@pytest.mark.parametrize("epochs", ["0", "51", "two", "1.5", "-1", "9" * 5000])
def test_epochs_that_are_none_are_refused(fake: FakeOpenAI, epochs: str) -> None:
    with pytest.raises(BadRequest) as refused:
        outlook(fake.base_url).look_ahead(sent(), epochs=epochs)
    assert refused.value.param == "epochs"
