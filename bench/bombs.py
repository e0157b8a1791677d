"""Writes ZIP and XLSX files that would burst; it opens none of them."""

import gzip
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

MEGABYTE = 1_000_000


def packed(path: Path, members: dict[str, Callable[[], Iterator[bytes]]]) -> Path:
    """A ZIP of what is made piece by piece."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in members.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.writelines(pieces())
    return path


def zeros(megabytes: int) -> Iterator[bytes]:
    """So much of nothing."""
    return (b"0" * MEGABYTE for _ in range(megabytes))


def zip_bomb(folder: Path, _: int) -> Path:
    """2 GB in a Slack export of 2 MB."""
    some = {"users.json": lambda: iter([b"[]"]), "channels.json": lambda: iter([b'[{"id":"C1","name":"a"}]'])}
    return packed(folder / "slack.zip", some | {"a/2026-11-18.json": partial(zeros, 2000)})


def nested_bomb(folder: Path, _: int) -> Path:
    """Bombs within a ZIP."""
    inner = zip_bomb(folder, 0).read_bytes()
    some = {"users.json": lambda: iter([b"[]"]), "channels.json": lambda: iter([b'[{"id":"C1","name":"a"}]'])}
    return packed(folder / "nested.zip", some | {f"a/{number}.json": lambda: iter([inner]) for number in range(50)})


def workbook(path: Path, rows: Callable[[], Iterator[bytes]], strings: Callable[[], Iterator[bytes]]) -> Path:
    """An XLSX file of one sheet."""
    types = (
        b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        b'<Default Extension="xml" ContentType="application/xml"/></Types>'
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    link = f'<Relationship Id="r{{}}" Type="{office}/{{}}" Target="{{}}"/>'
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    book = f'<workbook {main} xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>'
    outer = link.format(1, "officeDocument", "xl/workbook.xml")
    inner = link.format(1, "worksheet", "worksheets/s.xml") + link.format(2, "sharedStrings", "sharedStrings.xml")

    def sheet() -> Iterator[bytes]:
        yield f"<worksheet {main}><sheetData>".encode()
        yield from rows()
        yield b"</sheetData></worksheet>"

    def shared() -> Iterator[bytes]:
        yield f"<sst {main}>".encode()
        yield from strings()
        yield b"</sst>"

    return packed(
        path,
        {
            "[Content_Types].xml": lambda: iter([types]),
            "_rels/.rels": lambda: iter([relations.format(outer).encode()]),
            "xl/workbook.xml": lambda: iter([book.encode()]),
            "xl/_rels/workbook.xml.rels": lambda: iter([relations.format(inner).encode()]),
            "xl/sharedStrings.xml": shared,
            "xl/worksheets/s.xml": sheet,
        },
    )


def padded_workbook(folder: Path, megabytes: int) -> Path:
    """A sheet that unpacks to five times as much."""
    cells = b'<row r="1"><c r="A1"><v>1</v></c></row>' * 25_000
    return workbook(folder / "padded.xlsx", lambda: (cells for _ in range(5 * megabytes)), lambda: iter(()))


def wide_workbook(folder: Path, _: int) -> Path:
    """A sheet with two cells at opposite ends: a grid of 17 thousand million."""
    ends = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return workbook(folder / "wide.xlsx", lambda: iter([ends]), lambda: iter(()))


def repeated_workbook(folder: Path, _: int) -> Path:
    """One text of a megabyte in a thousand cells."""
    rows = (f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>'.encode() for row in range(1, 1001))
    text = b"<si><t>" + b"a" * MEGABYTE + b"</t></si>"
    return workbook(folder / "repeated.xlsx", lambda: rows, lambda: iter([text]))


def crowded_zip(folder: Path, _: int) -> Path:
    """A hundred thousand members."""
    with zipfile.ZipFile(folder / "crowded.zip", "w") as archive:
        for number in range(100_000):
            archive.writestr(f"{number}.json", b"")
    return folder / "crowded.zip"


def many_strings(folder: Path, _: int) -> Path:
    """Three million texts that a sheet could show, of which it shows one."""
    row = b'<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    strings = (b"<si><t>" + b"text" * 20 + b"</t></si>" for _ in range(3_000_000))
    return workbook(folder / "strings.xlsx", lambda: iter([row]), lambda: strings)


def deep_workbook(folder: Path, _: int) -> Path:
    """A million elements, each within the one before."""
    return workbook(folder / "deep.xlsx", lambda: iter([b"<row>" * 1_000_000]), lambda: iter(()))


def laughing_workbook(folder: Path, _: int) -> Path:
    """Entities that stand for ten others each: a thousand million laughs."""
    laughs = b"".join(b'<!ENTITY %c "%s">' % (one, b"&%c;" % (one - 1) * 10) for one in range(ord("b"), ord("k")))
    told = b'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "ha">' + laughs + b"]><sst><si><t>&j;</t></si></sst>"
    row = b'<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    made = workbook(folder / "plain.xlsx", lambda: iter([row]), lambda: iter(()))
    with zipfile.ZipFile(made) as plain, zipfile.ZipFile(folder / "laughs.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in plain.namelist():
            archive.writestr(name, told if name == "xl/sharedStrings.xml" else plain.read(name))
    return folder / "laughs.xlsx"


def document(folder: Path, _: int) -> Path:
    """A DOCX whose text unpacks to a gigabyte."""
    some = {"[Content_Types].xml": lambda: iter([b"<Types/>"])}
    return packed(folder / "a.docx", some | {"word/document.xml": partial(zeros, 1000)})


def gzipped(folder: Path, _: int) -> Path:
    """Lines of JSON, packed a thousand to one, under the name of plain ones."""
    path = folder / "packed.jsonl"
    with gzip.open(path, "wb") as file:
        for piece in zeros(1000):
            file.write(piece)
    return path


def _written(name: str, piece: bytes, times: int, folder: Path, _: int) -> Path:
    """One piece over and over."""
    with (folder / name).open("wb") as file:
        for _ in range(times):
            file.write(piece)
    return folder / name


tiny_lines = partial(_written, "tiny.jsonl", b"1\n" * 100_000, 100)
empty_lines = partial(_written, "empty.jsonl", b"\n" * 100_000, 100)
empty_objects = partial(_written, "objects.jsonl", b"{}\n" * 100_000, 100)
one_line = partial(_written, "line.jsonl", b"a" * MEGABYTE, 400)
one_number = partial(_written, "number.jsonl", b"9" * MEGABYTE, 5)
open_lists = partial(_written, "lists.json", b"[" * MEGABYTE, 13)
open_objects = partial(_written, "deep.json", b'{"a":' * 200_000, 10)
many_zeros = partial(_written, "zeros.json", b"[" + b"0," * 500_000, 20)
many_columns = partial(_written, "columns.csv", b"a," * 500_000, 20)
open_quote = partial(_written, "quote.csv", b'a,"' + b"b" * MEGABYTE, 100)
many_parts = partial(
    _written,
    "parts.jsonl",
    b"a" * 450_000 + b'\r\n--b\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\n',
    900,
)
open_tags = partial(_written, "tags.html", b"<div>" * 200_000, 20)
escapes = partial(_written, "escapes.jsonl", b'{"messages":"' + b"\\u0041" * 160_000, 20)
