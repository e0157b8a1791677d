"""What a server of the OpenAI wire API must do with files, asked of it with the official SDK."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from openai import OpenAI

LINES = [
    {"messages": [{"role": "user", "content": f"Question {number}?"}, {"role": "assistant", "content": "Answer."}]}
    for number in range(4)
]
Upload = Callable[..., str]


def jsonl(lines: list[Any]) -> bytes:
    """Return `lines` as JSONL."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


class FilesContract:
    """Subclasses give the fixture `client`."""

    @pytest.fixture
    def upload(self, client: OpenAI) -> Upload:
        def make(lines: list[Any] | bytes = LINES, name: str = "train.jsonl", purpose: Any = "fine-tune") -> str:
            content = lines if isinstance(lines, bytes) else jsonl(lines)
            return client.files.create(file=(name, io.BytesIO(content)), purpose=purpose).id

        return make

    def test_a_file_is_listed_read_and_deleted(self, client: OpenAI, upload: Upload) -> None:
        file_id = upload()
        assert client.files.wait_for_processing(file_id).status == "processed"
        assert file_id in [file.id for file in client.files.list(purpose="fine-tune", limit=3)]
        assert client.files.content(file_id).read() == jsonl(LINES)
        assert client.files.delete(file_id).deleted
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {file_id}"):
            client.files.retrieve(file_id)

    def test_file_pages_are_walked_by_the_sdk(self, client: OpenAI, upload: Upload) -> None:
        made = [upload() for _ in range(5)]
        page = client.files.list(limit=2, order="desc")
        walked = [file.id for file, _ in zip(page, range(5), strict=False)]
        assert walked == made[::-1]

    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_files_are_deleted_while_the_sdk_walks_their_pages(
        self, client: OpenAI, upload: Upload, order: Literal["asc", "desc"]
    ) -> None:
        made = [upload(purpose="evals") for _ in range(5)]
        walked = []
        for file in client.files.list(limit=2, purpose="evals", order=order):
            walked.append(file.id)
            client.files.delete(file.id)
        assert walked == (made if order == "asc" else made[::-1])

    def test_a_wrong_file_name_is_refused_in_openais_words(self, upload: Upload) -> None:
        with pytest.raises(openai.BadRequestError, match=r"Must be \.jsonl"):
            upload(name="train.csv")

    def test_bare_bytes_have_no_name_and_are_refused(self, client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError):
            client.files.create(file=jsonl(LINES), purpose="fine-tune")

    def test_a_large_file_goes_up_in_parts(self, client: OpenAI, tmp_path: Path) -> None:
        content = jsonl(LINES)
        path = tmp_path / "train.jsonl"
        path.write_bytes(content)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        done = client.uploads.upload_file_chunked(
            file=path, mime_type="text/jsonl", purpose="fine-tune", part_size=100, md5=md5
        )
        assert (done.status, done.expires_at) == ("completed", done.created_at + 3600)
        assert done.file is not None
        assert client.files.content(done.file.id).read() == content
        with pytest.raises(openai.BadRequestError, match="completed"):
            client.uploads.parts.create(done.id, data=b"more")
        begun = client.uploads.create(bytes=9, filename="t.jsonl", mime_type="text/jsonl", purpose="fine-tune")
        with pytest.raises(openai.BadRequestError, match="more bytes than the 9"):
            client.uploads.parts.create(begun.id, data=b"0123456789")
        assert (begun.status, client.uploads.cancel(begun.id).status) == ("pending", "cancelled")

    def test_a_file_may_be_told_to_expire(self, client: OpenAI) -> None:
        file = client.files.create(
            file=("t.jsonl", jsonl(LINES)), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
        )
        assert file.expires_at == file.created_at + 3600
        with pytest.raises(openai.BadRequestError, match="seconds"):
            client.files.create(
                file=("t.jsonl", jsonl(LINES)),
                purpose="fine-tune",
                expires_after={"anchor": "created_at", "seconds": 5},
            )
