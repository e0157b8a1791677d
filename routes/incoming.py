"""Reads request bodies and queries whole or to disk, and refuses those that are too long, cut short or misspelt.

The form of an upload is read by `gate.forms`; what comes slowly, or ends before its length, is the gate's matter too.
"""

import errno
import io
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from flask import request
from werkzeug.datastructures import FileStorage, MultiDict

from gate.forms import FRAMING_BYTES, FormFiles, read_form
from gate.forms import Form as Form
from services.files import Incoming, clean_label
from wire.body import MAX_BYTES, parse_object, read_whole, refuse_encoded
from wire.errors import ApiError, BadRequest, PayloadTooLarge, UnsupportedMediaType
from wire.requests import unknown_field

MAX_PAGE_FORM_BYTES = 64 * 1024


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
    most = max_megabytes * 1024 * 1024 + FRAMING_BYTES
    try:
        return read_form(request, most, f"An upload ({max_megabytes} MB)")
    except OSError as error:
        raise _full_disk(error) from None


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


# As JSON and Python write them.
ON, OFF = ("true", "True", "1"), ("false", "False", "0")


def switch(name: str, texts: Mapping[str, str], default: bool) -> bool:
    """Return a form field or query parameter that is one of ON or OFF."""
    text = texts.get(name, ON[0] if default else OFF[0])
    if text not in (*ON, *OFF):
        message = f"Invalid value for '{name}': '{text[:80]}'. It must be true or false."
        raise BadRequest(message, code="invalid_value", param=name)
    return text in ON


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


def _full_disk(error: OSError) -> Exception:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    message = "The disk of the service has no room for this upload; nothing was kept."
    return ApiError(message, code="insufficient_storage", type="server_error", status=507)
