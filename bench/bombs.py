"""Writes ZIP and XLSX files that would burst; it opens none of them."""

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
