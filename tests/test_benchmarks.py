"""The page of benchmarks says of each bar whether it is met, from figures; how good they are is no test's matter."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from bench import benchmarks, load, report, servers
from bench.gateway import EXPECTED, body
from bench.report import Report, Row

GATEWAY = Report("Gateway", "In turns.", [], {"flask": "3"})


@pytest.mark.parametrize(
    ("row", "bar", "verdict"),
    [
        (Row("c", 70, "/s", "LiteLLM", 10, at_least=7), "at least 7 times", "met"),
        (Row("c", 69, "/s", "LiteLLM", 10, at_least=7), "at least 7 times", "NOT met"),
        (Row("c", 3, "us", "plain", 4, at_most=0.75), "at most 0.75 times", "met"),
        (Row("c", 3.1, "us", "plain", 4, at_most=0.75), "at most 0.75 times", "NOT met"),
        (Row("c", 0.3, "s", at_most=0.3), "at most 0.3 s", "met"),
        (Row("c", 0.4, "s", at_most=0.3), "at most 0.3 s", "NOT met"),
        (Row("c", 500, "", at_least=500), "at least 500", "met"),
        (Row("c", 70, "/s", "LiteLLM", None, at_least=7), "at least 7 times", "not measured"),
        (Row("c", 70, "/s", "LiteLLM", 0, at_least=7), "at least 7 times", "not measured"),
        (Row("c", 70, "/s", "Portkey", 10), "", ""),
    ],
)
def test_a_bar_is_on_the_ratio_or_without_a_peer_on_our_own_figure(row: Row, bar: str, verdict: str) -> None:
    assert (row.bar, row.verdict) == (bar, verdict)


def test_the_page_counts_the_bars_and_names_what_is_missed_and_what_was_not_measured() -> None:
    rows = [Row("fast", 70, "/s", "LiteLLM", 10, at_least=7), Row("slow", 6, "/s", "LiteLLM", 10, at_least=7)]
    gateway = Report("Gateway", "In turns.", rows, {"flask": "3"})
    told: dict[str, Report | str] = {"gateway": gateway, "start": "it ended with 1"}
    page = benchmarks.page(told, "2 cores", "2026-11-30")
    assert "1 bars met, 1 NOT met, 1 measurements without a figure." in page
    assert "- Gateway: slow\n- `bench.start` was not measured: it ended with 1." in page
    assert "| slow | 6 /s | LiteLLM | 10 /s | 0.60 | at least 7 times | NOT met |" in page
    assert "Versions: flask 3." in page
    assert "2026-11-30, 2 cores." in page


def test_a_report_is_read_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Report("Gateway", "In turns.", [Row("c", 7, "/s", "LiteLLM", 1, at_least=7)], {"flask": "3"})
    monkeypatch.setattr(sys, "argv", ["bench", "--short", "--rows", str(tmp_path / "rows.json")])
    report.main(lambda short: told if short else GATEWAY)
    assert report.read(tmp_path / "rows.json") == told
    assert "at least 7 times  met" in capsys.readouterr().out


def test_a_measurement_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    assert benchmarks.run("no_such_script", tmp_path, short=True) == "it ended with 1"


def test_every_measurement_that_is_named_can_be_asked_for() -> None:
    for name in benchmarks.NAMES:
        assert callable(importlib.import_module(f"bench.{name}").measure)


def test_the_load_reads_every_answer_and_counts_the_wrong_ones() -> None:
    with servers.stub(2, 0.01) as upstream:
        asked = load.request("/v1/chat/completions", body(2))
        right = load.drive(upstream.port, asked, EXPECTED, 3, 0.2)
        wrong = load.drive(upstream.port, asked, b"no such words", 3, 0.2)
        streamed = load.request("/v1/chat/completions", json.dumps({"stream": True}).encode())
        events = load.drive(upstream.port, streamed, b"word 1 ", 1, 0.1)
    assert right.wrong == 0
    assert len(right.took) >= 3
    assert 0 < right.percentile(50) <= right.percentile(99) < 30
    assert wrong.took == []
    assert wrong.wrong >= 3
    assert events.took
    assert not events.wrong


def test_what_all_processes_of_a_server_spend_and_hold_is_told() -> None:
    with servers.stub() as upstream:
        family = upstream.family()
        told = servers.cpu_seconds(family), servers.megabytes(family), upstream.seconds_to_answer
    assert all(figure > 0 for figure in told)
    assert not upstream.main.is_running()
