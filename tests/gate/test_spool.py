"""The files of one form in one file on disk."""

import io
import tracemalloc
from pathlib import Path
from typing import cast

import pytest
from werkzeug.formparser import FormDataParser

from gate.spool import Spool

PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="%d"\r\n\r\n%s\r\n'


def test_each_file_is_its_own() -> None:
    spool = Spool()
    first = spool()
    assert first.write(b"one\ntwo\n") == 8
    second = spool()
    second.write(b"three")
    for piece, lines in ((first, [b"one\n", b"two\n"]), (second, [b"three"]), (first, [b"one\n", b"two\n"])):
        reader = io.BufferedReader(cast(io.RawIOBase, piece))
        reader.seek(0)
        assert list(reader) == lines
        assert reader.read() == b""
        assert (reader.seek(-2, io.SEEK_END), reader.tell()) == (sum(map(len, lines)) - 2,) * 2
        reader.detach()


def test_what_is_none_of_its_own_is_not_read() -> None:
    spool = Spool()
    first, second = spool(), spool()
    second.write(b"secret")
    first.seek(0)
    assert first.read() == b""
    first.seek(100)
    assert first.read() == b""


def test_the_file_is_closed_with_the_last_of_its_pieces() -> None:
    spool = Spool()
    file, first, second = spool._file, spool(), spool()
    del spool, first
    assert not file.closed
    second.close()
    del second
    assert file.closed


def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr("gate.spool.tempfile.TemporaryFile", lambda **_: full)
        with pytest.raises(OSError, match="No space left"):
            Spool()().write(b"x")


@pytest.mark.parametrize("size", [100, 200_000])
def test_many_files_take_no_memory(size: int) -> None:
    count = 20_000_000 // max(size, 50_000)
    body = b"".join(PART % (number, b"x" * size) for number in range(count)) + b"--b--\r\n"
    tracemalloc.start()
    try:
        parser = FormDataParser(Spool(), max_form_parts=count, silent=False)
        _, _, files = parser.parse(io.BytesIO(body), "multipart/form-data", len(body), {"boundary": "b"})
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    given = files.getlist("files")
    assert [len(given), {len(one.read()) for one in given}] == [count, {size}]
    assert most < 3_000_000
