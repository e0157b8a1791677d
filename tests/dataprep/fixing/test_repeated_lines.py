"""Lines that come again and again are one record with a count, inside of what never closes too."""

import io

import pytest

from dataprep.fixing.framing import Framer, Record, split_objects


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


@pytest.mark.parametrize("line", ["x", "{}", "[[],{}]"])
def test_the_repeated_lines_of_an_array_that_never_closes_are_one_record(line: str) -> None:
    assert records('[\n{"a": [\n' + f"{line}\n" * 5000)[-1] == Record(3, line, lines=5000)


@pytest.mark.parametrize("line", ["}{", '{"b": 1}', "{},", "[", "]"])
def test_lines_that_begin_or_end_something_or_hold_strings_are_read_one_by_one(line: str) -> None:
    assert records('[\n{"a": 1,\n' + f"{line}\n" * 2 + "x\n")[-1].lines == 1


def test_thousands_of_objects_on_a_line_that_are_no_examples_are_not_taken_apart() -> None:
    assert records("{}," * 1001)[-1].text == "{}," * 1001
    assert split_objects("{}," * 1001) == []
    assert len(split_objects("{}," * 1000)) == 1000
    assert len(split_objects('{"prompt": "Lit?", "completion": "Yes."}' * 1001)) == 1001
