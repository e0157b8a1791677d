"""Lines that come again and again are one record with a count, inside of what never closes too."""

import io

import pytest

from dataprep.fixing.framing import Framer, Record


def records(text: str) -> list[Record]:
    return list(Framer(io.StringIO(text, newline="\n")).records())


@pytest.mark.parametrize("line", ["\n", "0\n", "x\n", ",\n"])
def test_the_repeated_lines_of_an_object_that_never_closes_are_one_record(line: str) -> None:
    assert records('{"a":\n' + line * 5000) == [
        Record(1, '{"a":'),
        Record(2, line.rstrip("\n"), lines=5000),
    ]


def test_the_repeated_lines_of_an_object_that_does_close_are_all_part_of_it() -> None:
    assert records('{"a":\n' + "\n" * 3 + "1,\n" * 2 + '"b": 2}\n') == [
        Record(1, '{"a":\n\n\n\n1,\n1,\n"b": 2}', "join_lines"),
    ]


def test_commas_between_the_elements_of_an_array_end_no_element_of_their_own() -> None:
    elements = records('[{"a": 1},\n' + ",\n" * 5000 + '{"b": 2},\n0,\n0,\n]\n')
    assert [(one.line, one.text) for one in elements] == [
        (1, '{"a": 1}'),
        (5002, '{"b": 2}'),
        (5003, "0"),
        (5004, "0"),
    ]


def test_the_repeated_lines_of_an_array_that_never_closes_are_one_record() -> None:
    assert records('[\n{"a": [\n' + "x\n" * 5000)[-1] == Record(3, "x", lines=5000)
