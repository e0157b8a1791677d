"""What the service tells in English has its Chinese: each documented code, and each sentence of a job."""

import ast
import re
import tomllib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

import services.outlook
from dashboard.told import CATALOGUE, retell, tell
from dataprep.conversion.ledger import REASONS, explain
from dataprep.estimate import Price, estimate_cost, estimate_epochs, estimate_minutes, load_prices
from dataprep.fixing import fix, mending
from dataprep.outlook import look_ahead
from dataprep.records import Kind
from engine import lifecycle, parity
from engine.trainer import outcome
from engine.trainer.recipe import Recipe, Requested, cut_in_words, in_words
from tests.dashboard.conftest import Reader
from tests.dashboard.test_data import GOOD, PAGE, TALK
from tests.fakes.openai_upstream import FakeOpenAI
from tests.test_data_docs import rows_under
from tests.test_error_codes import JOB_ROW, ROW, section

CHINESE = {"Accept": "text/html", "Accept-Language": "zh-CN"}


def catalogue() -> dict[str, dict[str, str]]:
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


def mends() -> Iterator[str]:
    """What a mended copy's changes are called."""
    for file in Path(fix.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            told = node.args if isinstance(node, ast.Call) and _names(node.func) & _TELLING else ()
            yield from (str(one.value) for one in told if isinstance(one, ast.Constant) and _is_code(one.value))
    yield from fix._WORDS
    yield from (code for code, *_ in mending._ODD)


_TELLING = {"add", "_drop", "Mend", "Record", "append"}


def _names(function: ast.expr) -> set[str]:
    return {getattr(function, "id", ""), getattr(function, "attr", "")}


def _is_code(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"mask|recode|[a-z]+(_[a-z]+)+", value) is not None


def test_every_code_has_its_chinese_and_no_other_is_kept() -> None:
    found = {code for row in rows_under("Checks") for code in re.findall(r"`(\w+)`", row[1])}
    table = section("## Fine-tuning").partition("| `error.code` |")[2].partition("\n\n")[0]
    jobs = {code for row in JOB_ROW.findall(table) for code in re.findall(r"\w+", row)}
    known = catalogue()
    assert known["findings"].keys() == found
    assert known["failures"].keys() == {code for code, *_ in ROW.findall(section("## Error codes"))} | jobs
    assert known["mends"].keys() == {*mends()}
    assert known["reasons"].keys() == REASONS.keys() | {"dropped", "cut", "failed_check"}
    assert known["kinds"].keys() == {kind.name.lower() for kind in Kind}
    assert [
        words for kind in known.values() for words in kind.values() if not re.search(r"[\u4e00-\u9fff]", words)
    ] == []


def test_a_reason_is_put_together_of_what_it_is_about() -> None:
    assert tell("zh", "reasons", "red_packet_dropped", explain("red_packet_dropped")) == "红包：没有可学的内容"
    assert "样本与前面的某一个完全相同" in tell("zh", "reasons", "failed_check_duplicate_example")
    assert tell("en", "reasons", "blank", explain("blank")) == "nothing stands there"


def test_what_nobody_has_put_into_chinese_stays_as_it_is_told() -> None:
    assert tell("zh", "failures", "quota_of_another_upstream", "Pay first.") == "Pay first."
    assert retell("zh", "Fine-tuning job started; and something new.") == "Fine-tuning job started; and something new."
    assert retell("en", lifecycle.STARTED) == lifecycle.STARTED


LOSSES = [{"train_loss": loss} for loss in (3.0, 2.0)]
PLAN = Recipe(n_epochs=3, batch_size=2, learning_rate_multiplier=1.0, steps_per_epoch=3)
SENTENCES = [
    lifecycle.created("ftjob-1"),
    lifecycle.validating("file-1", None),
    lifecycle.validating("file-1", "file-2"),
    lifecycle.VALIDATED,
    lifecycle.COMPLETED,
    lifecycle.CANCELLED_BY_CALLER,
    lifecycle.PAUSED_BY_CALLER,
    lifecycle.RESUMED_BY_CALLER,
    lifecycle.waiting(2),
    lifecycle.step({"step": 1, "total_steps": 9, "train_loss": 2.0}),
    lifecycle.step({"step": 1, "total_steps": 9, "train_loss": 2.0, "valid_loss": 2.0}),
    lifecycle.step({"step": 1, "total_steps": 9, "train_loss": 2.0, "valid_loss": 2.0, "full_valid_loss": 2.0}),
    *(said["message"] for said in lifecycle.begun(2048, 512)),
    lifecycle.checkpoint_created(3, "ft:a:b:c:d"),
    lifecycle.model_created("ft:a:b:c:d"),
    in_words(PLAN, Requested(), 1, bare=True),
    in_words(PLAN, Requested(n_epochs=3, batch_size=2), 6, cut_in_words(1, 2)),
    outcome.judge(outcome.Figures(2.0, 1.0, 1.0, 3, 2, told_apart=True), []).message,
    outcome.judge(outcome.Figures(1.0, 2.0, 1.0, 3, 0, told_apart=True), LOSSES).message,
    parity.judge([parity.Position(True, 0.0, 0.0)]).message,
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_job_tells_its_story_in_chinese(sentence: str) -> None:
    told = retell("zh", sentence)
    assert re.search(r"[\u4e00-\u9fff]", told)
    assert not re.search(r"\b(?:the|of|and|at|with)\b", told)


def test_how_tokens_were_counted_is_said_in_chinese() -> None:
    for model in ("gpt-4o-mini-2024-07-18", "nobody-s"):
        assert "编码" in retell("zh", look_ahead(BytesIO(GOOD), model, {}).counted)


ESTIMATES = [
    *(estimate_epochs(examples).formula for examples in (0, 5, 50, 9000)),
    *(services.outlook._epochs_of_engine(12, pairs=pairs).formula for pairs in (False, True)),
    *(estimate_cost([40], 3, model, load_prices()).formula for model in (*load_prices(), "nobody-s")),
    *(estimate_cost([40], 3, "m", {"m": Price("m", 5.0, max_example_tokens=limit)}).formula for limit in (None, 9)),
    estimate_cost([40], 3, "m", {"m": Price("m", note=services.outlook._UNPRICED)}).formula,
    *(estimate_minutes(341, 3, speed).assumes for speed in (None, 12.5)),
]


@pytest.mark.parametrize("formula", ESTIMATES)
def test_an_estimate_gives_its_grounds_in_chinese(formula: str) -> None:
    told = retell("zh", formula)
    assert re.search(r"[\u4e00-\u9fff]", told)
    assert not re.search(r"\b(?:the|of|and|at|with|is|no|in)\b", told)


def drop(reader: Reader, name: str, content: bytes, **fields: str) -> str:
    data = {"files": (BytesIO(content), name), **fields}
    return reader.client.post(PAGE, data=data, headers=CHINESE | {"HX-Request": "true"}).get_data(as_text=True)


def test_findings_are_said_in_chinese_with_the_values_beneath(reader: Reader) -> None:
    page = drop(reader, "bees.jsonl", GOOD.replace(b'"assistant"', b'"Assistant"', 1))
    assert "第 1 行 · 有一条消息的 role 不认识" in page
    assert '<p class="hint" lang="en">Line 1: role &#39;Assistant&#39; is not known.' in page
    for step in ("upload", "fix"):
        page = drop(reader, "bees.jsonl", GOOD.replace(b'"messages"', b'"massages"', 1), step=step)
        assert "第 1 行 · 样本没有 messages" in page


def test_warnings_of_a_conversion_are_said_in_words(reader: Reader) -> None:
    assert "样本较少" in drop(reader, "talk.json", TALK, me="Bob")


def test_a_failure_is_said_in_chinese(reader: Reader, upstream: FakeOpenAI) -> None:
    page = reader.client.get("/dashboard/jobs/nope", headers=CHINESE).get_data(as_text=True)
    assert "没有这个任务。" in page
    assert '<p class="hint" lang="en">' in page
