"""Reads request bodies and queries whole or to disk, and refuses those that are too long, cut short or misspelt.

Werkzeug alone would truncate a long chunked body and drop a cut upload, both without an error. What comes slowly, or
ends before its length, is the gate's matter.
"""

import errno
import io
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl

from flask import Request, request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from gate.spool import Spool
from services.files import Incoming, clean_label
from wire.body import MAX_BYTES, parse_object, read_whole, refuse_encoded
from wire.errors import ApiError, BadRequest, PayloadTooLarge, UnsupportedMediaType
from wire.requests import unknown_field

MAX_PAGE_FORM_BYTES = 64 * 1024
# What boundaries and part headers may add to the files of an upload.
FRAMING_BYTES = 1024 * 1024
# Fields are held in memory, files are not: all that one call may send are then 128 MB. The parser's own buffer, which
# has the same bound, holds up to two pieces of 64 KB.
MAX_PARTS = 1000
MAX_FIELD_BYTES = 128 * 1024
Form = MultiDict[str, str]
FormFiles = MultiDict[str, FileStorage]


def json_object() -> dict[str, Any]:
    """Return the request's JSON object; 400, 413 or 415 says what is wrong with the body."""
    return parse_object(_whole(MAX_BYTES, "A JSON body"), request.headers.get("Content-Type"))


def page_form(known: list[str]) -> Form:
    """Return the fields of a form without files, as a page of ours sends it; 400, 413 or 415 says what is wrong."""
    if request.mimetype != "application/x-www-form-urlencoded":
        message = f"The body's content type is {request.mimetype or 'none at all'}; a form of a page is sent here."
        raise UnsupportedMediaType(message, code="unsupported_content_type")
    text = _whole(MAX_PAGE_FORM_BYTES, "A form").decode("utf-8", "replace")
    fields: Form = MultiDict(parse_qsl(text, keep_blank_values=True))
    refuse_unknown(fields, known)
    return fields


def multipart(max_megabytes: int) -> tuple[Form, FormFiles]:
    """Return the form's fields and files; files lie on disk, so that memory stays flat whatever their size.

    Raises:
        UnsupportedMediaType: 415, the body is no multipart form.
        PayloadTooLarge: 413, the body is over `max_megabytes`.
        BadRequest: 400, incomplete_upload or invalid_multipart.
        ApiError: 507 insufficient_storage, the disk is full.
    """
    refuse_encoded(request.headers.get("Content-Encoding"))
    if request.mimetype != "multipart/form-data":
        shown = request.mimetype or "none at all"
        message = f"The body's content type is {shown}; send the file as multipart/form-data, in the field 'files'."
        raise UnsupportedMediaType(message, code="unsupported_content_type")
    body = _Limited(request, max_megabytes * 1024 * 1024 + FRAMING_BYTES, f"An upload ({max_megabytes} MB)")
    parser = FormDataParser(Spool(), silent=False, max_form_memory_size=MAX_FIELD_BYTES, max_form_parts=MAX_PARTS)
    try:
        _, form, files = parser.parse(
            cast(BinaryIO, body), request.mimetype, request.content_length, request.mimetype_params
        )
    except RequestEntityTooLarge:
        raise PayloadTooLarge("The form has too many or too large fields.", code="body_too_large") from None
    except ValueError as error:
        raise _broken_form(error) from None
    except OSError as error:
        raise _full_disk(error) from None
    return form, files


def sent_files(form: Form, files: FormFiles, max_megabytes: int) -> list[Incoming]:
    """Return what stands in the form field `files`; 400 if that is nothing or text, 413 for a file over the limit."""
    _refuse_text("files", form)
    given = files.getlist("files")
    if not given:
        message = "Missing required parameter: 'files'. Send one or more files in the form field 'files'."
        raise BadRequest(message, code="missing_required_parameter", param="files")
    return [_incoming(file, max_megabytes, "files") for file in given]


def sent_file(name: str, form: Form, files: FormFiles, max_megabytes: int) -> Incoming | None:
    """Return what stands in a form field that may hold one file; 400 if that is text or several, 413 as above."""
    _refuse_text(name, form)
    given = files.getlist(name)
    if len(given) > 1:
        message = f"The field '{name}' holds {len(given)} files, but takes one. Send the others in a call of their own."
        raise BadRequest(message, code="invalid_value", param=name)
    return _incoming(given[0], max_megabytes, name) if given else None


def refuse_unknown(names: Iterable[str | None], known: list[str]) -> None:
    """Refuse form fields and query parameters that there are not, with those that were probably meant."""
    for name in names:
        if name not in known:
            raise unknown_field(name or "", known)


def query(**kinds: type[int] | type[str]) -> dict[str, Any]:
    """Return the query's parameters as their kinds; 400 for one that is unknown or no number."""
    found: dict[str, Any] = {}
    for name, text in request.args.items():
        if name not in kinds:
            raise unknown_field(name, sorted(kinds))
        if kinds[name] is int and not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
            message = f"Invalid value for '{name}': '{text[:80]}'. It must be a whole number above 0."
            raise BadRequest(message, code="invalid_value", param=name)
        found[name] = kinds[name](text)
    return found


def switch(name: str, texts: Mapping[str, str], default: bool) -> bool:
    """Return a form field or query parameter that is `true` or `false`."""
    text = texts.get(name, "true" if default else "false").strip().lower()
    if text not in ("true", "false", "1", "0"):
        message = f"Invalid value for '{name}': '{text[:80]}'. It must be true or false."
        raise BadRequest(message, code="invalid_value", param=name)
    return text in ("true", "1")


def _whole(most: int, what: str) -> bytes:
    refuse_encoded(request.headers.get("Content-Encoding"))
    return read_whole(request.environ["wsgi.input"], request.content_length, most, what)


def _refuse_text(name: str, form: Form) -> None:
    if name in form:
        message = f"The field '{name}' holds text, but must hold a file (in Postman: set its type to File)."
        raise BadRequest(message, code="invalid_type", param=name)


def _incoming(file: FileStorage, megabytes: int, name: str) -> Incoming:
    stream = io.BufferedReader(cast(io.RawIOBase, file.stream))
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    label = clean_label(file.filename or "")
    if size > megabytes * 1024 * 1024:
        message = f"The file '{label}' has {size} bytes; at most {megabytes} MB are taken (MAX_UPLOAD_MB)."
        raise PayloadTooLarge(message, code="file_too_large", param=name)
    return Incoming(label, file.content_type or "application/octet-stream", size, stream)


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


def _full_disk(error: OSError) -> Exception:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    message = "The disk of the service has no room for this upload; nothing was kept."
    return ApiError(message, code="insufficient_storage", type="server_error", status=507)
