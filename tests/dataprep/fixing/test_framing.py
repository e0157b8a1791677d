"""Where a record begins and ends, and how much that is no record is borne."""

import json
from pathlib import Path

import pytest

from dataprep.fixing.fix import MAX_UNREAD, Unfixable
from dataprep.fixing.framing import MAX_DEPTH
from tests.dataprep.fixing.copied import GOOD, run
from tests.dataprep.lines import assistant, chat, user


@pytest.mark.parametrize("junk", ["\n", "x\n", ",\n", "{}\n", "1\n"])
def test_the_same_line_again_and_again_is_one_change_and_every_line_is_counted(junk: str, tmp_path: Path) -> None:
    report, lines = run(tmp_path, GOOD[0] + "\n" + junk * 5000)
    assert len(report.changes) <= 2
    assert (report.lines, report.records, report.adds_up) == (5001, 5001, True)
    assert report.counts.total() >= 4999
    assert lines[0] == GOOD[0]


def test_a_file_of_lines_that_are_no_json_is_no_training_file(tmp_path: Path) -> None:
    with pytest.raises(Unfixable, match=r"10000 of the lines up to line 10001 hold no JSON object.*convert it instead"):
        run(tmp_path, GOOD[0] + "\n" + "".join(f"row {number}\n" for number in range(20_000)))


@pytest.mark.parametrize("rows", ["{\n", "[\n", "[\nx\n", "x\n[\n", "{\nx\n"])
def test_rows_of_nothing_count_as_no_json_each_time_they_come(rows: str, tmp_path: Path) -> None:
    with pytest.raises(Unfixable, match=r"of the lines up to line \d+ hold no JSON object.*convert it instead"):
        run(tmp_path, GOOD[0] + "\n" + rows * 12_000)


def test_what_opens_more_brackets_than_any_json_is_given_up_and_its_lines_stay(tmp_path: Path) -> None:
    sound = [chat(user(str(number)), assistant("yes")) for number in range(3000)]
    deep = '{"a":\n' * (MAX_DEPTH + 1) + "1}\n" + "}\n" * MAX_DEPTH
    report, lines = run(tmp_path, "\n".join(sound) + "\n" + deep)
    assert lines == [*sound, '{"a":', "1}", "}"]
    assert report.dropped == {"drop_duplicates": 2 * MAX_DEPTH - 1}
    assert "join_lines" not in report.counts


def test_an_element_over_lines_that_is_no_json_stays_as_lines_that_are_counted(tmp_path: Path) -> None:
    report, lines = run(tmp_path, "[0\n\\]")
    assert (lines, report.written) == (["0", "\\"], 2)


def test_thousands_of_tiny_objects_on_a_line_are_no_examples_and_stay(tmp_path: Path) -> None:
    tiny = "".join(f'{{"a":{number}}}' for number in range(2000))
    assert run(tmp_path, f"{GOOD[0]}\n{tiny}\n")[1] == [GOOD[0], tiny]
    assert run(tmp_path, '{"a":1}{"a":2}')[1] == ['{"a": 1}', '{"a": 2}']


def test_many_broken_lines_among_as_many_sound_ones_stay_as_they_are(tmp_path: Path) -> None:
    sound = [chat(user(str(number)), assistant("yes")) for number in range(2000)]
    broken = [f"row {number}" for number in range(MAX_UNREAD + 100)]
    assert run(tmp_path, "\n".join(sound + broken))[0].written == 12_100


def test_a_broken_element_leaves_the_rest_of_an_array_mended(tmp_path: Path) -> None:
    text = "[\n" + ",\n".join([*GOOD[:3], '{"messages": "cut', *GOOD[3:]]) + "\n]\n"
    report, lines = run(tmp_path, text)
    assert [line for line in lines if line not in GOOD] == ['{"messages": "cut,']
    assert (report.written, report.left.errors) == (13, 1)


def test_long_arrays_on_one_line_pass_through_in_pieces(tmp_path: Path) -> None:
    many = [json.loads(chat(user(f'{number} "[{{' + "\\" * number), assistant("长" * 3000))) for number in range(600)]
    report, lines = run(tmp_path, json.dumps(many, ensure_ascii=False))
    assert [json.loads(line) for line in lines] == many
    assert report.left.ok
