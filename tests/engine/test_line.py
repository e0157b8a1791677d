"""Jobs that wait: each is told its place once, and when it will have ended, as far as anybody knows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.line import Line
from engine.speeds import Speeds
from engine.store import EVENTS, JOBS, Store

NOW = 1_000
AUTO = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
Put = Callable[..., dict[str, Any]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "engine.sqlite3")
    yield made
    made.close()


@pytest.fixture
def put(store: Store, tmp_path: Path) -> Put:
    """Put a job with so many lines of ten bytes into the store."""

    def put(job_id: str, status: str = "queued", lines: int = 10, **values: Any) -> dict[str, Any]:
        (tmp_path / job_id).mkdir()
        (tmp_path / job_id / "training_file.jsonl").write_text('{"a": 12}\n' * lines)
        row = {"id": job_id, "created_at": 1, "status": status, "model": "m", "base": "m", "training_file": "f"}
        settings = values.pop("hyperparameters", {**AUTO, "n_epochs": 2})
        job = {**row, "seed": 1, "hyperparameters": settings, "estimated_finish": None, **values}
        store.insert({JOBS: [job]})
        return job

    return put


@pytest.fixture
def line(store: Store, tmp_path: Path) -> Line:
    return restarted(store, tmp_path)


def restarted(store: Store, folder: Path) -> Line:
    return Line(store, lambda job_id: folder / job_id, Speeds(folder / "speeds.json"))


def ends(store: Store) -> dict[str, int | None]:
    return {job["id"]: job["estimated_finish"] for job in store.newest(JOBS, None, ascending=True, status="queued")}


def told(store: Store, job_id: str) -> list[str]:
    return [one["message"] for one in store.newest(EVENTS, None, ascending=True, job_id=job_id)]


def test_places_are_told_when_they_change_and_not_again(store: Store, put: Put, line: Line) -> None:
    put("a", "running")
    put("b")
    put("c")
    for now in (NOW, NOW + 1):
        line.tell(now)
    assert told(store, "c") == ["Job is queued: 2 ahead of it."]
    store.update(JOBS, "b", status="paused")
    for now in (NOW + 2, NOW + 3):
        line.tell(now)
    assert told(store, "b") == ["Job is queued: 1 ahead of it."]
    assert told(store, "c") == ["Job is queued: 2 ahead of it.", "Job is queued: 1 ahead of it."]


def test_another_engine_does_not_tell_the_same_again(store: Store, put: Put, line: Line, tmp_path: Path) -> None:
    put("a", "running")
    put("b")
    line.tell(NOW)
    restarted(store, tmp_path).tell(NOW + 1)
    assert told(store, "b") == ["Job is queued: 1 ahead of it."]


def test_an_end_is_that_of_the_job_before_and_what_the_own_work_takes(store: Store, put: Put, line: Line) -> None:
    running = put("a", "running", estimated_finish=NOW + 50)
    put("b", lines=20)
    put("c", hyperparameters={**AUTO, "n_epochs": 1})
    line.tell(NOW)
    assert ends(store) == {"b": None, "c": None}
    line.measure(running, 100)
    line.tell(NOW)
    assert ends(store) == {"b": NOW + 50 + 200, "c": NOW + 50 + 200 + 50}
    line.tell(NOW + 100)  # the running one is late
    assert ends(store) == {"b": NOW + 100 + 200, "c": NOW + 100 + 200 + 50}


def test_an_engine_that_was_restarted_knows_how_fast_it_trains(
    store: Store, put: Put, line: Line, tmp_path: Path
) -> None:
    running = put("a", "running", estimated_finish=NOW + 50)
    put("b")
    for seconds in (50, 100, 101):  # the last of these is not worth a write
        line.measure(running, seconds)
    restarted(store, tmp_path).tell(NOW)
    assert ends(store) == {"b": NOW + 50 + 100}


@pytest.mark.parametrize("content", ["", "{", "[[1]]", '{"a": 1}', '[["m", "supervised", "fast"]]'])
def test_speeds_that_cannot_be_read_are_not_known(tmp_path: Path, content: str) -> None:
    (tmp_path / "speeds.json").write_text(content)
    speeds = Speeds(tmp_path / "speeds.json")
    assert speeds.of(("m", "supervised")) is None
    speeds.learn(("m", "supervised"), 2.0)
    assert Speeds(tmp_path / "speeds.json").of(("m", "supervised")) == 2.0


def test_a_speed_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    speeds = Speeds(tmp_path / "gone" / "speeds.json")
    speeds.learn(("m", "dpo"), 2.0)
    assert speeds.of(("m", "dpo")) == 2.0


def test_epochs_left_to_auto_are_those_that_the_trainer_would_take(store: Store, put: Put, line: Line) -> None:
    line.measure(put("a", "running", lines=100, hyperparameters={**AUTO, "n_epochs": 1}, estimated_finish=NOW), 10)
    put("b", lines=100, hyperparameters=AUTO)
    put("c", lines=100, hyperparameters={**AUTO, "beta": "auto"})
    line.tell(NOW)
    assert ends(store) == {"b": NOW + 7 * 10, "c": None}  # nobody has trained by preferences here


def test_of_a_job_whose_length_is_unknown_and_those_behind_it_no_end_is_known(
    store: Store, put: Put, line: Line
) -> None:
    line.measure(put("a", "running", estimated_finish=NOW + 5), 100)
    put("b", base="other")
    put("c")
    line.tell(NOW)
    assert ends(store) == {"b": None, "c": None}
    store.update(JOBS, "b", status="cancelled")
    line.tell(NOW)
    assert ends(store) == {"c": NOW + 105}


def test_a_small_change_is_not_written(store: Store, put: Put, line: Line) -> None:
    line.measure(put("a", "running", estimated_finish=NOW + 1000), 1000)
    put("b")
    line.tell(NOW)
    store.update(JOBS, "a", estimated_finish=NOW + 1090)
    line.tell(NOW)
    assert ends(store) == {"b": NOW + 2000}
    store.update(JOBS, "a", estimated_finish=NOW + 1200)
    line.tell(NOW)
    assert ends(store) == {"b": NOW + 2200}


def test_a_job_whose_folder_is_gone_holds_nobody_up(store: Store, put: Put, line: Line, tmp_path: Path) -> None:
    put("a", "running")
    put("b")
    (tmp_path / "b" / "training_file.jsonl").unlink()
    line.tell(NOW)
    assert (ends(store), told(store, "b")) == ({"b": None}, ["Job is queued: 1 ahead of it."])
