"""Reads the form of an upload to disk, and refuses one that is too long, cut short or no form.

Werkzeug alone would truncate a long chunked body and drop a cut upload, both without an error. What comes slowly, or
ends before its length, is `gate.arrival`'s matter.
"""

import io
from typing import BinaryIO, cast

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.wrappers import Request

from gate.spool import Spool
from wire.errors import BadRequest, PayloadTooLarge

# What boundaries and part headers may add to the files of an upload.
FRAMING_BYTES = 1024 * 1024
# Fields are held in memory, files are not: all that one call may send are then 128 MB. The parser's own buffer, which
# has the same bound, holds up to two pieces of 64 KB.
MAX_PARTS = 1000
MAX_FIELD_BYTES = 128 * 1024
Form = MultiDict[str, str]
FormFiles = MultiDict[str, FileStorage]


def read_form(request: Request, most: int, what: str) -> tuple[Form, FormFiles]:
    """Return the fields and files of a multipart form; files lie on disk, so that memory stays flat.

    Raises:
        PayloadTooLarge: 413, the body, which `what` names, has more than `most` bytes.
        BadRequest: 400, incomplete_upload or invalid_multipart.
        OSError: the disk is full.
    """
    body = _Limited(request, most, what)
    parser = FormDataParser(Spool(), silent=False, max_form_memory_size=MAX_FIELD_BYTES, max_form_parts=MAX_PARTS)
    try:
        _, form, files = parser.parse(
            cast(BinaryIO, body), request.mimetype, request.content_length, request.mimetype_params
        )
    except RequestEntityTooLarge:
        raise PayloadTooLarge("The form has too many or too large fields.", code="body_too_large") from None
    except ValueError as error:
        raise _broken_form(error) from None
    return form, files


class _Limited(io.RawIOBase):
    """The body as it comes; one that is too long is 413 at once."""

    def __init__(self, request: Request, most: int, what: str) -> None:
        self._source = cast(BinaryIO, request.environ["wsgi.input"])
        self._most = most
        self._what = what
        self._count = 0
        if (request.content_length or 0) > most:
            raise self._too_large()

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size)
        self._count += len(piece)
        if self._count > self._most:
            raise self._too_large()
        return piece

    def _too_large(self) -> PayloadTooLarge:
        message = f"{self._what} has at most {self._most} bytes."
        return PayloadTooLarge(message, code="body_too_large")


def _broken_form(error: ValueError) -> BadRequest:
    if "cannot parse beyond" in str(error):
        message = "The upload ended before its closing boundary; nothing was kept. Send it again."
        return BadRequest(message, code="incomplete_upload")
    return BadRequest(f"The multipart form cannot be read: {error}.", code="invalid_multipart")
