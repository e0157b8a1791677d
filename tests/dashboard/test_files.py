"""The page of files: to take along, to train on, to delete."""

from typing import Any

from tests.dashboard.conftest import Reader
from tests.fakes.openai_upstream import FILE_ID, RESULT_ID, FakeOpenAI

PAGE = "/dashboard/files"


def test_files_are_listed_with_what_may_be_done_with_them(reader: Reader, job: dict[str, Any]) -> None:
    page = reader.get(PAGE).get_data(as_text=True)
    assert "train.jsonl" in page
    assert "1.7 KB" in page
    assert '<summary aria-label="Delete train.jsonl">Delete</summary>' in page
    assert f'href="/files/{FILE_ID}/content"' in page
    assert f'href="/dashboard/new-job?training_file={FILE_ID}"' in page


def test_a_result_is_no_training_file(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    upstream.finish()
    page = reader.get(PAGE).get_data(as_text=True)
    assert "result of a job" in page
    assert f"training_file={RESULT_ID}" not in page


def test_a_file_is_deleted_and_the_others_shown(reader: Reader, job: dict[str, Any], upstream: FakeOpenAI) -> None:
    reply = reader.send(f"{PAGE}/{FILE_ID}/delete", {})
    assert (reply.status_code, reply.headers["Location"]) == (303, PAGE)
    assert FILE_ID not in upstream.files
    assert "No files yet" in reader.get(PAGE).get_data(as_text=True)


def test_a_name_that_is_markup_stays_text(reader: Reader, upstream: FakeOpenAI) -> None:
    upstream.new_file("<script>alert(1)</script>.jsonl", 1)
    assert "<script>alert" not in reader.get(PAGE).get_data(as_text=True)
