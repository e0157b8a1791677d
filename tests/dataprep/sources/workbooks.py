"""Writes XLSX files for tests, with just the parts that a reader needs."""

import io
import zipfile

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def packed_workbook(*sheets: str, strings: str = "") -> bytes:
    """An XLSX file of sheets given as the XML of their rows, and of shared strings given as the XML of their items."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
    links = "".join(_link(f"r{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in numbers)
    members = {
        "_rels/.rels": _links(_link("b", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _links(links + _link("t", "sharedStrings", "sharedStrings.xml")),
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{strings}</sst>',
    }
    for number, rows in zip(numbers, sheets, strict=True):
        data = f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        members[f"xl/worksheets/sheet{number}.xml"] = data
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in members.items():
            packed.writestr(name, text)
    return file.getvalue()


def _links(links: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}">{links}</Relationships>'


def _link(name: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{name}" Type="{_DOCUMENT}/{kind}" Target="{target}"/>'
