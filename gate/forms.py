"""Reads the form of an upload to disk, and refuses one that is too long, cut short or no form.

What comes slowly, or ends before its length, is `gate.arrival`'s matter.
"""

import io
from typing import IO, BinaryIO, cast

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.http import parse_options_header
from werkzeug.wrappers import Request

from gate.spool import Spool
from wire.errors import BadRequest, PayloadTooLarge

# What boundaries and part headers may add to the files of an upload.
FRAMING_BYTES = 1024 * 1024
# Fields are held in memory, files are not: all that one call may send are then 128 MB.
MAX_PARTS = 1000
MAX_FIELD_BYTES = 128 * 1024
MAX_HEADER_BYTES = 32 * 1024
_PIECE = 256 * 1024
Form = MultiDict[str, str]
FormFiles = MultiDict[str, FileStorage]


def read_form(request: Request, most: int, what: str) -> tuple[Form, FormFiles]:
    """Return the fields and files of a multipart form; files lie on disk, so that memory stays flat.

    Raises:
        PayloadTooLarge: 413, the body, which `what` names, has more than `most` bytes.
        BadRequest: 400, incomplete_upload or invalid_multipart.
        OSError: the disk is full.
    """
    body, parts = _Limited(request, most, what), _Parts()
    try:
        parser = PushMultipartParser(
            request.mimetype_params.get("boundary", ""),
            max_header_size=MAX_HEADER_BYTES,
            max_segment_count=MAX_PARTS,
        )
        for event in parser.parse_blocking(body.read, _PIECE):
            parts.take(event)
    except ParserLimitReached:
        raise _too_large() from None
    except MultipartError as error:
        raise _broken_form(error, body.ended) from None
    return parts.form, parts.files


class _Parts:
    """What the parser tells, one part after the other: its head, its bytes, its end."""

    def __init__(self) -> None:
        self.form, self.files = Form(), FormFiles()
        self._spool = Spool()
        self._name, self._file = "", cast(FileStorage | None, None)
        self._content: IO[bytes] = io.BytesIO()

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """Take what comes next."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        else:
            self._content.write(event)
            if self._file is None and self._content.tell() > MAX_FIELD_BYTES:
                raise _too_large()

    def _begin(self, head: MultipartSegment) -> None:
        # The parser's own reading of it knows no `filename*` (RFC 5987).
        _, said = parse_options_header(head["Content-Disposition"])
        self._name, label = said.get("name", ""), said.get("filename")
        if label is None:
            self._content, self._file = io.BytesIO(), None
        else:
            self._content = self._spool()
            self._file = FileStorage(self._content, label, self._name, headers=Headers(head.headerlist))

    def _end(self) -> None:
        self._content.seek(0)
        if self._file is None:
            self.form.add(self._name, self._content.read().decode("utf-8", "replace"))
        else:
            self.files.add(self._name, self._file)


class _Limited:
    """The body as it comes; one that is too long is 413 at once."""

    def __init__(self, request: Request, most: int, what: str) -> None:
        self.ended = False
        self._source = cast(BinaryIO, request.environ["wsgi.input"])
        self._most = most
        self._what = what
        self._count = 0
        if (request.content_length or 0) > most:
            raise self._too_large()

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; b"" at the end."""
        piece = self._source.read(size)
        self.ended = not piece
        self._count += len(piece)
        if self._count > self._most:
            raise self._too_large()
        return piece

    def _too_large(self) -> PayloadTooLarge:
        message = f"{self._what} has at most {self._most} bytes."
        return PayloadTooLarge(message, code="body_too_large")


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge("The form has too many or too large fields.", code="body_too_large")


def _broken_form(error: MultipartError, ended: bool) -> BadRequest:
    if ended:
        message = "The upload ended before its closing boundary; nothing was kept. Send it again."
        return BadRequest(message, code="incomplete_upload")
    return BadRequest(f"The multipart form cannot be read: {error}.", code="invalid_multipart")
