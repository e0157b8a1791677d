"""What training would take, asked over the service: prices before OpenAI, measured minutes before an engine."""

import io
import json
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from config import EngineConfig
from engine.app import create_engine
from engine.trainer.recipe import Requested, settle
from services.address import Address
from services.client import Upstream
from services.failures import MARK
from services.files import Incoming
from services.fine_tuning import FineTuning
from services.makers import OWNER
from services.outlook import MAX_COUNTED_BYTES, Outlook, speed_of
from tests.fakes.openai_upstream import FILE_ID, FINE_TUNED, FakeOpenAI, Fault, refusal
from tests.fakes.ports import free_port
from wire.errors import BadRequest

LINE = b'{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Since dusk."}]}\n'
PAIR = (
    b'{"input": {"messages": [{"role": "user", "content": "Lit?"}]}, "preferred_output": [{"role": "assistant",'
    b' "content": "Yes."}], "non_preferred_output": [{"role": "assistant", "content": "No."}]}\n'
)


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    server = FakeOpenAI()
    yield server
    server.close()


def outlook(base_url: str, *, priced: bool = False) -> Outlook:
    upstream = Upstream(Address(base_url))
    return Outlook(upstream, FineTuning(upstream), "gpt-4o-mini", priced=priced)


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


def test_before_another_upstream_a_cost_is_unknown_with_the_reason(fake: FakeOpenAI) -> None:
    cost = outlook(fake.base_url).look_ahead(sent(), "gpt-4.1-2025-04-14")["response"]["cost"]
    assert cost["usd"] is None
    assert "the upstream is not OpenAI" in cost["formula"]


@pytest.mark.parametrize("epochs", ["0", "51", "two", "1.5", "-1", "9" * 5000, "0500000", "00", "05", "５"])
def test_epochs_that_are_none_are_refused(fake: FakeOpenAI, epochs: str) -> None:
    with pytest.raises(BadRequest) as refused:
        outlook(fake.base_url).look_ahead(sent(), epochs=epochs)
    assert refused.value.param == "epochs"


def of_owner(base_url: str, owner: str) -> Outlook:
    everybodys = outlook(base_url)
    return everybodys.acting_for(everybodys._jobs.acting_for(owner))


@pytest.mark.parametrize(("owner", "known"), [("key_red", True), ("key_blue", False)])
def test_minutes_follow_from_ones_own_jobs_alone(fake: FakeOpenAI, owner: str, known: bool) -> None:
    succeeded(fake)["metadata"] = {OWNER: "key_red"}
    found = of_owner(fake.base_url, owner).look_ahead(sent())["response"]
    assert (found["duration"]["minutes"] is not None) is known


@pytest.mark.parametrize(("owner", "asked"), [("key_red", 1), ("key_blue", 0)])
def test_an_engine_is_asked_to_count_for_ones_own_model_alone(fake: FakeOpenAI, owner: str, asked: int) -> None:
    fake.new_job({"model": "m", "training_file": FILE_ID, "metadata": {OWNER: "key_red"}})
    fake.finish()
    fake.fail("GET /v1/models", Fault("status", 200, raw=b"{}", headers={MARK: "1"}))
    found = of_owner(fake.base_url, owner).look_ahead(sent(), FINE_TUNED)["response"]
    assert fake.count("POST /v1/token_counts") == asked
    assert ("did not count: The model `ft:" in found["counted"]) is not bool(asked)


def succeeded(fake: FakeOpenAI) -> dict[str, Any]:
    job = fake.new_job({"model": "m", "training_file": FILE_ID})
    job.update(status="succeeded", created_at=1000, finished_at=1100, trained_tokens=5000)
    return job


def step(number: int, at: int) -> dict[str, Any]:
    return {"created_at": at, "data": {"step": number, "total_steps": 96}}


def test_the_speed_is_that_of_the_steps_not_of_the_wait_before_them(fake: FakeOpenAI) -> None:
    events = [{"created_at": 1100, "data": {}}, step(96, 1098), step(60, 1070), step(48, 1050), {"created_at": 1000}]
    assert speed_of(succeeded(fake), events) == 5000 * 48 / 96 / 48


@pytest.mark.parametrize("events", [[], [step(96, 1098)], [step(96, 1050), step(95, 1050)]])
def test_without_two_steps_a_second_apart_the_whole_job_is_the_measure(fake: FakeOpenAI, events: Any) -> None:
    assert speed_of(succeeded(fake), events) == 50


def test_nobody_but_an_engine_is_sent_a_file_to_look_at(fake: FakeOpenAI) -> None:
    found = outlook(fake.base_url).look_ahead(sent())["response"]
    assert found["counted"].startswith("o200k_base, the encoding of gpt-4o-mini")
    assert "upstream" not in found["counted"]
    assert {one.method for one in fake.seen} == {"GET"}


@pytest.fixture(scope="module")
def engine(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real engine over a socket; its base URL."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "tiny.gguf").symlink_to(tiny_gguf)
    app = create_engine(EngineConfig(data_dir=folder, base_model=str(folder / "tiny.gguf"), context_tokens=64))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/v1"
    server.shutdown()
    thread.join()
    app.extensions["engine"].store.close()


def test_an_engine_counts_by_its_own_tokenizer(engine: str) -> None:
    found = outlook(engine).look_ahead(sent(), epochs="2")["response"]
    assert found["counted"] == "by the tokenizer of tiny, as the trainer renders it"
    assert found["statistics"]["tokens"] == {
        "count": 20, "total": 20 * 35, "least": 35, "p5": 35, "p50": 35, "p95": 35, "most": 35, "mean": 35,
    }  # fmt: skip
    assert found["statistics"]["answer_tokens"]["total"] == 20 * 11
    assert found["statistics"]["roles"] == {"user": 20, "assistant": 20}
    assert found["cost"]["tokens"] == 2 * 20 * 35


@pytest.mark.parametrize("rows", [12, 100, 5000])
@pytest.mark.parametrize("line", [LINE, PAIR])
def test_an_engines_epochs_are_those_that_its_trainer_will_make(engine: str, rows: int, line: bytes) -> None:
    file = Incoming("a.jsonl", "application/jsonl", MAX_COUNTED_BYTES + 1, io.BytesIO(rows * line))  # not counted: soon
    found = outlook(engine).look_ahead(file)["response"]
    made = settle(Requested(), rows, pairs=line == PAIR).n_epochs
    assert found["epochs"]["epochs"] == made
    assert found["cost"]["tokens"] == made * found["statistics"]["tokens"]["total"]
    assert found["epochs"]["formula"].endswith(f": {made}")


def test_what_the_trainer_cannot_encode_is_said_and_counted_as_before(engine: str) -> None:
    lines = LINE + b'{"messages": [{"content": "x"}]}\n'
    found = outlook(engine).look_ahead(Incoming("a", "application/jsonl", len(lines), io.BytesIO(lines)))["response"]
    assert found["counted"].startswith("o200k_base, ")
    assert found["counted"].endswith("; the upstream did not count: Line 2 has a message without a role.")
    assert found["statistics"]["examples"] == 2


def test_a_file_that_would_take_too_long_is_not_sent(engine: str) -> None:
    large = Incoming("a", "application/jsonl", MAX_COUNTED_BYTES + 1, io.BytesIO(LINE))
    found = outlook(engine).look_ahead(large)["response"]
    assert found["counted"].endswith("; the upstream did not count: the file is over 32 MB.")
    assert found["statistics"]["examples"] == 1


def test_a_model_that_the_engine_does_not_know_is_said_and_counted_as_before(engine: str) -> None:
    found = outlook(engine).look_ahead(sent(), "no-such-model")["response"]
    assert found["counted"].startswith("o200k_base, for that of 'no-such-model' is not known: ")
    assert "; the upstream did not count: The model `no-such-model` does not exist" in found["counted"]


def test_a_server_without_jobs_is_no_reason_to_say_anything(fake: FakeOpenAI) -> None:
    fake.fail("GET /v1/fine_tuning/jobs", refusal(404, "Invalid URL (GET /v1/fine_tuning/jobs)", None))
    found = outlook(fake.base_url).look_ahead(sent())["response"]
    assert "upstream" not in found["counted"]


SUCCEEDED: dict[str, Any] = {"id": "j", "status": "succeeded", "created_at": 1, "finished_at": 9, "trained_tokens": 5}


@pytest.mark.parametrize(
    "data",
    [
        None,
        "jobs",
        [None],
        ["job"],
        [SUCCEEDED | {"trained_tokens": "many"}],
        [SUCCEEDED | {"trained_tokens": 10**400}],
    ],
)
def test_jobs_in_shapes_of_somebody_elses_leave_the_minutes_unknown(fake: FakeOpenAI, data: Any) -> None:
    page = json.dumps({"object": "list", "data": data}).encode()
    fake.fail("GET /v1/fine_tuning/jobs", Fault("raw", raw=page))
    found = outlook(fake.base_url).look_ahead(sent())["response"]
    assert found["duration"]["minutes"] is None
    assert found["statistics"]["examples"] == 20


@pytest.mark.parametrize("events", [[None], [step(9, 5) | {"data": {"step": 9, "total_steps": 0}}, step(1, 1)]])
def test_events_in_shapes_of_somebody_elses_leave_the_minutes_unknown(fake: FakeOpenAI, events: Any) -> None:
    job = succeeded(fake)
    fake.fail(f"GET /v1/fine_tuning/jobs/{job['id']}/events", Fault("raw", raw=json.dumps({"data": events}).encode()))
    assert outlook(fake.base_url).look_ahead(sent())["response"]["duration"]["minutes"] is None


def test_openai_trains_what_has_a_price_and_lives(fake: FakeOpenAI) -> None:
    openai = outlook(fake.base_url, priced=True)
    living = ["gpt-4o", "gpt-4.1-mini-2025-04-14", "ft:gpt-4o-mini-2024-07-18:personal:x:12345678"]
    others = ["gpt-5.6-terra", "gpt-3.5-turbo-0125", "o3", "gpt-4o-search-preview"]
    assert openai.trainable([*living, *others], date(2026, 11, 23)) == living
    assert openai.trainable(living, date(2027, 1, 14)) == []
    assert outlook(fake.base_url).trainable(others, date(2026, 11, 23)) == others
