"""Recognises files that are something else than JSONL from their first line; it does not check examples."""

from dataprep.checks.report import Problem

_SIGNATURES = {
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive (an .xlsx or .docx is one too)",
    b"PK\x05\x06": "a zip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"PAR1": "a Parquet file",
    b"%PDF-": "a PDF document",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"GGUF": "a GGUF model",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Office document",
}
_PICKLE_PROTOCOLS = b"\x02\x03\x04\x05"
_SEPARATORS = (",", "\t", ";", "|")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def unmask_bytes(first_line: bytes) -> Problem | None:
    """Say what a binary or UTF-16 file really is; None if the line may be text in UTF-8."""
    if first_line[:1] == b"\x80" and first_line[1:2] in _PICKLE_PROTOCOLS and len(first_line) > 1:
        return _refuse_type("a Python pickle")
    for magic, name in _SIGNATURES.items():
        if first_line.startswith(magic):
            return _refuse_type(name)
    if first_line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in first_line[:256]:
        detail = "the file is UTF-16, UTF-32 or binary, not UTF-8 text. Save it as UTF-8 (without BOM)."
        return Problem("", "invalid_encoding", detail, fix="recode")
    return None


def unmask_text(first_line: str) -> Problem | None:
    """Say what a text file without JSON objects on its lines really is; None if there is no telling."""
    text = first_line.strip()
    if text.startswith("["):
        detail = "the file is a JSON array. Write one object a line, without [ ] around and commas between them."
        return Problem("", "json_array", detail, fix="array_to_lines")
    if text.startswith("{"):
        return _refuse_spread() if text.endswith(("{", "[", ",")) and not text.endswith("},") else None
    if any(separator in text for separator in _SEPARATORS):
        detail = "the file looks like a table (CSV), not JSONL. Convert it if it is a sheet of questions and answers."
        return Problem("", "csv", detail)
    return None


def _refuse_type(name: str) -> Problem:
    detail = f"the file is {name}, not JSONL. Give plain text with one JSON object a line; convert sheets and exports."
    return Problem("", "unsupported_file_type", detail)


def _refuse_spread() -> Problem:
    detail = "a JSON object is spread over several lines. Write each object on one line of its own."
    return Problem("", "invalid_json", detail, fix="join_lines")
