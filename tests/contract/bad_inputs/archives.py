"""Archives and sheets that are no exports, or are meant to harm who opens them."""

import io
import zipfile


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A ZIP of (name, content)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def _linked() -> bytes:
    """A ZIP whose member is a symbolic link to a file of this machine's."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("users.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("channels.json", "[]")
    return packed.getvalue()


def _encrypted() -> bytes:
    """A ZIP that says of its member that it is encrypted."""
    packed = bytearray(zipped(("users.json", b"[]"), ("channels.json", b"[]")))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = packed.find(mark)
        while at >= 0:
            packed[at + flags] |= 1
            at = packed.find(mark, at + 4)
    return bytes(packed)


def workbook(sheet: bytes, book: bytes = b"", target: bytes = b"worksheets/s.xml") -> bytes:
    """An XLSX of one sheet, which the book says is at `target`, and with a book of its own if that is given."""
    main = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>'
    )
    link = b'<Relationship Id="r1" Type="' + office + b'/%s" Target="%s"/>'
    own = (
        b"<workbook "
        + main
        + b' xmlns:r="'
        + office
        + b'"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>'
    )
    return zipped(
        ("[Content_Types].xml", b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'),
        ("_rels/.rels", relations % (link % (b"officeDocument", b"xl/workbook.xml"))),
        ("xl/workbook.xml", book or own),
        ("xl/_rels/workbook.xml.rels", relations % (link % (b"worksheet", target))),
        ("xl/worksheets/s.xml", sheet),
    )


DTD = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "b"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("m")))
    + b"]><w>&l;</w>"
)
_ENDS = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1000000"><c r="XFD1000000"><v>1</v></c></row>'
FAR = b"<worksheet><sheetData>" + _ENDS + b"</sheetData></worksheet>"
ELSEWHERE = b'file:///etc/passwd" TargetMode="External'
SHEET = b"<worksheet><sheetData><row><c><v>&f;&a;</v></c></row></sheetData></worksheet>"

CONVERTED = {
    "no export": b"nothing that anybody exports",
    "a ZIP of nothing known": zipped(("readme.txt", b"hello")),
    "a ZIP with ..": zipped(("../../etc/cron.d/x", b"[]"), ("users.json", b"[]")),
    "a ZIP with an absolute name": zipped(("/etc/cron.d/x", b"[]"), ("users.json", b"[]")),
    "a ZIP with a link": _linked(),
    "an encrypted ZIP": _encrypted(),
    "a ZIP in a ZIP": zipped(("inner.zip", zipped(("users.json", b"[]")))),
    "a ZIP cut short": zipped(("users.json", b"[]"), ("channels.json", b"[]"))[:-30],
    "a ZIP of 9,000 names": zipped(*[(f"{number}.json", b"") for number in range(9_000)]),
    "an XLSX with a DTD in its sheet": workbook(DTD + SHEET),
    "an XLSX with a DTD in its book": workbook(SHEET, DTD + b"<workbook/>"),
    "an XLSX that laughs": workbook(LAUGHS),
    "an XLSX of a million rows by 16,384 columns": workbook(FAR),
    "an XLSX whose sheet is a file of this machine's": workbook(SHEET, target=ELSEWHERE),
    "an XLSX without a sheet": zipped(("[Content_Types].xml", b""), ("xl/workbook.xml", b"<workbook/>")),
    "XML": DTD + b"<w>&f;</w>",
}
