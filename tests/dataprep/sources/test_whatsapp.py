"""WhatsApp's text exports: heads of Android and iOS, dates in any order, and the program's own words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.masking import Masker
from dataprep.records import Kind, LeftOut, Message
from dataprep.sources.registry import look_at
from dataprep.sources.whatsapp import SOURCES
from tests.dataprep.sources.exports import messages, numbers, read, reasons, spoiled, try_to_read, write

ANDROID = """5/9/26, 9:00\u202fAM - Messages and calls are end-to-end encrypted. Nobody outside can read them.
5/9/26, 9:00\u202fAM - Ann 🐢: ready?
5/9/26, 9:01\u202fAM - Ben O: nearly.
- one: more line

5/9/26, 12:05\u202fPM - Ann 🐢: <Media omitted>
5/9/26, 12:05\u202fAM - Ann 🐢: VID-20260509-WA0002.mp4 (file attached)
the leak
5/13/26, 9:04\u202fPM - Ben O: saw it <This message was edited>
5/13/26, 9:05\u202fPM - Ben O: This message was deleted
5/13/26, 9:06\u202fPM - Ann 🐢: null
5/13/26, 9:07\u202fPM - Ann 🐢: location: https://maps.google.com/?q=1.0,2.0
5/13/26, 9:08\u202fPM - Missed voice call
5/13/26, 9:09\u202fPM - Ann 🐢 changed the group name to "Pipes: again"
"""
IOS = """[05.11.26, 09:00:00] Uwe: \u200eNachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.
[05.11.26, 09:01:02] Uwe: fast fertig.
\u200e[05.11.26, 09:01:05] Eva: \u200eBild weggelassen
\u200e[06.11.26, 09:02:00] Eva: \u200e<Anhang: 00000012-AUDIO-2026-11-06.opus>
[06.11.26, 09:03:00] Eva: \u200eplan.pdf • 3 Seiten Dokument weggelassen
[06.11.26, 09:04:00] Uwe: besser so \u200e<Diese Nachricht wurde bearbeitet.>
[06.11.26, 09:05:00] Uwe: Du hast diese Nachricht gelöscht.
[06.11.26, 09:06:00] Eva: \u200eVerpasster Sprachanruf
""".replace("\n", "\r\n")


def read_text(tmp_path: Path, text: str, name: str = "WhatsApp Chat with Ann.txt") -> list[Message]:
    """The messages of a text."""
    return messages(read(write(tmp_path, name, text), "whatsapp-txt"))


def dates(tmp_path: Path, text: str) -> list[str]:
    """The times of a text, as ISO without zone."""
    moments = (one.timestamp for one in read_text(tmp_path, text))
    return [datetime.fromtimestamp(at or 0, UTC).strftime("%Y-%m-%dT%H:%M") for at in moments]


def test_why_it_is_whatsapps_counts_the_lines_that_there_are(tmp_path: Path) -> None:
    for end in ("", "\n", "\r\n"):
        path = write(tmp_path, "chat.txt", "5/9/26, 9:00 - Ann: ready?\n5/9/26, 9:01 - Ben: nearly." + end)
        assert SOURCES[0].recognise(look_at(path)) == "2 of the first 2 lines start as WhatsApp's do (Android)"


def test_android_lines_have_their_kinds_and_words(tmp_path: Path) -> None:
    rows = read_text(tmp_path, ANDROID)
    assert [(one.sender_id, one.kind, one.text) for one in rows[1:-1]] == [
        ("Ann 🐢", Kind.TEXT, "ready?"),
        ("Ben O", Kind.TEXT, "nearly.\n- one: more line"),
        ("Ann 🐢", Kind.IMAGE, ""),
        ("Ann 🐢", Kind.VIDEO, "the leak"),
        ("Ben O", Kind.TEXT, "saw it"),
        ("Ben O", Kind.RECALL, "This message was deleted"),
        ("Ann 🐢", Kind.OTHER, ""),
        ("Ann 🐢", Kind.LOCATION, ""),
        ("", Kind.CALL, "Missed voice call"),
    ]
    assert [(one.sender_id, one.kind) for one in (rows[0], rows[-1])] == [("", Kind.SYSTEM), ("", Kind.SYSTEM)]
    assert (rows[1].chat_name, rows[1].is_group, rows[1].is_self) == ("Ann", False, None)


def test_ios_lines_have_their_kinds_and_words(tmp_path: Path) -> None:
    rows = read_text(tmp_path, IOS, "_chat.txt")
    assert [(one.sender_id, one.kind, one.text) for one in rows[1:]] == [
        ("Uwe", Kind.TEXT, "fast fertig."),
        ("Eva", Kind.IMAGE, ""),
        ("Eva", Kind.VOICE, ""),
        ("Eva", Kind.FILE, "plan.pdf"),
        ("Uwe", Kind.TEXT, "besser so"),
        ("Uwe", Kind.RECALL, "Du hast diese Nachricht gelöscht."),
        ("Eva", Kind.CALL, "Verpasster Sprachanruf"),
    ]
    assert (rows[0].sender_id, rows[0].kind) == ("", Kind.SYSTEM)


def test_rows_are_the_lines_that_start_a_message(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "a.txt", ANDROID), "whatsapp-txt")
    assert numbers(rows) == [1, 2, 3, 6, 7, 9, 10, 11, 12, 13, 14]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3/4/26, 9:00 - A: a\n3/14/26, 9:00 - B: b\n", ["2026-03-04T09:00", "2026-03-14T09:00"]),
        ("3/4/26, 9:00 - A: a\n14/4/26, 9:00 - B: b\n", ["2026-04-03T09:00", "2026-04-14T09:00"]),
        (
            "5/1/26, 9:00 - A: a\n6/1/26, 9:00 - B: b\n1/2/26, 9:00 - B: c\n",
            ["2026-01-05T09:00", "2026-01-06T09:00", "2026-02-01T09:00"],
        ),
        (
            "1/5/26, 9:00 - A: a\n1/6/26, 9:00 - B: b\n2/1/26, 9:00 - B: c\n",
            ["2026-01-05T09:00", "2026-01-06T09:00", "2026-02-01T09:00"],
        ),
        ("3/4/26, 9:00 PM - A: a\n", ["2026-03-04T21:00"]),
        ("3.4.26, 21:00 - A: a\n", ["2026-04-03T21:00"]),
        ("2026/3/4 上午12:30 - A: a\n2026/3/4 下午12:30 - A: a\n", ["2026-03-04T00:30", "2026-03-04T12:30"]),
        ("[2026/3/4 下午1:05:09] A: a\n[2026/3/4 晚上9:05:09] A: a\n", ["2026-03-04T13:05", "2026-03-04T21:05"]),
        ("3/4/2026, 9:00 p. m. - A: a\n13/4/2026, 12:00 a.\u00a0m. - A: a\n", ["2026-04-03T21:00", "2026-04-13T00:00"]),
    ],
)
def test_day_and_month_are_told_apart_by_the_whole_file(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert dates(tmp_path, text) == expected


@pytest.mark.parametrize(
    "text",
    ["missed you so much", "video call?", "I left the image omitted there", "好的：十点见", "a: b", "see <b>x</b>"],
)
def test_what_people_say_stays_text(tmp_path: Path, text: str) -> None:
    assert [(one.kind, one.text) for one in read_text(tmp_path, f"3.4.26, 21:00 - A: {text}\n")] == [(Kind.TEXT, text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<省略影音内容>", Kind.IMAGE),
        ("\u200e圖片已略去", Kind.IMAGE),
        ("<Medien ausgeschlossen>", Kind.IMAGE),
        ("sticker omitted", Kind.STICKER),
        ("<Media har utelämnats>", Kind.IMAGE),
        ("STK-1-WA0003.webp (file attached)", Kind.STICKER),
        ("这条消息已删除", Kind.RECALL),
        ("此訊息已刪除", Kind.RECALL),
        ("未接语音通话", Kind.CALL),
        ("Video call, 5 min", Kind.CALL),
    ],
)
def test_the_programs_words_are_known_in_its_languages(tmp_path: Path, text: str, kind: Kind) -> None:
    assert [one.kind for one in read_text(tmp_path, f"3.4.26, 21:00 - A: {text}\n")] == [kind]


def test_a_document_is_its_name_without_its_pages(tmp_path: Path) -> None:
    [message] = read_text(tmp_path, "[3.4.26, 21:00:01] A: spec.pdf • \u200e3 pages \u200edocument omitted\n")
    assert (message.kind, message.text) == (Kind.FILE, "spec.pdf")
    [message] = read_text(tmp_path, "[3.4.26, 21:00:01] A: tea • 3 cups, image omitted\n")
    assert (message.kind, message.text) == (Kind.TEXT, "tea • 3 cups, image omitted")


def test_a_number_that_is_mentioned_is_written_as_the_number_that_it_is(tmp_path: Path) -> None:
    said = "9/20/26, 8:03 PM - Ann: @4915112345678 and @12 and ann@12345678.example see @8613812345678\n"
    [message] = read_text(tmp_path, said)
    assert message.text == "@+4915112345678 and @12 and ann@12345678.example see @+8613812345678"
    assert Masker().mask(message.text) == "@[PHONE_1] and @12 and [EMAIL_1] see @[PHONE_2]"


def test_three_people_make_a_group(tmp_path: Path) -> None:
    text = "".join(f"3.4.26, 21:00 - {name}: hi\n" for name in "ABC")
    assert all(one.is_group for one in read_text(tmp_path, text))


def test_impossible_dates_and_stray_lines_are_accounted_for(tmp_path: Path) -> None:
    text = "3.4.26, 21:00 - A: hi\n" * 3 + "45.4.26, 21:00 - A: hi\n3.4.26, 25:00 - A: hi\n"
    rows = list(SOURCES[0].read(look_at(write(tmp_path, "a.txt", "hello\n" + text))))
    assert reasons(rows) == ["stray_line", "broken_row", "broken_row"]
    assert [row.place.row for row in rows if isinstance(row, LeftOut)] == [1, 5, 6]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoiled(ANDROID.encode()) | spoiled(IOS.encode()))
def test_no_spoiled_text_raises(tmp_path: Path, content: bytes) -> None:
    rows = try_to_read(SOURCES[0], write(tmp_path, "a.txt", content))
    assert numbers(rows) == sorted(set(numbers(rows)))
