"""Forms as they come, in pieces of any size: read whole, or refused with what is wrong."""

import io
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from werkzeug.wrappers import Request

from gate.forms import MAX_FIELD_BYTES, MAX_HEADER_BYTES, MAX_PARTS, Form, FormFiles, read_form
from wire.errors import ApiError

HEAD = 'Content-Disposition: form-data; name="files"; filename="a.jsonl"\r\nContent-Type: text/jsonl'
FIELD = 'Content-Disposition: form-data; name="purpose"'
MOST = 10**7


class Pieces(io.RawIOBase):
    """A body that comes in these pieces, whatever is asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1, /) -> bytes:
        return next(self._pieces, b"")


def part(head: str, content: bytes = b"{}\n") -> bytes:
    return f"--b\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


def read(body: bytes, *cuts: int, boundary: str = "; boundary=b") -> tuple[Form, FormFiles]:
    places = pairwise([0, *cuts, len(body)])
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": f"multipart/form-data{boundary}",
        "wsgi.input": Pieces(iter([body[start:end] for start, end in places])),
    }
    return read_form(Request(environ), MOST, "An upload")


def refusal(body: bytes, **how: str) -> tuple[int, str | None]:
    with pytest.raises(ApiError) as refused:
        read(body, **how)
    return refused.value.status, refused.value.code


def test_wherever_a_form_is_cut_into_pieces_its_fields_and_files_are_the_same() -> None:
    content = b"\r\n--not the boundary\r\n--\r\n-\r" * 3
    body = part(FIELD, b"fine-tune") + part(HEAD, content) + part(HEAD, b"") + b"--b--\r\n"
    for cut in range(1, len(body)):
        form, files = read(body, cut)
        first, second = files.getlist("files")
        assert form.to_dict() == {"purpose": "fine-tune"}
        assert (first.filename, first.content_type, first.stream.read()) == ("a.jsonl", "text/jsonl", content)
        assert second.stream.read() == b""


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('filename="名前.jsonl"', "名前.jsonl"),
        ("filename*=UTF-8''%E5%90%8D.jsonl", "名.jsonl"),
        ('filename="a%22b.jsonl"', 'a"b.jsonl'),
        (r'filename="a\"b.jsonl"', 'a"b.jsonl'),
        ('filename=""', ""),
    ],
)
def test_a_file_has_the_name_that_it_was_sent_with(said: str, name: str) -> None:
    _, files = read(part(f'Content-Disposition: form-data; name="files"; {said}') + b"--b--\r\n")
    assert files["files"].filename == name


@pytest.mark.parametrize("rest", [b"--b--", b"--b--\r\n", b"--b--\r\nwhat stands behind the form is not read"])
def test_what_stands_around_the_parts_is_nothing(rest: bytes) -> None:
    for before in (b"", b"\r\n", b"what stands before\r\n"):
        body = before + part(HEAD) + rest
        _, files = read(body, len(body) - len(rest) + 5)
        assert files["files"].stream.read() == b"{}\n"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (part(HEAD), "incomplete_upload"),
        (part(HEAD) + b"--b-", "incomplete_upload"),
        (b"", "incomplete_upload"),
        (b"no form at all", "incomplete_upload"),
        (part(HEAD).replace(b"\r\n", b"\n") + b"--b--\n", "invalid_multipart"),
        (part("Content-Type: text/plain") + b"--b--\r\n", "invalid_multipart"),
        (part("a line without a colon") + b"--b--\r\n", "invalid_multipart"),
        (part(HEAD) + b"--b and more\r\n", "invalid_multipart"),
    ],
)
def test_a_form_that_is_none_or_not_whole_says_which(body: bytes, code: str) -> None:
    assert refusal(body) == (400, code)


def test_a_form_without_a_boundary_is_none() -> None:
    assert refusal(part(HEAD) + b"--b--\r\n", boundary="") == (400, "invalid_multipart")


@pytest.mark.parametrize(
    "body",
    [
        part(FIELD, b"x" * (MAX_FIELD_BYTES + 1)),
        part(HEAD) * (MAX_PARTS + 1),
        part(HEAD + "\r\nX: " + "x" * MAX_HEADER_BYTES),
        part(HEAD + "\r\nX: y" * 20),
    ],
    ids=["a field", "parts", "a header", "headers"],
)
def test_too_much_for_memory_is_413(body: bytes) -> None:
    assert refusal(body + b"--b--\r\n") == (413, "body_too_large")


def test_a_file_may_be_larger_than_a_field() -> None:
    _, files = read(part(HEAD, b"x" * (MAX_FIELD_BYTES + 1)) + b"--b--\r\n")
    assert len(files["files"].stream.read()) == MAX_FIELD_BYTES + 1
