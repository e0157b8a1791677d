"""The committed table names what the tests drive, no more and no less, and claims what they show."""

import re
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.contract.clients.catalogue import CLIENTS
from tests.contract.clients.conformance import COMMAND, TABLE, results, rows, write
from tests.contract.clients.driving import Outcome

RESULT = re.compile("works|fails: .+|not driven: .+")
ORIGIN = re.compile(
    r"^From the run of (?P<day>\d{4}-\d\d-\d\d) with Python \S+ on \w+; of the engine's own: (?P<versions>.+)\.$", re.M
)


def table_of(document: Path) -> list[str]:
    return [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]


def parts_of(line: str) -> tuple[str, str]:
    """What is driven, and how it ended."""
    what, result = line.removesuffix(" |").rsplit(" | ", 1)
    return what, result


def test_the_table_has_exactly_the_clients_versions_and_cases_that_are_driven() -> None:
    driven = [line for client in CLIENTS for line in rows(client, lambda case: "any result")]
    assert [parts_of(line)[0] for line in table_of(TABLE)] == [parts_of(line)[0] for line in driven], (
        f"docs/conformance.md is not what the tests drive; write it anew: {COMMAND}"
    )


@pytest.mark.parametrize("result", ["works", "fails: KeyError: 'a\\|b'", "not driven: no package index"])
def test_what_a_run_may_find_may_be_committed(result: str) -> None:
    assert RESULT.fullmatch(result)


def test_the_table_has_nothing_but_results_of_a_run_and_says_of_which() -> None:
    assert [line for line in table_of(TABLE) if not RESULT.fullmatch(parts_of(line)[1])] == []
    assert ORIGIN.search(TABLE.read_text(encoding="utf-8"))


def test_every_case_says_what_it_does() -> None:
    said = [words for client in CLIENTS for words in client.cases.values()]
    assert said
    assert [words for words in said if not words.endswith(".")] == []


def test_a_case_that_fails_stands_in_the_table_with_its_reason(tmp_path: Path) -> None:
    client = CLIENTS[0]
    first, *others = client.cases
    outcomes = [Outcome(first, "Traceback\nKeyError: 'a|b'\n"), *(Outcome(case, None) for case in others)]
    write(tmp_path / "table.md", rows(client, results(outcomes).__getitem__), date(2026, 11, 28))
    found = table_of(tmp_path / "table.md")
    assert found[0].endswith("| fails: KeyError: 'a\\|b' |")
    assert RESULT.fullmatch(parts_of(found[0])[1])
    origin = ORIGIN.search((tmp_path / "table.md").read_text(encoding="utf-8"))
    assert origin
    assert (origin["day"], version("torch") in origin["versions"]) == ("2026-11-28", True)
    assert all(line.endswith("| works |") for line in found[1:])
