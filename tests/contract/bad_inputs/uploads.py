"""Rows U of promises.md's table: files, and the forms and archives that they come in."""

import gzip
import pickle

from tests.contract.bad_inputs.archives import CONVERTED, zipped
from tests.contract.bad_inputs.case import MULTIPART, UPLOAD, Bad, everywhere, form

LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n'
MEGABYTE = 1024 * 1024
FORM = {"Content-Type": MULTIPART}


def _sent(row: str, call: str, body: bytes, status: int, code: str | None, what: str = "") -> Bad:
    return Bad(row, call, body, status, code, what, FORM)


def _upload(row: str, content: bytes, what: str, code: str = "invalid_training_file", name: str = "a.jsonl") -> Bad:
    return _sent(row, "POST /upload_files", form(("files", name, content)), 400, code, what)


PICKLE = pickle.dumps({"a": [1, 2]})
MAGIC = {
    "a pickle": PICKLE,
    "a pickle of PyTorch": zipped(("archive/data.pkl", PICKLE)),
    "HDF5 (.h5, .keras)": b"\x89HDF\r\n\x1a\n" + b"\0" * 64,
    "NumPy's own": b"\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n" + PICKLE,
    "gzip": gzip.compress(LINE),
    "a GGUF": b"GGUF\x03\0\0\0" + b"\0" * 16,
    "a program": b"\x7fELF\x02\x01\x01" + b"\0" * 57,
    "a PDF": b"%PDF-1.7\n",
    "SQLite": b"SQLite format 3\0" + b"\0" * 84,
    "safetensors": b"\x08\0\0\0\0\0\0\0{}      ",
}
PAGES = {
    "HTML with a script": b"<html><script>alert(1)</script></html>",
    "SVG with a script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "a template": b"{{ config }}\n",
}
LINES = {
    "line 7 no JSON": LINE * 6 + b"{oops\n" + LINE,
    "line 7 no object": LINE * 6 + b"[1]\n" + LINE,
    "a comma after a line": LINE.strip() + b",\n",
    "UTF-16": LINE.decode().encode("utf-16"),
    "UTF-8 that breaks off": LINE + b'{"messages": "\xe4\xb8',
    "NaN": LINE.replace(b'"a"', b"NaN"),
    "a key twice": b'{"messages":[],"messages":[]}\n',
    "half a surrogate pair": LINE.replace(b'"a"', b'"\\ud800"'),
    "100,000 levels": b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "no messages": b'{"text": "a"}\n',
    "an empty list": b'{"messages": []}\n',
    "no answer": b'{"messages":[{"role":"user","content":"q"}]}\n',
    "a role that is none": LINE.replace(b"assistant", b"wizard"),
    "content that is a number": LINE.replace(b'"a"', b"7"),
    "an array of all": b"[" + LINE.strip() + b"]",
    "lines of NUL": b"\0" * 100 + b"\n",
    "5,000 digits": LINE.replace(b'"a"', b"9" * 5000),
}
EMPTY = {"nothing": b"", "blanks": b" \n\t\r\n ", "a byte order mark": b"\xef\xbb\xbf", "one newline": b"\n"}

_FILE = form(("files", "a.jsonl", LINE))
_TWO = form(("files", "a.jsonl", LINE), ("files", "b.jsonl", LINE))
_MANY = form(*[("files", "a.jsonl", LINE) for _ in range(1001)])
_FIELDS = form(("files", "a.jsonl", LINE), ("validate", None, b"x" * 140_000))
FORMS = [
    Bad("U2", "", _FILE, 400, "invalid_multipart", "without a boundary", {"Content-Type": "multipart/form-data"}),
    Bad(
        "U2",
        "",
        _FILE,
        400,
        "incomplete_upload",
        "of another boundary",
        {"Content-Type": "multipart/form-data; boundary=c"},
    ),
    Bad(
        "U2",
        "",
        _FILE,
        400,
        "invalid_multipart",
        "an empty boundary",
        {"Content-Type": "multipart/form-data; boundary="},
    ),
    _sent("U2", "", b"", 400, "incomplete_upload", "no byte"),
    _sent("U2", "", b"--b--\r\n", 400, "missing_required_parameter", "no part"),
    _sent("U2", "", b"--b\r\nX: y\r\n\r\nz\r\n--b--\r\n", 400, "invalid_multipart", "a part without a name"),
    _sent("U2", "", _FILE.replace(b"form-data; ", b""), 400, "invalid_multipart", "a part that is none"),
    _sent("U3", "", _FILE[:-8], 400, "incomplete_upload", "no closing boundary"),
    _sent("U3", "", _FILE[:-3], 400, "incomplete_upload", "half a closing boundary"),
    _sent("U3", "", _FILE[:60], 400, "incomplete_upload", "cut in a part's head"),
    _sent("U4", "", _TWO[:-40], 400, "incomplete_upload", "cut in the second file"),
    _sent("U4", "", _TWO[: len(_FILE) + 10], 400, "incomplete_upload", "cut in the second head"),
    _sent("G25", "", _MANY, 413, "body_too_large", "1,001 parts"),
    _sent("G25", "", _FIELDS, 413, "body_too_large", "a field of 600 KB"),
    Bad("G25", "", b"", 413, "body_too_large", "a terabyte, announced", FORM | {"Content-Length": str(2**40)}),
    _sent("U20", "", form(("file", "a.jsonl", LINE)), 400, "unknown_parameter", "a field that is none"),
    _sent("U20", "", form(("files", None, LINE)), 400, "invalid_type", "a file as text"),
]

SERVICE = (
    *everywhere(FORMS, ("POST /upload_files", "POST /datasets/check")),
    *(_upload("U6", content, what) for what, content in EMPTY.items()),
    _sent(
        "U7",
        "POST /upload_files",
        form(("files", "a.jsonl", b" " * MEGABYTE + b" ")),
        413,
        "file_too_large",
        "a byte too much",
    ),
    _sent(
        "U7",
        "POST /upload_files",
        form(("files", "a.jsonl", b" " * 3 * MEGABYTE)),
        413,
        "body_too_large",
        "2 MB too much",
    ),
    *(_upload("U11", content, what, name="x.html") for what, content in PAGES.items()),
    *(_upload("U12", content, f"{what}, named .jsonl") for what, content in MAGIC.items()),
    *(_upload("U15", content, what) for what, content in LINES.items()),
    _sent(
        "U20",
        "POST /upload_files",
        form(("files", "a.jsonl", LINE), ("purpose", None, b"admin")),
        400,
        "unknown_parameter",
    ),
    _sent(
        "U20",
        "POST /upload_files",
        form(("files", "a.jsonl", LINE), ("validate", None, b"maybe")),
        400,
        "invalid_value",
    ),
    _sent("U20", "POST /upload_files?path=/etc", _FILE, 400, "unknown_parameter"),
    *(
        _sent("U21", "POST /datasets/convert", form(("files", "slack.zip", content)), 400, "unreadable_source", what)
        for what, content in CONVERTED.items()
    ),
    *(
        _sent("U21", "POST /datasets/convert", form(("files", "a.csv", LINE), (name, None, value)), 400, code)
        for name, value, code in (
            *(("session_gap", b"-1", "invalid_value"), ("session_gap", b"soon", "invalid_value")),
            *(("format", b"../../x", "unreadable_source"), ("encoding", b"rot13", "invalid_value")),
            *(("output_dir", b"/tmp", "unknown_parameter"), ("valid_share", b"7", "invalid_value")),
            *(("encoding", b"zlib", "invalid_value"), ("rules", b"image=explode", "invalid_value")),
        )
    ),
)


def _file(row: str, status: int, *fields: tuple[str, str | None, bytes], what: str = "") -> Bad:
    return _sent(row, "POST /v1/files", form(*fields), status, None, what or f"{fields}"[:60])


_GOOD = ("file", "a.jsonl", LINE)
_TRAIN = ("purpose", None, b"fine-tune")
ENGINE = (
    _file("U2", 400, what="no part"),
    _file("U20", 400, _GOOD, what="no purpose"),
    _file("U20", 400, _TRAIN, what="no file"),
    _file("U20", 400, _TRAIN, ("file", None, LINE), what="a file as text"),
    *(_file("U20", 400, _GOOD, ("purpose", None, one)) for one in (b"admin", b"", b"fine-tune\0", b"FINE-TUNE")),
    *(
        _file("U20", 400, _GOOD, ("purpose", None, one))
        for one in (b"fine-tune-results", b"../x", b"assistants_output")
    ),
    *(
        _file("U11", 400, _TRAIN, ("file", name, LINE))
        for name in ("x.html", "x.svg", "x.pkl", "x.jsonl.exe", "jsonl", "x.jsonl\\u0000.pt", "x.zip")
    ),
    *(_file("U9", 400, _TRAIN, ("file", name, LINE), what=ascii(name)) for name in ("", ".", "..", "a\0b", "/")),
    *(
        _sent(
            "U20",
            "POST /v1/files",
            form(_GOOD, _TRAIN, (f"expires_after[{name}]", None, value)),
            400,
            code,
            f"{name} {value!r}",
        )
        for name, value, code in (
            *(
                ("seconds", b"3600", "missing_required_parameter"),
                ("anchor", b"created_at", "missing_required_parameter"),
            ),
            *(("anchor", b"deleted_at", "invalid_value"), ("forever", b"1", "unknown_parameter")),
        )
    ),
    *(
        Bad("U13", f"POST /v1/uploads/{UPLOAD}/complete", {"part_ids": ["part_x"], "md5": md5}, 400, code)
        for md5, code in (("nonsense", "invalid_value"), (7, "invalid_type"), ("0" * 33, "invalid_value"))
    ),
    Bad("U13", f"POST /v1/uploads/{UPLOAD}/complete", {"part_ids": []}, 400, "invalid_value"),
    Bad("U13", f"POST /v1/uploads/{UPLOAD}/complete", {"part_ids": ["../../x"]}, 404, None),
    Bad("U13", "POST /v1/uploads/upload_x/complete", {"part_ids": ["x"]}, 404, None),
    Bad("U13", "POST /v1/uploads/upload_x/cancel", None, 404, None),
    _sent("U13", "POST /v1/uploads/upload_x/parts", form(("data", "d", b"x")), 404, None),
    _sent(
        "U13",
        f"POST /v1/uploads/{UPLOAD}/parts",
        form(("data", "d", b"x" * 10_000)),
        400,
        "invalid_value",
        "more than announced",
    ),
    _sent("U13", f"POST /v1/uploads/{UPLOAD}/parts", form(("date", "d", b"x")), 400, None, "no data"),
    *(
        Bad(
            "U20",
            "POST /v1/uploads",
            {"bytes": 9, "filename": "a.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune", **wrong},
            400,
            code,
        )
        for wrong, code in (
            *(({"bytes": 0}, "invalid_value"), ({"bytes": -1}, "invalid_value"), ({"bytes": 1.5}, "invalid_type")),
            *(
                ({"bytes": 2**63}, "invalid_value"),
                ({"bytes": "9"}, "invalid_type"),
                ({"bytes": 10**30}, "invalid_value"),
            ),
            *(({"purpose": "admin"}, None), ({"filename": ""}, "invalid_value"), ({"filename": "a.pkl"}, None)),
            *(({"filename": "a\0b.jsonl"}, "invalid_value"), ({"filename": "."}, None)),
            *(({"path": "/etc"}, "unknown_parameter"), ({"mime_type": None}, "invalid_type")),
            ({"expires_after": {"anchor": "created_at", "seconds": 1}}, "invalid_value"),
        )
    ),
    _sent("U15", "POST /v1/token_counts", form(("model", None, b"tiny")), 400, None, "no file"),
    _sent("F1", "POST /v1/token_counts", form(_GOOD, ("model", None, b"../x")), 404, "model_not_found"),
)

# U9, U10, U23: taken, for a name is a label and a formula is text.
LABELS = {
    "../../etc/passwd.jsonl": "passwd.jsonl",
    "..\\..\\x.jsonl": "....x.jsonl",  # a backslash quotes the next letter in a header
    "/abs.jsonl": "abs.jsonl",
    "C:\\x.jsonl": "C:x.jsonl",
    "CON.jsonl": "CON.jsonl",
    ".env.jsonl": ".env.jsonl",
    "a\u202eb.jsonl": "ab.jsonl",
    "a\0b.jsonl": "ab.jsonl",
    ".": "upload",
    "": "upload",
    "x" * 5000 + ".jsonl": "x" * 249 + ".jsonl",
    "名前.jsonl": "名前.jsonl",
    "=HYPERLINK(1).jsonl": "=HYPERLINK(1).jsonl",
    "<img src=x onerror=alert(1)>.jsonl": "<img src=x onerror=alert(1)>.jsonl",
    "$(id);rm -rf.jsonl": "$(id);rm -rf.jsonl",
    "%2e%2e%2fx.jsonl": "%2e%2e%2fx.jsonl",
}
