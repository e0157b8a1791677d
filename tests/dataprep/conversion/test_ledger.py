"""The accounts: rows in are rows used and rows left behind, whatever happens."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataprep.conversion.convert import convert
from dataprep.conversion.inputs import labelled
from dataprep.conversion.ledger import REASONS, Ledger, explain, runs
from dataprep.conversion.loss_report import summarise, tell
from dataprep.conversion.options import Options
from dataprep.conversion.output import origin
from dataprep.records import Dialogue, Kind, LeftOut, Message, Place, Row
from tests.dataprep.chats import ANSWERED, ASKED, HE, ME, SHE, converted, said

TEXTS = st.sampled_from(["", "Lit?", "yes", "好\u200b的", "[图片]", "x" * 40, "\ud83d", "@me now", "13912345678"])
MESSAGES = st.builds(
    lambda who, minutes, text, kind, more: said(0, who, minutes, text, kind, **more),
    st.sampled_from([ME, SHE, HE]),
    st.floats(0, 120) | st.just(1e18),
    TEXTS,
    st.sampled_from(Kind),
    st.fixed_dictionaries(
        {},
        optional={
            "chat_id": st.sampled_from(["c", "d", ""]),
            "is_group": st.booleans(),
            "quoted_text": TEXTS,
            "message_id": st.sampled_from(["1", "2", "3"]),
            "reply_to": st.sampled_from(["1", "2", "9"]),
        },
    ),
)
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "bot"]), "content": TEXTS})
DIALOGUES = st.builds(lambda turns, rows: Dialogue(Place("", 0), tuple(turns), rows), st.lists(TURN), st.integers(1, 3))
LEFT_OUT = st.builds(lambda rows: LeftOut(Place("", 0), "blank", rows=rows), st.integers(1, 3))
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "max_length": st.integers(1, 60),
        "max_turn_length": st.integers(1, 60),
        "context": st.integers(0, 3),
        "only_addressed": st.booleans(),
        "valid_share": st.floats(0, 0.5),
        "blocked_words": st.just(("yes",)),
        "include_type": st.sampled_from([(), ("text",), ("image", "voice")]),
        "rules": st.sampled_from([(), ("image=keep",), ("text:user=cut",), ("system=placeholder",)]),
    },
)


def _placed(rows: list[Row], file: str) -> list[Row]:
    """The rows at places of their own; those of several rows push the later ones on."""
    placed, number = list[Row](), 1
    for row in rows:
        facts = {name: getattr(row, name) for name in row.__slots__}
        placed.append(type(row)(**{**facts, "place": Place(file, number)}))
        number += 1 if isinstance(row, Message) else row.rows
    return placed


@given(st.lists(st.lists(MESSAGES | DIALOGUES | LEFT_OUT, max_size=25), min_size=1, max_size=3), OPTIONS)
def test_rows_in_are_rows_used_and_rows_left_behind(sources: list[list[Row]], options: dict[str, object]) -> None:
    placed = [_placed(rows, f"{number}.csv") for number, rows in enumerate(sources)]
    conversion = converted(*placed, **options)
    accounts = conversion.ledger.accounts()
    for number, rows in enumerate(placed):
        account = accounts.get(f"{number}.csv")
        expected = sum(1 if isinstance(row, Message) else row.rows for row in rows)
        assert (account.rows if account else 0) == expected
    for account in [*accounts.values(), conversion.ledger.total()]:
        assert account.rows == account.used + sum(account.left.values())
        assert "unaccounted" not in account.left
    examples = conversion.training + conversion.validation
    used = {place for example in examples for place in example.places}
    heads = {row.place: 1 if isinstance(row, Message) else row.rows for rows in placed for row in rows}
    assert conversion.ledger.total().used == sum(heads[place] for place in used)
    assert tell(summarise(conversion))


@given(st.lists(MESSAGES, max_size=40), OPTIONS)
def test_no_message_of_the_assistant_is_trained_twice(rows: list[Row], options: dict[str, object]) -> None:
    conversion = converted(_placed(rows, "a.csv"), **{**options, "only_addressed": False})
    spoken = [one for example in conversion.training for one in example.messages if one["role"] == "assistant"]
    answers = sum(one.get("weight", 1) == 1 for one in spoken)
    own = sum(isinstance(row, Message) and row.is_self is True for row in rows)
    assert answers <= own


def test_a_row_used_once_is_used_whatever_else_was_said_of_it() -> None:
    ledger, place = Ledger(), Place("a", 1)
    ledger.enter(place)
    ledger.leave([place], "duplicate")
    ledger.use([place])
    assert (ledger.total().used, dict(ledger.total().left)) == (1, {})


def test_the_first_reason_counts() -> None:
    ledger, place = Ledger(), Place("a", 1)
    ledger.enter(place)
    ledger.leave([place], "no_answer")
    ledger.leave([place], "duplicate")
    assert dict(ledger.total().left) == {"no_answer": 1}


def test_every_reason_has_words() -> None:
    assert all(explain(reason) == words for reason, words in REASONS.items())
    assert explain("red_packet_dropped").startswith("red packet: ")
    assert explain("failed_check_bad_thing") == "the example would not pass the check: bad thing"
    assert all(" ".join(reason.split("_")) != words for reason, words in REASONS.items())


def test_what_the_readers_leave_out_is_told_in_words_and_nothing_twice() -> None:
    sources = Path(__file__).parents[3] / "dataprep" / "sources"
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources.glob("*.py"))
    said_by_readers = set(re.findall(r'LeftOut\((?:Place\([^"\n]*?\)|place), "([a-z_]+)"', code)) - {"noted"}
    assert len(said_by_readers) > 6
    assert said_by_readers <= REASONS.keys()
    report = summarise(converted([ASKED, ANSWERED, LeftOut(Place("chat.csv", 9), "made_up")]))
    assert "1  left: made_up\n" in tell(report)


def test_rows_of_a_chat_that_are_left_behind_are_named() -> None:
    late = [
        said(3, ME, 90, "Late"),
        said(4, SHE, 91, "Lost?"),
        said(5, SHE, 92, "Hello?"),
        said(7, ME, 92, "", Kind.PAT),
    ]
    report = summarise(converted([ASKED, ANSWERED, *late]))
    assert report["details"] == {
        reason: [{"file": "chat.csv", "row": row, "detail": ""} for row in rows]
        for reason, rows in {"no_answer": [4, 5], "no_question": [3], "pat_dropped": [7]}.items()
    }
    assert "no answer: chat.csv, row 4-5\n" in tell(report)


def test_rows_that_are_used_after_all_are_not_named_as_left() -> None:
    report = summarise(converted([ASKED, ANSWERED, said(3, SHE, 2, "Lost?"), said(4, SHE, 3, "", Kind.PAT)]))
    assert sum(map(len, report["details"].values())) == sum(report["rows"]["left"].values()) == 2


def test_what_each_speaker_has_in_the_examples_is_told() -> None:
    group: dict[str, Any] = {"is_group": True, "chat_id": "g"}
    asked = said(3, "13912345678", 50, "And now?", **group)
    report = summarise(
        converted([ASKED, ANSWERED, asked, said(4, ME, 51, "Still.", **group), said(5, SHE, 90, "Lost?")])
    )
    assert [tuple(one.values()) for one in report["speakers"]] == [
        ("me", "assistant", 2, 2),
        ("Mira", "user", 2, 1),
        ("[PHONE_1]", "user", 1, 1),
    ]
    assert report["masked"] == {"PHONE": 1}
    assert "Messages used, by speaker: me (assistant) 2 of 2, Mira (user) 1 of 2, [PHONE_1] (user) 1 of 1." in tell(
        report
    )


def test_every_broken_row_is_named_with_its_fault_up_to_twenty(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = '{"messages": [{"role": "user", "content": "Lit?"}, {"role": "assistant", "content": "Yes."}]}'
    path.write_text("\n".join([good, '{"messages": 7}', "{,}", *['{"messages": 8}'] * 30]), encoding="utf-8")
    report = summarise(convert(labelled([path]), Options()))
    named = report["details"]["broken_row"]
    assert [one["row"] for one in named] == list(range(2, 22))
    assert "not a list" in named[0]["detail"]
    assert report["rows"]["left"] == {"broken_row": 32}
    assert "broken row: a.jsonl, row 3: " in tell(report)


def test_what_a_conversion_takes_out_of_a_training_file_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    asked = {"role": "user", "content": "Lit?", "weight": 1, "timestamp": 7}
    turns = [{"role": "assistant", "content": "Hi."}, asked, {"role": "assistant", "content": "Yes.", "weight": 1}]
    path.write_text(json.dumps({"id": 4, "messages": turns}), encoding="utf-8")
    report = summarise(convert(labelled([path]), Options()))
    assert report["taken_out"] == {
        "key 'id'": 1,
        "key 'timestamp' of messages": 1,
        "key 'weight' of user messages": 1,
        "what is said before the first question": 1,
    }
    assert "Taken out of rows: key 'id' (1), key 'timestamp' of messages (1)," in tell(report)


@given(st.lists(st.integers(1, 30)))
def test_runs_hold_each_number_once(numbers: list[int]) -> None:
    spelled = [range(first, last + 1) for first, last in runs(numbers)]
    assert list(itertools.chain(*spelled)) == sorted(set(numbers))


def test_provenance_names_the_rows_of_each_file() -> None:
    rows = [said(3, SHE, 0, "Lit?"), said(4, SHE, 1, "?"), said(7, ME, 2, "Yes.", file="b.csv")]
    (example,) = converted(rows).training
    assert origin(example) == [{"file": "chat.csv", "rows": [(3, 4)]}, {"file": "b.csv", "rows": [(7, 7)]}]


def test_a_chat_that_most_examples_come_from_is_named() -> None:
    def talks(name: str, count: int) -> list[Row]:
        chat: dict[str, Any] = {"chat_id": name, "chat_name": name, "file": f"{name}.csv"}
        pairs = ((at * 60, f"{name} asks {at}", f"{name} hears {at}") for at in range(count))
        return [
            one
            for row, (minute, asked, heard) in enumerate(pairs)
            for one in (
                said(2 * row + 1, SHE, minute, asked, **chat),
                said(2 * row + 2, ME, minute + 1, heard, **chat),
            )
        ]

    report = summarise(converted([*talks("Mira", 13), *talks("Otto", 9)]))
    assert report["largest_chat"] == {"chat": "Mira", "examples": 13, "share": 13 / 22}
    assert "13 of the examples (59%) come from one chat, 'Mira'" in tell(report)
    assert "come from one chat" not in tell(summarise(converted([*talks("Mira", 11), *talks("Otto", 11)])))
    assert "come from one chat" not in tell(summarise(converted(talks("Mira", 30))))
