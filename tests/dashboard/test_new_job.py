"""The form that starts a training: it offers what there is, and starts one job however often it is sent."""

import re
from typing import Any

import pytest

from app import create_app
from config import ServiceConfig
from tests.dashboard.conftest import Reader
from tests.dashboard.test_data import drop
from tests.fakes.openai_upstream import FILE_ID, FINE_TUNED, JOB_ID, FakeOpenAI, refusal

PAGE = "/dashboard/new-job"
CREATE = "POST /v1/fine_tuning/jobs"
PAIRS = b"".join(
    b'{"input": {"messages": [{"role": "user", "content": "Lit at %d?"}]}, "preferred_output": [{"role": "assistant",'
    b' "content": "Since dusk."}], "non_preferred_output": [{"role": "assistant", "content": "No idea."}]}\n' % hour
    for hour in range(12)
)


def filled(**more: str) -> dict[str, str]:
    """The form as a browser sends it, empty fields too."""
    empty = dict.fromkeys(("validation_file", "suffix", "n_epochs", "batch_size", "beta", "seed", "method"), "")
    return {"training_file": FILE_ID, "model": "gpt-4o", **empty, "once": "a" * 32, **more}


def test_it_offers_files_and_models_and_chooses_what_a_link_says(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI
) -> None:
    upstream.finish()
    page = reader.get(f"{PAGE}?training_file={FILE_ID}&model={FINE_TUNED}").get_data(as_text=True)
    assert f'<option value="{FILE_ID}" selected>train.jsonl' in page
    assert f"<option selected>{FINE_TUNED}</option>" in page
    once = [re.findall(r'name="once" value="(\w+)"', reader.get(PAGE).get_data(as_text=True))[0] for _ in range(2)]
    assert once[0] != once[1]


def test_only_what_can_be_trained_is_offered(
    reader: Reader, config: ServiceConfig, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offered(reader: Reader) -> list[str]:
        models = reader.get(PAGE).get_data(as_text=True).partition('name="model"')[2].partition("</select>")[0]
        return re.findall(r"<option [^>]*>([^<]+)<", models)

    upstream.new_file("train.jsonl", 1709)
    upstream.others = ["whisper-1", "text-embedding-3-small", "gpt-5.6-terra", "tts-1"]
    assert offered(reader) == [config.default_model, "gpt-4o", "gpt-5.6-terra"]
    monkeypatch.setattr("services.address.OPENAI_URL", upstream.base_url)
    assert "gpt-5.6-terra" not in offered(Reader(create_app(config).test_client()))


def test_a_file_that_is_gone_is_said_and_no_other_takes_its_place(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI
) -> None:
    upstream.new_file("another.jsonl", 1709)
    del upstream.files[FILE_ID]
    page = reader.get(f"{PAGE}?training_file={FILE_ID}").get_data(as_text=True)
    assert f"There is no file {FILE_ID} any more" in page
    assert '<option value="">choose a file</option>' in page, "else a browser takes the first"
    assert " selected>another" not in page


def test_a_file_older_than_the_list_is_offered_all_the_same(
    reader: Reader, job: dict[str, Any], upstream: FakeOpenAI
) -> None:
    for number in range(100):
        upstream.new_file(f"{number}.jsonl", 1709)
    page = reader.get(f"{PAGE}?training_file={FILE_ID}").get_data(as_text=True)
    assert f'<option value="{FILE_ID}" selected>train.jsonl' in page
    assert "any more" not in page


def test_sent_twice_it_starts_one_job_and_shows_it(reader: Reader, upstream: FakeOpenAI) -> None:
    upstream.new_file("train.jsonl", 1709)
    for _ in range(2):
        reply = reader.send(PAGE, filled(n_epochs="3", suffix="bees"))
        assert (reply.status_code, reply.headers["Location"]) == (303, f"/dashboard/jobs/{JOB_ID}")
    assert upstream.count(CREATE) == 1
    asked = upstream.last(CREATE).json
    assert (asked["model"], asked["suffix"], asked["hyperparameters"]) == ("gpt-4o", "bees", {"n_epochs": 3})
    assert "validation_file" not in asked


def test_a_file_of_preferences_is_trained_on_as_such(reader: Reader, upstream: FakeOpenAI) -> None:
    page = drop(reader, "pairs.jsonl", PAIRS, step="upload")
    assert f"training_file={FILE_ID}&amp;method=dpo" in page
    reader.send(PAGE, filled(n_epochs="3"))
    asked = upstream.last(CREATE).json
    assert asked["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 3}}}
    assert "hyperparameters" not in asked


def test_what_the_upstream_does_not_give_out_is_trained_on_as_chosen(reader: Reader, upstream: FakeOpenAI) -> None:
    upstream.new_file("pairs.jsonl", 1709)
    upstream.fail(f"GET /v1/files/{FILE_ID}/content", *[refusal(400, "Not allowed to download files", None)] * 2)
    assert '<option value="dpo" selected>' in reader.get(f"{PAGE}?method=dpo").get_data(as_text=True)
    reader.send(PAGE, filled(method="dpo", beta="0.2"))
    assert upstream.last(CREATE).json["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}}
    reader.send(PAGE, filled(once="b" * 32))
    assert "method" not in upstream.last(CREATE).json


def test_every_setting_arrives_as_the_number_that_it_is(reader: Reader, upstream: FakeOpenAI) -> None:
    upstream.new_file("train.jsonl", 1709)
    reader.send(PAGE, filled(batch_size="4", learning_rate_multiplier="0.5", seed="9527", method="supervised"))
    asked = upstream.last(CREATE).json
    assert asked["hyperparameters"] == {"batch_size": 4, "learning_rate_multiplier": 0.5}
    assert asked["seed"] == 9527


def test_what_is_wrong_is_said_and_nothing_started(reader: Reader, upstream: FakeOpenAI) -> None:
    upstream.new_file("train.jsonl", 1709)
    for wrong in ({"n_epochs": "many"}, {"n_epochs": "51"}, {"training_file": ""}, {"beta": "0.2"}, {"seed": "1.5"}):
        reply = reader.send(PAGE, filled(**wrong))
        assert reply.status_code == 400
        assert next(iter(wrong)) in reply.get_data(as_text=True)
    assert upstream.count(CREATE) == 0


def test_a_mended_file_leads_to_its_method(reader: Reader, upstream: FakeOpenAI) -> None:
    page = drop(reader, "pairs.jsonl", b"\xef\xbb\xbf" + PAIRS, step="fix")
    assert f"training_file={FILE_ID}&amp;method=dpo" in page
