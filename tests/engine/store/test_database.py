"""The store keeps facts in order, moves jobs only as allowed, and never shows half of a transaction."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import event
from engine.store import EVENTS, FILES, JOBS, MODELS, PARTS, UPLOADS, WEBHOOK_EVENTS, Store, database
from tests.engine.store.rows import a_file, a_job


def test_rows_of_the_same_second_keep_the_order_they_came_in(store: Store) -> None:
    store.insert({FILES: [a_file(number) for number in range(5)]})
    assert [row["id"] for row in store.newest(FILES, 3)] == ["file-4", "file-3", "file-2"]
    assert [row["id"] for row in store.newest(FILES, 9, after="file-3")] == ["file-2", "file-1", "file-0"]
    assert [row["id"] for row in store.newest(FILES, 2, after="file-3", ascending=True)] == ["file-4"]


def test_a_cursor_that_does_not_exist_is_said(store: Store) -> None:
    with pytest.raises(LookupError, match="file-9"):
        store.newest(FILES, 3, after="file-9")


def test_a_part_is_added_to_a_pending_upload_up_to_a_bound(store: Store) -> None:
    upload = {"id": "upload_1", "bytes": 3, "filename": "a", "purpose": "p", "status": "pending", "created_at": 1}
    store.insert({UPLOADS: [upload]})
    parts = [{"id": f"part_{number}", "upload_id": "upload_1", "bytes": 2, "created_at": 1} for number in range(3)]
    assert [store.insert_part(part, 4) for part in parts] == [True, True, False]
    store.delete(PARTS, upload_id="upload_1")
    assert store.newest(PARTS, None) == []
    store.update(UPLOADS, "upload_1", status="cancelled")
    assert not store.insert_part(parts[2], 4)


def test_a_page_begins_where_a_deleted_row_was(store: Store) -> None:
    store.insert({FILES: [a_file(number) for number in range(5)]})
    for number in (2, 3):
        store.delete(FILES, id=f"file-{number}")
    assert [row["id"] for row in store.newest(FILES, 9, after="file-3")] == ["file-1", "file-0"]
    assert [row["id"] for row in store.newest(FILES, 9, after="file-2", ascending=True)] == ["file-4"]
    with pytest.raises(LookupError):
        store.newest(JOBS, 9, after="file-3")


def test_insert_is_all_or_nothing(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.insert({FILES: [a_file(1)], JOBS: [a_job()]})
    assert store.one(FILES, id="file-1") is None


def test_a_job_moves_only_from_the_states_named(store: Store) -> None:
    store.insert({JOBS: [a_job()]})
    said = {EVENTS: [event("ftjob-1", 2, "moved")]}
    assert store.move_job("ftjob-1", "running", {"queued"}, said)
    assert not store.move_job("ftjob-1", "running", {"queued"}, said)
    assert len(store.newest(EVENTS, 10, job_id="ftjob-1")) == 1


def test_a_refused_move_publishes_nothing(store: Store) -> None:
    store.insert({JOBS: [a_job(status="cancelled")]})
    model = {"id": "ft:m", "job_id": "ftjob-1", "base": "m", "created_at": 1, "adapter": "x"}
    assert not store.move_job(
        "ftjob-1", "succeeded", {"running"}, {MODELS: [model]}, finished_at=3, fine_tuned_model="ft:m"
    )
    assert store.one(MODELS, id="ft:m") is None
    assert store.newest(WEBHOOK_EVENTS, 9) == []
    job = store.one(JOBS, id="ftjob-1")
    assert job is not None
    assert job["fine_tuned_model"] is None


def test_metadata_filters_are_and_and_null_finds_jobs_without(store: Store) -> None:
    store.insert(
        {JOBS: [a_job("a", metadata={"k": "1", "l": "2"}), a_job("b", metadata={"k": "1"}), a_job("c", metadata=None)]}
    )
    assert [job["id"] for job in store.jobs(9, None, {"k": "1"})] == ["b", "a"]
    assert [job["id"] for job in store.jobs(9, None, {"k": "1", "l": "2"})] == ["a"]
    assert [job["id"] for job in store.jobs(9, None, {})] == ["c"]
    assert len(store.jobs(9, None, None)) == 3


def test_a_metadata_filter_reads_a_bounded_number_of_jobs_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.insert({JOBS: [a_job(str(number), metadata={"k\0": str(number % 5)}) for number in range(9)]})
    monkeypatch.setattr(database, "_JOBS_AT_ONCE", 2)
    read, newest = list[int | None](), Store.newest

    def noting(self: Store, table: Any, limit: int | None, *others: Any, **match: Any) -> Any:
        read.append(limit)
        return newest(self, table, limit, *others, **match)

    monkeypatch.setattr(Store, "newest", noting)
    assert [job["id"] for job in store.jobs(9, None, {"k\0": "3"})] == ["8", "3"]
    assert [job["id"] for job in store.jobs(9, "8", {"k\0": "3"})] == ["3"]
    assert store.jobs(9, None, {"k\0": "5"}) == []
    assert set(read) == {2}
    read.clear()
    assert [job["id"] for job in store.jobs(1, None, {"k\0": "3"})] == ["8"]
    assert read == [2], "it read on although it had enough"


def test_an_interrupted_job_goes_before_waiting_ones(store: Store) -> None:
    store.insert({JOBS: [a_job("waits"), a_job("interrupted", status="running")]})
    found = store.oldest_job("running", "queued")
    assert found is not None
    assert found["id"] == "interrupted"


def test_a_fact_is_set_by_the_first_who_asks(store: Store) -> None:
    assert [store.fact("organization_id", value) for value in ("org-a", "org-b")] == ["org-a", "org-a"]


def test_who_only_reads_does_not_wait_for_who_is_writing(tmp_path: Path) -> None:
    store = Store(tmp_path / "facts.sqlite3")
    store.insert({FILES: [a_file(1)]})
    writer = sqlite3.connect(tmp_path / "facts.sqlite3", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert store.one(FILES, id="file-1") is not None  # a second writer would be refused after a minute
    writer.execute("ROLLBACK")
    writer.close()
    store.close()


def test_what_is_longer_than_two_gigabytes_has_a_length(store: Store) -> None:
    store.insert({FILES: [a_file(1) | {"bytes": 8 * 2**30, "expires_at": 2**32}]})
    row = store.one(FILES, id="file-1")
    assert row is not None
    assert (row["bytes"], row["expires_at"]) == (8 * 2**30, 2**32)


def test_a_name_that_no_row_can_have_is_not_found(store: Store) -> None:
    store.insert({FILES: [a_file(1) | {"filename": "a\0b.jsonl"}]})
    assert store.one(FILES, id="\0") is None
    with pytest.raises(LookupError):
        store.newest(FILES, 3, after="file-1\0")
    row = store.one(FILES, id="file-1")
    assert row is not None
    assert row["filename"] in ("a\0b.jsonl", "a\ufffdb.jsonl")
