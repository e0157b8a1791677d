"""A workbook may show cells of another, which lies on a disk or at an address: only what it holds itself is read."""

import io
import socket
import zipfile
from pathlib import Path

import pytest

from tests.dataprep.sources.opened import read_as, turns_of
from tests.dataprep.sources.workbooks import packed_workbook

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_CELL = '<c r="{}" t="str"><f>[1]S1!$A$1</f><v>held</v></c>'
ROWS = (
    '<row r="1"><c r="A1" t="str"><v>question</v></c><c r="B1" t="str"><v>answer</v></c></row>'
    f'<row r="2">{_CELL.format("A2")}{_CELL.format("B2")}</row>'
)


def linked(place: str) -> bytes:
    """A workbook whose cells show those of the one at `place`, and hold what was last seen there."""
    link = f'<Relationship Id="r1" Type="{_OFFICE}/externalLinkPath" Target="{place}" TargetMode="External"/>'
    names = '<sheetNames><sheetName val="S1"/></sheetNames>'
    book = f'<externalBook xmlns:r="{_OFFICE}" r:id="r1">{names}</externalBook>'
    packed = io.BytesIO(packed_workbook(ROWS))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("xl/externalLinks/externalLink1.xml", f'<externalLink xmlns="{_MAIN}">{book}</externalLink>')
        relations = f'<Relationships xmlns="{_PACKAGE}">{link}</Relationships>'
        archive.writestr("xl/externalLinks/_rels/externalLink1.xml.rels", relations)
    return packed.getvalue()


def test_a_link_to_another_workbook_is_not_followed(tmp_path: Path) -> None:
    other, path = tmp_path / "other.xlsx", tmp_path / "faq.xlsx"
    other.write_bytes(packed_workbook('<row r="1"><c r="A1" t="str"><v>canary</v></c></row>'))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        for place in (f"http://127.0.0.1:{listening.getsockname()[1]}/other.xlsx", other.as_uri(), "other.xlsx"):
            path.write_bytes(linked(place))
            assert turns_of(read_as("qa-xlsx", path)) == [[("user", "held"), ("assistant", "held")]]
        with pytest.raises(BlockingIOError):
            listening.accept()
