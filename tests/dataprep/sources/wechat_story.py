"""One invented evening as every WeChat export should tell it, and the ways to read and to spoil a file."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hypothesis import strategies as st

from dataprep.records import Dialogue, Kind, LeftOut, Message, Row
from dataprep.sources import BY_NAME, UnreadableSource, look_at, recognise

# Whether the exporter said it, what it is, its words, what it quotes.
STORY = [
    (False, Kind.TEXT, "在吗", ""),
    (True, Kind.TEXT, "在\n刚下课，NA", ""),
    (False, Kind.IMAGE, "", ""),
    (False, Kind.TEXT, "晚上打球吗", ""),
    (True, Kind.REPLY, "可以，七点见", "晚上打球吗"),
    (False, Kind.VOICE, "那我先订场地", ""),
    (False, Kind.RECALL, "你撤回了一条消息", ""),
    (False, Kind.PAT, '"小满" 拍了拍我', ""),
    (False, Kind.LINK, "球馆价目", ""),
    (False, Kind.FILE, "名单 v3(终).xlsx", ""),
    (True, Kind.TRANSFER, "￥20.00 球费", ""),
    (False, Kind.CALL, "通话时长 00:42", ""),
    (True, Kind.STICKER, "", ""),
    (False, Kind.TEXT, "[捂脸] 忘带拍子了", ""),
]
OTHER, SELF = "wxid_xiaoman", "wxid_lin"
FIRST_GAP, WHOLE_EVENING = 5.0, 7_290.0
_SPLINTERS = [
    *(b"\x00", b'"', b"'", b"\n", b"\r", b",", b"\n\n", b"null", b"{}", b"[]", b"true", b"-1", b"1e999", b"9" * 5000),
    *(b"[" * 3000, b'{"a":' * 3000, b"\\ud800", b"\\u0000", b"\xff\xfe", b"\xed\xa0\x80", b"0", b"\xe2\x80\xa8"),
]


def read(file: Path) -> tuple[str, list[Row]]:
    """The name of the format that a file is recognised as, and its rows."""
    head = look_at(file)
    found = recognise(head)
    assert found, f"{file.name} is not recognised"
    return found[0].name, list(found[0].read(head))


def told(rows: Iterable[Row]) -> list[tuple[bool | None, Kind, str, str]]:
    """What the rows tell, in the shape of STORY."""
    messages = (row for row in rows if isinstance(row, Message))
    return [(row.is_self, row.kind, row.text, row.quoted_text) for row in messages]


def without_self(rows: Sequence[tuple[bool | None, Kind, str, str]]) -> list[tuple[Kind, str, str]]:
    """The story as files tell it that do not say whose they are."""
    return [row[1:] for row in rows]


def senders(rows: list[Row]) -> list[str]:
    """Who said what is said, and nobody for what the program said."""
    return [row.sender_name for row in rows if isinstance(row, Message)]


def times(rows: Iterable[Row]) -> list[float]:
    """How long after the first message each was sent, in seconds."""
    sent = [row.timestamp for row in rows if isinstance(row, Message) and row.timestamp is not None]
    return [moment - sent[0] for moment in sent]


def without_words(kind: Kind) -> list[tuple[bool | None, Kind, str, str]]:
    """The story as an export tells it that has no words for this kind."""
    return [(*row[:2], "", "") if row[1] == kind else row for row in STORY]


def spoiled(good: bytes) -> st.SearchStrategy[bytes]:
    """The file with some pieces overwritten, doubled or cut out."""
    place = st.integers(0, len(good))
    piece = st.one_of(st.sampled_from(_SPLINTERS), st.binary(max_size=8), st.builds(lambda a: good[a : a + 40], place))
    hit = st.tuples(place, st.integers(0, 30), piece)

    def spoil(hits: list[tuple[int, int, bytes]]) -> bytes:
        data = good
        for start, length, splinter in hits:
            data = data[:start] + splinter + data[start + length :]
        return data

    return st.lists(hit, min_size=1, max_size=4).map(spoil)


def survives(folder: Path, name: str, data: bytes) -> bool:
    """Whether reading these bytes as this format gives rows or a refusal, and nothing else."""
    file = folder / f"spoiled{'.xlsx' if name.endswith('xlsx') else ''}"
    file.write_bytes(data)
    head = look_at(file)
    recognise(head)
    try:
        rows = list(BY_NAME[name].read(head))
    except UnreadableSource as refusal:
        return len(str(refusal)) > 20
    return all(isinstance(row, Message | Dialogue | LeftOut) and row.place.row >= 1 for row in rows)


def writer(folder: Path) -> Callable[[str, str | bytes], Path]:
    """Return what writes a file of this name and content into the folder."""

    def write(name: str, content: str | bytes) -> Path:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return file

    return write
